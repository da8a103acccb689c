"""Is it as sure as it is right? Confidence against accuracy.

Confidence is the probability of the class predicted. A run is calibrated when of all answers given
with confidence c the share c is right. The bins are BIN_COUNT equal steps of confidence, as in
Guo and others (2017, "On Calibration of Modern Neural Networks"): so the number can be set beside
published ones, and all runs share the same bins. Bins of equal numbers of images would crowd
where a run is sure, which differs from run to run.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from secondlook.artifacts.schema import Interval, NullableFloat, Record
from secondlook.evaluation.metrics import (
    IntervalComputed,
    Labels,
    Numbers,
    Probabilities,
    compute_wilson_interval,
)


class CalibrationBin(Record):
    """The answers with a confidence above `low` and up to `high`, `count` of them.

    confidence: the mean of it; accuracy: the share that is right, with its interval; misjudged:
    whether the mean confidence lies outside of that interval.
    """

    low: float
    high: float
    count: int
    confidence: NullableFloat
    accuracy: Interval
    misjudged: bool


class Calibration(Record):
    """Whether a run is as sure as it is right, from `secondlook/evaluation/calibration.py`.

    bins: those that hold an answer, from unsure to sure; error: the expected calibration error
    with these bins; chance: the error that a perfectly calibrated run would show on as many
    images; brier: the Brier score (0..2); typical: the bin with most answers, for the sentence
    "when it says {confidence}, it is right {accuracy} of the time".
    """

    bins: list[CalibrationBin]
    error: NullableFloat
    chance: NullableFloat
    brier: NullableFloat
    typical: CalibrationBin


BIN_COUNT = 15


@dataclass(frozen=True)
class CalibrationBinComputed:
    """The answers with a confidence above `low` and up to `high`.

    count: how many; confidence: their mean confidence (0..1); accuracy: share of them that is
    right, with its interval.
    """

    low: float
    high: float
    count: int
    confidence: float
    accuracy: IntervalComputed

    @property
    def misjudged(self) -> bool:
        """Say whether the mean confidence lies outside the interval of the accuracy."""
        return not self.accuracy.low <= self.confidence <= self.accuracy.high


@dataclass(frozen=True)
class CalibrationComputed:
    """Reliability of one run on N images.

    bins: those that hold an answer, from unsure to sure; error: the expected calibration error
    (0..1); chance: the error that a perfectly calibrated run would show on as many images, by
    chance alone; brier: the Brier score (0..2).
    """

    bins: tuple[CalibrationBinComputed, ...]
    error: float
    chance: float
    brier: float

    @property
    def typical(self) -> CalibrationBinComputed:
        """Return the bin with most answers (the surer of equals): what the run usually claims.

        "When it says {confidence}, it is right {accuracy} of the time."
        """
        return max(self.bins, key=lambda b: (b.count, b.low))


def compute_calibration(labels: Labels, probabilities: Probabilities) -> CalibrationComputed:
    """Return how far probabilities (N, K) can be believed, given labels (N,) in 0..K-1."""
    confidence = probabilities.max(axis=1).astype(np.float64)
    bins = _compute_bins(confidence, probabilities.argmax(axis=1) == labels)
    share = np.array([b.count for b in bins]) / len(labels)
    gaps = np.array([abs(b.accuracy.value - b.confidence) for b in bins])
    return CalibrationComputed(
        bins=bins,
        error=float(share @ gaps),
        chance=_compute_chance_error(bins),
        brier=compute_brier_score(labels, probabilities),
    )


def compute_brier_score(labels: Labels, probabilities: Probabilities) -> float:
    """Return the mean over images of the sum over classes of (probability - truth) squared.

    The definition of Brier (1950): 0 is perfect, 2 the worst. With two classes it is twice the
    number that is often given for the positive class alone.
    """
    squares = np.einsum("nk,nk->n", probabilities, probabilities, dtype=np.float64)
    given = probabilities[np.arange(len(labels)), labels].astype(np.float64)
    return float((squares - 2 * given + 1).mean())


def _compute_bins(
    confidence: Numbers, right: NDArray[np.bool_]
) -> tuple[CalibrationBinComputed, ...]:
    edges = np.linspace(0, 1, BIN_COUNT + 1)
    at = np.clip(np.searchsorted(edges, confidence) - 1, 0, BIN_COUNT - 1)
    count, sure, hits = (np.bincount(at, w, BIN_COUNT) for w in (None, confidence, right))
    return tuple(
        CalibrationBinComputed(
            low=float(edges[i]),
            high=float(edges[i + 1]),
            count=int(count[i]),
            confidence=float(sure[i] / count[i]),
            accuracy=compute_wilson_interval(int(hits[i]), int(count[i])),
        )
        for i in count.nonzero()[0]
    )


def _compute_chance_error(bins: tuple[CalibrationBinComputed, ...]) -> float:
    """Return the expected error were every bin's true accuracy its confidence.

    By De Moivre's formula for the mean distance of a binomial count from its mean (Diaconis and
    Zabell, 1991). Broecker and Smith (2007) draw the same idea as bars.
    """
    from scipy.stats import binom

    count, sure = (np.array([getattr(b, name) for b in bins]) for name in ("count", "confidence"))
    above = np.floor(count * sure) + 1
    distances = 2 * above * (1 - sure) * binom.pmf(above, count, sure)
    return float(distances.sum() / count.sum())
