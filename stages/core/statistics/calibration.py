"""Is it as sure as it is right? Confidence against accuracy.

Confidence is the probability of the class predicted. A run is calibrated when of all answers given
with confidence c the share c is right. The bins are BINS equal steps of confidence, as in Guo and
others (2017, "On Calibration of Modern Neural Networks"): so the number can be set beside
published ones, and all runs share the same bins. Bins of equal numbers of images would crowd
where a run is sure, which differs from run to run.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stages.core.statistics.metrics import Labels, Numbers, Probabilities
from stages.core.statistics.proportions import Interval, proportion

BINS = 15


@dataclass(frozen=True)
class Bin:
    """The answers with a confidence above `low` and up to `high`.

    count: how many; confidence: their mean confidence (0..1); accuracy: share of them that is
    right, with its interval.
    """

    low: float
    high: float
    count: int
    confidence: float
    accuracy: Interval

    @property
    def misjudged(self) -> bool:
        """Say whether the mean confidence lies outside the interval of the accuracy."""
        return not self.accuracy.low <= self.confidence <= self.accuracy.high


@dataclass(frozen=True)
class Calibration:
    """Reliability of one run on N images.

    bins: those that hold an answer, from unsure to sure; error: the expected calibration error
    (0..1); chance: the error that a perfectly calibrated run would show on as many images, by
    chance alone; brier: the Brier score (0..2).
    """

    bins: tuple[Bin, ...]
    error: float
    chance: float
    brier: float

    @property
    def typical(self) -> Bin:
        """Return the bin with most answers (the surer of equals): what the run usually claims.

        "When it says {confidence}, it is right {accuracy} of the time."
        """
        return max(self.bins, key=lambda b: (b.count, b.low))


def calibration(labels: Labels, probabilities: Probabilities) -> Calibration:
    """Return how far probabilities (N, K) can be believed, given labels (N,) in 0..K-1."""
    confidence = probabilities.max(axis=1).astype(np.float64)
    bins = _bins(confidence, probabilities.argmax(axis=1) == labels)
    share = np.array([b.count for b in bins]) / len(labels)
    gaps = np.array([abs(b.accuracy.value - b.confidence) for b in bins])
    return Calibration(
        bins=bins,
        error=float(share @ gaps),
        chance=_chance(bins),
        brier=brier(labels, probabilities),
    )


def brier(labels: Labels, probabilities: Probabilities) -> float:
    """Return the mean over images of the sum over classes of (probability - truth) squared.

    The definition of Brier (1950): 0 is perfect, 2 the worst. With two classes it is twice the
    number that is often given for the positive class alone.
    """
    squares = np.einsum("nk,nk->n", probabilities, probabilities, dtype=np.float64)
    given = probabilities[np.arange(len(labels)), labels].astype(np.float64)
    return float((squares - 2 * given + 1).mean())


def _bins(confidence: Numbers, right: NDArray[np.bool_]) -> tuple[Bin, ...]:
    edges = np.linspace(0, 1, BINS + 1)
    at = np.clip(np.searchsorted(edges, confidence) - 1, 0, BINS - 1)
    count, sure, hits = (np.bincount(at, w, BINS) for w in (None, confidence, right))
    return tuple(
        Bin(
            low=float(edges[i]),
            high=float(edges[i + 1]),
            count=int(count[i]),
            confidence=float(sure[i] / count[i]),
            accuracy=proportion(int(hits[i]), int(count[i])),
        )
        for i in count.nonzero()[0]
    )


def _chance(bins: tuple[Bin, ...]) -> float:
    """Return the expected error were every bin's true accuracy its confidence.

    By De Moivre's formula for the mean distance of a binomial count from its mean (Diaconis and
    Zabell, 1991). Broecker and Smith (2007) draw the same idea as bars.
    """
    from scipy.stats import binom

    count, sure = (np.array([getattr(b, name) for b in bins]) for name in ("count", "confidence"))
    above = np.floor(count * sure) + 1
    distances = 2 * above * (1 - sure) * binom.pmf(above, count, sure)
    return float(distances.sum() / count.sum())
