"""Can its probabilities be believed? Confidence against accuracy; where the log loss comes from.

Confidence is the probability of the class predicted. A run is calibrated when of all answers given
with confidence c the share c is right. The bins are BIN_COUNT equal steps of confidence, as in
Guo and others (2017, "On Calibration of Modern Neural Networks"): so the number can be set beside
published ones, and all runs share the same bins. Bins of equal numbers of images would crowd
where a run is sure, which differs from run to run.

The log loss of many small doubts and that of few confident mistakes can be the same number: its
distribution over the images tells them apart.
"""

import numpy as np

from secondlook.artifacts.schema import Interval, NullableFloat, Record
from secondlook.evaluation.metrics import (
    Labels,
    Numbers,
    Probabilities,
    compute_log_losses,
    compute_wilson_interval,
)


class CalibrationBin(Record):
    """The answers with a confidence above `low` and up to `high`, `count` of them.

    confidence: the mean of it (0..1); accuracy: the share that is right, with its interval;
    misjudged: whether the mean confidence lies outside of that interval.
    """

    low: float
    high: float
    count: int
    confidence: NullableFloat
    accuracy: Interval
    misjudged: bool


class Calibration(Record):
    """Whether a run is as sure as it is right.

    bins: those that hold an answer, from unsure to sure; error: the expected calibration error
    with these bins; chance: the error that a perfectly calibrated run would show on as many
    images; brier: the Brier score (0..2); typical: the bin with most answers (the surer
    of equals), for the sentence "when it says {confidence}, it is right {accuracy} of the time".
    """

    bins: list[CalibrationBin]
    error: NullableFloat
    chance: NullableFloat
    brier: NullableFloat
    typical: CalibrationBin


BIN_COUNT = 15


def compute_calibration(labels: Labels, probabilities: Probabilities) -> Calibration:
    """Return how far probabilities (N, K) can be believed, given labels (N,) in 0..K-1."""
    sums = _sum_bins(probabilities, labels)
    bins = [_describe_bin(*one) for one in zip(*sums, strict=True)]
    _, count, sure, hits = sums
    return Calibration(
        bins=bins,
        error=float(count / len(labels) @ np.abs(hits / count - sure / count)),
        chance=_compute_chance_error(count, sure / count),
        brier=compute_brier_score(labels, probabilities),
        typical=max(bins, key=lambda b: (b.count, b.low)),
    )


def compute_brier_score(labels: Labels, probabilities: Probabilities) -> float:
    """Return the mean over images of the sum over classes of (probability - truth) squared.

    The definition of Brier (1950): 0 is perfect, 2 the worst. With two classes it is twice the
    number that is often given for the positive class alone.
    """
    squares = np.einsum("nk,nk->n", probabilities, probabilities, dtype=np.float64)
    given = probabilities[np.arange(len(labels)), labels].astype(np.float64)
    return float((squares - 2 * given + 1).mean())


def _sum_bins(
    probabilities: Probabilities, labels: Labels
) -> tuple[Labels, Labels, Numbers, Numbers]:
    """Return of the B bins that hold an answer: place, answers, sum of confidences, right ones."""
    confidence = probabilities.max(axis=1).astype(np.float64)
    edges = np.linspace(0, 1, BIN_COUNT + 1)
    at = np.clip(np.searchsorted(edges, confidence) - 1, 0, BIN_COUNT - 1)
    right = probabilities.argmax(axis=1) == labels
    count, sure, hits = (np.bincount(at, w, BIN_COUNT) for w in (None, confidence, right))
    places = count.nonzero()[0]
    confidences, rights = (found[places].astype(np.float64) for found in (sure, hits))
    return places.astype(np.int64), count[places].astype(np.int64), confidences, rights


def _describe_bin(place: int, count: int, sure: float, hits: float) -> CalibrationBin:
    low, high = np.linspace(0, 1, BIN_COUNT + 1)[[place, place + 1]].tolist()
    confidence, accuracy = float(sure / count), compute_wilson_interval(int(hits), int(count))
    _, least, most = accuracy.floats
    return CalibrationBin(
        low=low,
        high=high,
        count=int(count),
        confidence=confidence,
        accuracy=accuracy,
        misjudged=not least <= confidence <= most,
    )


def _compute_chance_error(count: Labels, sure: Numbers) -> float:
    """Return the expected error were every bin's true accuracy its confidence (B,).

    By De Moivre's formula for the mean distance of a binomial count from its mean (Diaconis and
    Zabell, 1991). Broecker and Smith (2007) draw the same idea as bars.
    """
    above = np.floor(count * sure) + 1
    distances = 2 * above * (1 - sure) * _compute_binomial_shares(above, count, sure)
    return float(distances.sum() / count.sum())


def _compute_binomial_shares(successes: Numbers, total: Labels, share: Numbers) -> Numbers:
    """Return how likely so many successes (B,) of a total are; 0 for more than the total."""
    # As scipy.stats.binom.pmf, whose import takes longer than the rest of `evaluate`, once for each
    # run of a study.
    from scipy.special import betaln, xlog1py, xlogy

    failures = np.maximum(total - successes, 0)
    ways = -betaln(1 + failures, 1 + successes) - np.log1p(total)
    likely = np.exp(ways + xlogy(successes, share) + xlog1py(failures, -share))
    return np.where(successes > total, 0.0, likely)


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
