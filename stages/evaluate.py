"""Turn the predictions of one run into numbers, beside those of the lazy baseline.

Reads the labels and facts of data/preprocess and data/train/<run>/predictions.npz; writes
data/evaluate/<run>: metrics.json (a few scalars per split, for comparing runs) and
details.json (per class, confusion matrix, curves: what the plots are made of).
"""

import numpy as np
from numpy.typing import NDArray

from stages.core import facts as data_facts
from stages.core import files, metrics
from stages.core.errors import DataError
from stages.core.facts import Facts
from stages.core.metrics import Labels, Probabilities, Ranking
from stages.core.params import Params
from stages.core.results import MICRO, ClassScores, Curves, Details, PrecisionRecall, Roc, Scalars


def run(params: Params, name: str) -> None:
    """Evaluate the run `name` on validation and on test.

    Raises ParamsError for an unknown run, DataError where predictions and data do not match.
    """
    params.run(name)
    facts, points = data_facts.read(), params.evaluate.curve_points
    scalars, details = {}, {}
    for split in ("validation", "test"):
        labels = files.labels(split)
        probabilities = predictions(name, split, (len(labels), len(facts.classes)))
        lazy = lazy_scalars(labels, facts)
        scalars[split] = judged(labels, probabilities, facts, lazy.accuracy).model_dump()
        details[split] = detailed(labels, probabilities, facts, lazy, points).model_dump()
    with files.output("evaluate", name) as folder:
        files.write_json(folder / "metrics.json", scalars)
        files.write_json(folder / "details.json", details)


def predictions(name: str, split: str, shape: tuple[int, int]) -> Probabilities:
    """Return the class probabilities (N, K) of a run for one split.

    Raises DataError where there are none, or not as many as labels.
    """
    path = files.folder("train", name) / "predictions.npz"
    if not path.exists():
        raise DataError(f"{path}: no such file; run `dvc repro` to make it")
    with np.load(path) as arrays:
        found: Probabilities = arrays[split]
    if found.shape != shape:
        raise DataError(
            f"{path}: {split}: found {found.shape} (images, classes), expected {shape} as in "
            "data/preprocess; run `dvc repro` to train on these data"
        )
    return found


def lazy_scalars(labels: Labels, facts: Facts) -> Scalars:
    """Judge the lazy baseline: always the commonest training class.

    Its probabilities for every image are the shares of the classes in training.
    """
    shares = facts.training_shares
    probabilities = np.broadcast_to(shares, (len(labels), len(shares)))
    return judged(labels, probabilities, facts, lazy_accuracy=None)


def judged(
    labels: Labels, probabilities: Probabilities, facts: Facts, lazy_accuracy: float | None
) -> Scalars:
    """Return the scalars of one split; the lazy baseline's own accuracy when None is given."""
    numbers = metrics.scalars(labels, probabilities, facts.positive_index)
    if lazy_accuracy is None:
        lazy_accuracy = numbers["accuracy"]
    return Scalars(lazy_accuracy=lazy_accuracy, **numbers)


def detailed(
    labels: Labels, probabilities: Probabilities, facts: Facts, lazy: Scalars, points: int
) -> Details:
    """Return what the plots of one split are made of, its curves with `points` points."""
    counts = metrics.confusion(labels, probabilities)
    return Details(
        per_class=per_class(counts, facts.classes),
        confusion=counts.tolist(),
        curves=curves(labels, probabilities, facts, points),
        lazy=lazy,
    )


def per_class(counts: metrics.Counts, classes: list[str]) -> dict[str, ClassScores]:
    """Return the scores of every class, by its name."""
    columns = [column.tolist() for column in metrics.per_class(counts)]
    return {
        name: ClassScores(precision=precision, recall=recall, f1=f1, support=support)
        for name, precision, recall, f1, support in zip(classes, *columns, strict=True)
    }


def curves(
    labels: Labels, probabilities: Probabilities, facts: Facts, points: int
) -> dict[str, Curves]:
    """Return the curves of the positive class, or of every class and their micro average.

    The micro average takes every pair of image and class as one yes-or-no question.
    """
    if facts.positive_index is not None:
        k = facts.positive_index
        return {facts.classes[k]: curve(labels == k, probabilities[:, k], points)}
    truths = labels[:, None] == np.arange(len(facts.classes))
    found = {
        name: curve(truths[:, k], probabilities[:, k], points)
        for k, name in enumerate(facts.classes)
    }
    return found | {MICRO: curve(truths.ravel(), probabilities.ravel(), points)}


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
