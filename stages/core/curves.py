"""Precision-recall and ROC curve of one yes-or-no question, thinned to what a drawing needs."""

import numpy as np
from numpy.typing import NDArray

from stages.core import metrics
from stages.core.metrics import Probabilities, Ranking
from stages.core.results import Curves, PrecisionRecall, Roc


def curve(positives: NDArray[np.bool_], scores: Probabilities, points: int) -> Curves:
    """Return both curves of one yes-or-no question, (N,) truths and (N,) scores.

    The areas are of all points, before thinning.
    """
    ranked = metrics.ranking(positives, scores)
    return Curves(precision_recall=precision_recall(ranked, points), roc=roc(ranked, points))


def precision_recall(ranked: Ranking, points: int) -> PrecisionRecall:
    """Return the precision-recall curve, thinned; its recall is 0 where nothing is positive."""
    hits = ranked.true_positives
    precision, recall = hits / (hits + ranked.false_positives), hits / max(hits[-1], 1)
    kept = thinned(recall, precision, points)
    return PrecisionRecall(
        precision=precision[kept].tolist(),
        recall=recall[kept].tolist(),
        threshold=ranked.threshold[kept].tolist(),
        area=metrics.average_precision(ranked),
    )


def roc(ranked: Ranking, points: int) -> Roc:
    """Return the ROC curve, thinned, from (0, 0) to (1, 1)."""
    hits, alarms = np.append(0, ranked.true_positives), np.append(0, ranked.false_positives)
    true_rate, false_rate = hits / max(hits[-1], 1), alarms / max(alarms[-1], 1)
    kept = thinned(false_rate, true_rate, points)
    return Roc(
        false_positive_rate=false_rate[kept].tolist(),
        true_positive_rate=true_rate[kept].tolist(),
        area=metrics.roc_auc(ranked),
    )


def thinned(x: metrics.Numbers, y: metrics.Numbers, points: int) -> NDArray[np.int64]:
    """Return which points (T,) of a curve to draw: at most `points`, evenly along it.

    Both ends stay. Length is |dx| + |dy|, so a stretch that does not move costs no points.
    """
    if len(x) <= points:
        return np.arange(len(x))
    length = np.cumsum(np.abs(np.diff(x, prepend=x[0])) + np.abs(np.diff(y, prepend=y[0])))
    kept = np.searchsorted(length, np.linspace(0, length[-1], points - 1))
    return np.unique(np.append(kept, len(x) - 1))
