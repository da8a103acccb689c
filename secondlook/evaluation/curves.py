"""Precision-recall and ROC curves of yes-or-no questions, thinned to what a drawing needs."""

import numpy as np
from numpy.typing import NDArray

from secondlook.artifacts.schema import NullableFloat, Record
from secondlook.evaluation import metrics
from secondlook.evaluation.metrics import Labels, Probabilities, ScoreRanking

MICRO_AVERAGE = "micro average"  # the curve of all classes, each pair of image and class a question


class PrecisionRecallCurve(Record):
    """Points from the highest threshold (a probability) down; the area is average precision."""

    precision: list[float]
    recall: list[float]
    threshold: list[NullableFloat]
    area: NullableFloat


class RocCurve(Record):
    """Points from (0, 0) to (1, 1), and the area under them."""

    false_positive_rate: list[float]
    true_positive_rate: list[float]
    area: NullableFloat


class ClassCurves(Record):
    """Both curves of one class against the rest."""

    precision_recall: PrecisionRecallCurve
    roc: RocCurve


# Of more distinct scores than MAX_RANKED_POINTS so many are looked at: FIRST_POINTS, where
# precision jumps, and then every so many.
MAX_RANKED_POINTS, FIRST_POINTS = 20_000, 1_000
# Of more pairs than MAX_SORTED_PAIRS, the micro average counts scores that differ in their
# last SPARED_BITS bits alone (by less than 1/2048 of themselves) as equal: counting spares sorting.
MAX_SORTED_PAIRS, SPARED_BITS = 1_000_000, 12


def compute_curves(positives: NDArray[np.bool_], scores: Probabilities, points: int) -> ClassCurves:
    """Return both curves of one yes-or-no question, (N,) truths and (N,) scores."""
    return _build_curves(metrics.rank_scores(positives, scores), points)


def compute_micro_curves(labels: Labels, probabilities: Probabilities, points: int) -> ClassCurves:
    """Return both curves of all pairs of image and class, each taken as a yes-or-no question.

    labels (N,), probabilities (N, K).
    """
    if probabilities.size > MAX_SORTED_PAIRS:
        return _build_curves(_rank_by_counting(labels, probabilities), points)
    truths = labels[:, None] == np.arange(probabilities.shape[1])
    return compute_curves(truths.ravel(), probabilities.ravel(), points)


def _rank_by_counting(labels: Labels, probabilities: Probabilities) -> ScoreRanking:
    """Return about the ranking of all pairs of image and class, without sorting N x K scores."""
    size = 2 ** (31 - SPARED_BITS)
    counts = np.zeros((2, size), dtype=np.int64)
    for k in range(probabilities.shape[1]):
        bits = np.array(probabilities[:, k], dtype=np.float32).view(np.uint32)
        bins = (bits << 1) >> (SPARED_BITS + 1)  # without the sign, which NaN may have
        counts += [np.bincount(bins[(labels == k) == yes], minlength=size) for yes in (0, 1)]
    held = np.flatnonzero(counts.any(axis=0))[::-1]
    alarms, hits = counts[:, held].cumsum(axis=1)
    return ScoreRanking(hits, alarms, (held.astype(np.uint32) << SPARED_BITS).view(np.float32))


def _build_curves(ranked: ScoreRanking, points: int) -> ClassCurves:
    """Return both curves of a ranking with at most `points` points.

    The areas are of all points, before thinning.
    """
    some = select_ranking_points(len(ranked.threshold))
    kept = ScoreRanking(
        ranked.true_positives[some], ranked.false_positives[some], ranked.threshold[some]
    )
    return ClassCurves(
        precision_recall=_build_precision_recall(
            kept, points, metrics.compute_average_precision(ranked)
        ),
        roc=_build_roc(kept, points, metrics.compute_roc_auc(ranked)),
    )


def _build_precision_recall(ranked: ScoreRanking, points: int, area: float) -> PrecisionRecallCurve:
    """Return the precision-recall curve, thinned; its recall is 0 where nothing is positive."""
    hits = ranked.true_positives
    precision, recall = hits / (hits + ranked.false_positives), hits / max(hits[-1], 1)
    kept = thin_curve(recall, precision, points)
    return PrecisionRecallCurve(
        precision=precision[kept].tolist(),
        recall=recall[kept].tolist(),
        threshold=ranked.threshold[kept].tolist(),
        area=area,
    )


def _build_roc(ranked: ScoreRanking, points: int, area: float) -> RocCurve:
    """Return the ROC curve, thinned, from (0, 0) to (1, 1)."""
    hits, alarms = np.append(0, ranked.true_positives), np.append(0, ranked.false_positives)
    true_rate, false_rate = hits / max(hits[-1], 1), alarms / max(alarms[-1], 1)
    kept = thin_curve(false_rate, true_rate, points)
    return RocCurve(
        false_positive_rate=false_rate[kept].tolist(),
        true_positive_rate=true_rate[kept].tolist(),
        area=area,
    )


def select_ranking_points(count: int) -> NDArray[np.int64]:
    """Return which of `count` points of a ranking to look at: all, or MAX_RANKED_POINTS or so."""
    if count <= MAX_RANKED_POINTS:
        return np.arange(count)
    rest = np.linspace(FIRST_POINTS, count - 1, MAX_RANKED_POINTS - FIRST_POINTS).astype(np.int64)
    return np.append(np.arange(FIRST_POINTS), rest)


def thin_curve(x: metrics.Numbers, y: metrics.Numbers, points: int) -> NDArray[np.int64]:
    """Return which points (T,) of a curve to draw: at most `points`, evenly along it.

    Both ends stay. Length is |dx| + |dy|, so a stretch that does not move costs no points.
    """
    if len(x) <= points:
        return np.arange(len(x))
    length = np.cumsum(np.abs(np.diff(x, prepend=x[0])) + np.abs(np.diff(y, prepend=y[0])))
    kept = np.searchsorted(length, np.linspace(0, length[-1], points - 1))
    return np.unique(np.append(kept, len(x) - 1))
