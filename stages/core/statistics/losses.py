"""Where the log loss comes from: many small doubts, or few confident mistakes."""

from dataclasses import dataclass

import numpy as np

from stages.core.statistics.metrics import SMALLEST, Labels, Numbers, Probabilities

WORST = 0.01  # share of images whose part in the total loss is told
# Bins of the histogram, in nats. 0.001: 99.9 % sure and right; 0.69: one half given to the
# true class; 10: 99.995 % sure and wrong. The last bin holds what the floor of 15.9 catches.
EDGES = (0.0, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, np.inf)


@dataclass(frozen=True)
class Spread:
    """How the log loss of N images is spread over them.

    mean: the log loss, nats per image; worst_share: part of the total (0..1) that the WORST
    share of images carries, at least one image; half: how few images carry half of the total;
    confidence_right, confidence_wrong: mean probability (0..1) of the predicted class where it
    was right and where it was wrong, NaN where there is none; histogram: images in each bin of
    EDGES.
    """

    mean: float
    worst_share: float
    half: int
    confidence_right: float
    confidence_wrong: float
    histogram: tuple[int, ...]


def log_losses(labels: Labels, probabilities: Probabilities) -> Numbers:
    """Return -ln(probability of the true class) per image (N,), in nats.

    labels (N,) in 0..K-1, probabilities (N, K). Clipped to float32's precision as
    sklearn.metrics.log_loss does: at most 15.9, so that one image can never outweigh all others.
    """
    given = probabilities[np.arange(len(labels)), labels].astype(np.float64)
    return -np.log(np.clip(given, SMALLEST, 1 - SMALLEST))


def spread(labels: Labels, probabilities: Probabilities) -> Spread:
    """Return how the loss of labels (N,) under probabilities (N, K) is spread over the images."""
    losses, right = log_losses(labels, probabilities), probabilities.argmax(axis=1) == labels
    confidence = probabilities.max(axis=1).astype(np.float64)
    return Spread(
        mean=float(losses.mean()),
        worst_share=worst_share(losses),
        half=half(losses),
        confidence_right=_mean(confidence[right]),
        confidence_wrong=_mean(confidence[~right]),
        histogram=tuple(np.histogram(losses, EDGES)[0].tolist()),
    )


def worst_share(losses: Numbers) -> float:
    """Return the part (0..1) of the total that the WORST share of losses (N,) carries."""
    worst = max(1, round(WORST * len(losses)))
    return float(np.partition(losses, -worst)[-worst:].sum() / losses.sum())


def half(losses: Numbers) -> int:
    """Return the least number of losses (N,) that make at least half of the total."""
    carried = np.cumsum(np.sort(losses)[::-1])
    return int(np.searchsorted(carried, losses.sum() / 2)) + 1


def _mean(values: Numbers) -> float:
    return float(values.mean()) if len(values) else np.nan
