"""Precision-recall and ROC curves of yes-or-no questions, thinned to what a drawing needs."""

import numpy as np
from numpy.typing import NDArray

from stages.core.outputs.results import Curves, PrecisionRecall, Roc
from stages.core.statistics import metrics
from stages.core.statistics.metrics import Labels, Probabilities, Ranking

# Of more distinct scores than FINE so many are looked at: the FIRST, where precision jumps, and
# then every so many.
FINE, FIRST = 20_000, 1_000
# Of more pairs of image and class than MANY, the micro average counts scores that differ in their
# last SPARED bits alone (by less than 1/2048 of themselves) as equal: counting spares sorting.
MANY, SPARED = 1_000_000, 12


def curve(positives: NDArray[np.bool_], scores: Probabilities, points: int) -> Curves:
    """Return both curves of one yes-or-no question, (N,) truths and (N,) scores."""
    return drawn(metrics.ranking(positives, scores), points)


def micro(labels: Labels, probabilities: Probabilities, points: int) -> Curves:
    """Return both curves of all pairs of image and class, each taken as a yes-or-no question.

    labels (N,), probabilities (N, K).
    """
    if probabilities.size > MANY:
        return drawn(counted(labels, probabilities), points)
    truths = labels[:, None] == np.arange(probabilities.shape[1])
    return curve(truths.ravel(), probabilities.ravel(), points)


def counted(labels: Labels, probabilities: Probabilities) -> Ranking:
    """Return about the ranking of all pairs of image and class, without sorting N x K scores."""
    size = 2 ** (31 - SPARED)
    counts = np.zeros((2, size), dtype=np.int64)
    for k in range(probabilities.shape[1]):
        bits = np.array(probabilities[:, k], dtype=np.float32).view(np.uint32)
        bins = (bits << 1) >> (SPARED + 1)  # without the sign, which NaN may have
        counts += [np.bincount(bins[(labels == k) == yes], minlength=size) for yes in (0, 1)]
    held = np.flatnonzero(counts.any(axis=0))[::-1]
    alarms, hits = counts[:, held].cumsum(axis=1)
    return Ranking(hits, alarms, (held.astype(np.uint32) << SPARED).view(np.float32))


def drawn(ranked: Ranking, points: int) -> Curves:
    """Return both curves of a ranking with at most `points` points.

    The areas are of all points, before thinning.
    """
    some = coarse(len(ranked.threshold))
    kept = Ranking(
        ranked.true_positives[some], ranked.false_positives[some], ranked.threshold[some]
    )
    return Curves(
        precision_recall=precision_recall(kept, points, metrics.average_precision(ranked)),
        roc=roc(kept, points, metrics.roc_auc(ranked)),
    )


def precision_recall(ranked: Ranking, points: int, area: float) -> PrecisionRecall:
    """Return the precision-recall curve, thinned; its recall is 0 where nothing is positive."""
    hits = ranked.true_positives
    precision, recall = hits / (hits + ranked.false_positives), hits / max(hits[-1], 1)
    kept = thinned(recall, precision, points)
    return PrecisionRecall(
        precision=precision[kept].tolist(),
        recall=recall[kept].tolist(),
        threshold=ranked.threshold[kept].tolist(),
        area=area,
    )


def roc(ranked: Ranking, points: int, area: float) -> Roc:
    """Return the ROC curve, thinned, from (0, 0) to (1, 1)."""
    hits, alarms = np.append(0, ranked.true_positives), np.append(0, ranked.false_positives)
    true_rate, false_rate = hits / max(hits[-1], 1), alarms / max(alarms[-1], 1)
    kept = thinned(false_rate, true_rate, points)
    return Roc(
        false_positive_rate=false_rate[kept].tolist(),
        true_positive_rate=true_rate[kept].tolist(),
        area=area,
    )


def coarse(count: int) -> NDArray[np.int64]:
    """Return which of `count` points of a ranking to look at: all, or about FINE, both ends too."""
    if count <= FINE:
        return np.arange(count)
    rest = np.linspace(FIRST, count - 1, FINE - FIRST).astype(np.int64)
    return np.append(np.arange(FIRST), rest)


def thinned(x: metrics.Numbers, y: metrics.Numbers, points: int) -> NDArray[np.int64]:
    """Return which points (T,) of a curve to draw: at most `points`, evenly along it.

    Both ends stay. Length is |dx| + |dy|, so a stretch that does not move costs no points.
    """
    if len(x) <= points:
        return np.arange(len(x))
    length = np.cumsum(np.abs(np.diff(x, prepend=x[0])) + np.abs(np.diff(y, prepend=y[0])))
    kept = np.searchsorted(length, np.linspace(0, length[-1], points - 1))
    return np.unique(np.append(kept, len(x) - 1))
