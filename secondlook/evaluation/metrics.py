"""Labels and probabilities to numbers, equal to scikit-learn's, which is slower.

Everywhere: N images, K classes; labels (N,) int64 in 0..K-1, probabilities (N, K) float32 in
0..1, `positive` the index of the positive class or None. The class predicted is the most
probable one, the first of several. A number that is not defined is NaN.

The stage `train` depends on this file and no other of evaluation/: Wilson's interval and McNemar's
test stand here too, because its layer report needs them.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from secondlook.artifacts.schema import Interval, McNemarTest

Labels = NDArray[np.int64]
Probabilities = NDArray[np.float32]
Counts = NDArray[np.int64]
Numbers = NDArray[np.float64]
# scikit-learn's floor for float32: a certain mistake costs 15.9, not infinity.
SMALLEST_PROBABILITY = np.finfo(np.float32).eps


class PerClassScores(NamedTuple):
    """Four arrays (K,): shares in 0..1, and how many images truly are of each class."""

    precision: Numbers
    recall: Numbers
    f1: Numbers
    support: Counts


class ScoreRanking(NamedTuple):
    """Arrays (T,), one entry per distinct score, from the highest down.

    How many positives and negatives have at least that score: what both the precision-recall
    and the ROC curve are made of.
    """

    true_positives: Counts
    false_positives: Counts
    threshold: Probabilities


def compute_epoch_metrics(
    labels: Labels, probabilities: Probabilities, positive: int | None
) -> dict[str, float]:
    """Return loss (nats per image), accuracy, precision and recall (0..1) of one epoch.

    Precision and recall are the positive class's, or the unweighted mean over classes.
    """
    counts = compute_confusion_matrix(labels, probabilities)
    precision, recall, _ = compute_headline_scores(counts, positive)
    return {
        "loss": compute_log_loss(labels, probabilities),
        "accuracy": _compute_accuracy(counts),
        "precision": precision,
        "recall": recall,
    }


def compute_scalars(
    labels: Labels, probabilities: Probabilities, positive: int | None
) -> dict[str, float]:
    """Return what metrics.json says of one split, less the lazy baseline.

    Precision, recall, F1 and the two areas are the positive class's, or the unweighted mean
    over classes (one against the rest for the areas).
    """
    counts = compute_confusion_matrix(labels, probabilities)
    precision, recall, f1 = compute_headline_scores(counts, positive)
    areas = _compute_areas(labels, probabilities, positive)
    return {
        "accuracy": _compute_accuracy(counts),
        "balanced_accuracy": _compute_balanced_accuracy(counts),
        "log_loss": compute_log_loss(labels, probabilities),
        "precision": precision,
        "recall": recall,
        "f1": f1,
        "macro_f1": compute_headline_scores(counts, None)[2],
        "average_precision": areas[0],
        "roc_auc": areas[1],
    }


def compute_confusion_matrix(labels: Labels, probabilities: Probabilities) -> Counts:
    """Return counts (K, K): rows the true class, columns the predicted one.

    Equal to sklearn.metrics.confusion_matrix, at a fifth of its time for a million images.
    """
    return count_answers(labels, probabilities.argmax(axis=1), probabilities.shape[1])


def count_answers(labels: Labels, predicted: Labels, classes: int) -> Counts:
    """Return counts (K, K) of images (N,): rows the true class, columns the predicted one."""
    cells = np.bincount(labels * classes + predicted, minlength=classes**2)
    return cells.reshape(classes, classes).astype(np.int64)


def _compute_accuracy(counts: Counts) -> float:
    """Return the share of images on the diagonal of the confusion matrix."""
    return float(counts.trace() / counts.sum())


def _compute_balanced_accuracy(counts: Counts) -> float:
    """Return the mean recall of the classes that occur (Brodersen and others, 2010)."""
    return float(np.nanmean(compute_class_scores(counts).recall))


def compute_class_scores(counts: Counts) -> PerClassScores:
    """Return precision, recall, F1 and support of every class of a confusion matrix (K, K).

    Precision is NaN for a class never predicted, recall for one that does not occur, F1 for one
    of which both is true. Equal to sklearn.metrics.precision_recall_fscore_support; importing it
    takes longer than all that `evaluate` computes.
    """
    hits, predicted, support = counts.diagonal(), counts.sum(axis=0), counts.sum(axis=1)
    parts, wholes = np.stack([hits, hits, 2 * hits]), np.stack([predicted, support, predicted])
    wholes[2] += support
    shares = np.full(parts.shape, np.nan)
    precision, recall, f1 = np.divide(parts, wholes, out=shares, where=wholes > 0)
    return PerClassScores(precision, recall, f1, support)


def compute_headline_scores(counts: Counts, positive: int | None) -> tuple[float, float, float]:
    """Return precision, recall and F1: the positive class's, or the mean over classes.

    In the mean, as in scikit-learn's, a class never predicted has precision 0: leaving a class
    out would otherwise be rewarded. One that is neither there nor predicted is no class of it.
    """
    scores = compute_class_scores(counts)[:3]
    if positive is None:
        occurring = counts.any(axis=0) | counts.any(axis=1)
        found = [np.nan_to_num(score[occurring], nan=0.0).mean() for score in scores]
    else:
        found = [score[positive] for score in scores]
    precision, recall, f1 = map(float, found)
    return precision, recall, f1


def compute_log_loss(labels: Labels, probabilities: Probabilities) -> float:
    """Return the mean of -ln(probability of the true class), in nats.

    Equal to sklearn.metrics.log_loss, at a thirtieth of its time for a million images, and NaN
    where probabilities are (a training that ran away), which scikit-learn refuses.
    """
    return float(compute_log_losses(labels, probabilities).mean())


def compute_log_losses(labels: Labels, probabilities: Probabilities) -> Numbers:
    """Return -ln(probability of the true class) per image (N,), in nats.

    labels (N,) in 0..K-1, probabilities (N, K). Clipped to float32's precision as
    sklearn.metrics.log_loss does: at most 15.9, so that one image can never outweigh all others.
    """
    given = probabilities[np.arange(len(labels)), labels].astype(np.float64)
    return -np.log(np.clip(given, SMALLEST_PROBABILITY, 1 - SMALLEST_PROBABILITY))


def rank_scores(positives: NDArray[np.bool_], scores: Probabilities) -> ScoreRanking:
    """Count positives (N,) and negatives from the highest score (N,) down.

    Equal to sklearn.metrics.confusion_matrix_at_thresholds, seven times faster: floats of 0..1
    order like their bits, so score and label sort together as one 32-bit number.
    """
    keys = np.array(scores, dtype=np.float32).view(np.uint32)
    keys <<= 1
    keys |= positives
    keys.sort()
    keys = keys[::-1]
    last = np.append(np.flatnonzero(np.diff(keys >> 1)), len(keys) - 1)
    true_positives = np.cumsum(keys & 1, dtype=np.int64)[last]
    return ScoreRanking(
        true_positives, last + 1 - true_positives, (keys[last] >> 1).view(np.float32)
    )


def compute_average_precision(ranked: ScoreRanking) -> float:
    """Return the sum of precision times gain in recall (0..1); NaN without positives."""
    hits = ranked.true_positives
    if not hits[-1]:
        return np.nan
    precision = hits / (hits + ranked.false_positives)
    return float((np.diff(hits, prepend=0) * precision).sum() / hits[-1])


def compute_roc_auc(ranked: ScoreRanking) -> float:
    """Return the area under the ROC curve (0..1), by trapezoids; NaN without both kinds."""
    hits, alarms = (np.append(0, column) for column in ranked[:2])
    if not hits[-1] or not alarms[-1]:
        return np.nan
    return float(np.trapezoid(hits / hits[-1], alarms / alarms[-1]))


def _compute_areas(
    labels: Labels, probabilities: Probabilities, positive: int | None
) -> tuple[float, float]:
    if np.isnan(probabilities).any():
        return np.nan, np.nan
    classes = range(probabilities.shape[1]) if positive is None else [positive]
    ranked = [rank_scores(labels == k, probabilities[:, k]) for k in classes]
    return _average_defined([compute_average_precision(r) for r in ranked]), _average_defined(
        [compute_roc_auc(r) for r in ranked]
    )


def _average_defined(values: list[float]) -> float:
    """Return the mean over the classes that have a value."""
    defined = [value for value in values if not np.isnan(value)]
    return float(np.mean(defined)) if defined else np.nan


NORMAL_QUANTILE = 1.959963984540054  # the standard normal distribution's quantile at 0.975


def compute_wilson_interval(
    successes: int, total: int, quantile: float = NORMAL_QUANTILE
) -> Interval:
    """Return a proportion, 0..1, of a total of at least 1, and its interval (Wilson, 1927)."""
    share, weight = successes / total, quantile**2 / total
    centre = (share + weight / 2) / (1 + weight)
    reach = (weight * (share * (1 - share) + weight / 4)) ** 0.5 / (1 + weight)
    return Interval.from_floats(share, max(0.0, centre - reach), min(1.0, centre + reach))


def compute_mcnemar(first: NDArray[np.bool_], second: NDArray[np.bool_]) -> McNemarTest:
    """Test whether two runs are right on equally many images: McNemar's exact test (1947).

    first, second: bool (N,), whether each run got the image right.
    """
    from scipy.stats import binomtest

    first_only, second_only = int((first & ~second).sum()), int((second & ~first).sum())
    deciding = first_only + second_only
    p = float(binomtest(first_only, deciding).pvalue) if deciding else 1.0
    return McNemarTest(first_only=first_only, second_only=second_only, p=p)
