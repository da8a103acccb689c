"""Where the log loss comes from: many small doubts, or few confident mistakes."""

import numpy as np

from secondlook.artifacts.schema import NullableFloat, Record
from secondlook.evaluation.metrics import Labels, Numbers, Probabilities, compute_log_losses


class LossDistribution(Record):
    """How the log loss is spread over the images.

    mean: the log loss, nats per image; worst_share: part of the total (0..1) that the worst 1 % of
    images carry, at least one image; half: how few images carry half of the total;
    confidence_right, confidence_wrong: mean probability (0..1) of the predicted class where it was
    right, and where it was wrong, null where there is none; histogram: images in each bin; edges:
    of the bins, one more than there are bins, the last one null: no upper end.
    """

    mean: NullableFloat
    worst_share: NullableFloat
    half: int
    confidence_right: NullableFloat
    confidence_wrong: NullableFloat
    histogram: list[int]
    edges: list[NullableFloat]


WORST_SHARE = 0.01  # share of images whose part in the total loss is told
# Bins of the histogram, in nats. 0.001: 99.9 % sure and right; 0.69: one half given to the
# true class; 10: 99.995 % sure and wrong. The last bin holds what the floor of 15.9 catches.
LOSS_EDGES = (0.0, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, np.inf)


def compute_loss_distribution(labels: Labels, probabilities: Probabilities) -> LossDistribution:
    """Return how the loss of labels (N,) under probabilities (N, K) is spread over the images."""
    losses, right = (
        compute_log_losses(labels, probabilities),
        probabilities.argmax(axis=1) == labels,
    )
    confidence = probabilities.max(axis=1).astype(np.float64)
    return LossDistribution(
        mean=float(losses.mean()),
        worst_share=compute_worst_share(losses),
        half=count_half_of_loss(losses),
        confidence_right=_average(confidence[right]),
        confidence_wrong=_average(confidence[~right]),
        histogram=np.histogram(losses, LOSS_EDGES)[0].tolist(),
        edges=list(LOSS_EDGES),
    )


def compute_worst_share(losses: Numbers) -> float:
    """Return the part (0..1) of the total that the WORST_SHARE of losses (N,) carries."""
    worst = max(1, round(WORST_SHARE * len(losses)))
    return float(np.partition(losses, -worst)[-worst:].sum() / losses.sum())


def count_half_of_loss(losses: Numbers) -> int:
    """Return the least number of losses (N,) that make at least half of the total."""
    carried = np.cumsum(np.sort(losses)[::-1])
    return int(np.searchsorted(carried, losses.sum() / 2)) + 1


def _average(values: Numbers) -> float:
    return float(values.mean()) if len(values) else np.nan
