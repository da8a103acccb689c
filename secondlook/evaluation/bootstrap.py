"""How far counting metrics would move on other images of the same kind.

N images, K classes, R runs. All counting metrics depend on three counts per class only
(ClassMargins), and a resample of the images is a multinomial draw of the cells of the contingency
table (true class, predicted by each run): its cost does not grow with N.
"""

from collections.abc import Callable, Iterator
from itertools import product
from typing import NamedTuple

import numpy as np

from secondlook.evaluation.metrics import Labels, Numbers, count_answers
from secondlook.evaluation.predictions import GroundTruth

RESAMPLES = 2000  # the ends of a 95 % interval then vary by 6 % of its standard error
CHUNK_CELLS = 4_000_000  # cells drawn at a time: 32 MB
# Images added in each way of being right or wrong, shared among the classes: see `_widen_table`.
ADDED_IMAGES = {1: 1.0, 2: 0.5}


class ClassMargins(NamedTuple):
    """Counts per class, each (..., K): truly of it, predicted as it, and both."""

    support: Numbers
    predicted: Numbers
    hits: Numbers


class ContingencyTable(NamedTuple):
    """The cells of a contingency table that hold images.

    cells (M, 1 + R): true class, class predicted by each run; counts (M,).
    """

    cells: Labels
    counts: Numbers
    classes: int
    positive: int | None


def count_contingency(truth: GroundTruth, *predicted: Labels) -> ContingencyTable:
    """Count the images in every cell of true class and the classes predicted (N,) by each run."""
    codes = truth.labels.astype(np.int64)
    for answers in predicted:
        codes = codes * truth.classes + answers
    present, counts = np.unique(codes, return_counts=True)
    cells = np.unravel_index(present, (truth.classes,) * (len(predicted) + 1))
    return ContingencyTable(
        np.stack(cells, axis=1), counts.astype(np.float64), truth.classes, truth.positive
    )


PerClass = Callable[[ClassMargins], Numbers]  # a number of each class: (..., K)
# NaN where undefined: nothing of the class occurs, or is called so.
SHARES: dict[str, PerClass] = {
    "precision": lambda margins: _divide(margins.hits, margins.predicted),
    "recall": lambda margins: _divide(margins.hits, margins.support),
    "f1": lambda margins: _divide(2 * margins.hits, margins.support + margins.predicted),
}


def _combine_classes(
    accuracy: Numbers,
    add: Callable[[PerClass], Numbers],
    pick: Callable[[PerClass], Numbers] | None,
) -> dict[str, Numbers]:
    """Return the counting metrics (...,), 0..1, as `metrics.py` does.

    add: the sum over classes of a number, where undefined 0 (as in scikit-learn); pick: that of the
    positive class. Without one, precision, recall and F1 are the mean over classes that occur or
    are predicted.
    """
    occurring = add(lambda margins: (margins.support + margins.predicted > 0).astype(np.float64))
    present = add(lambda margins: (margins.support > 0).astype(np.float64))
    sums = {name: add(share) for name, share in SHARES.items()}
    macro = {name: _divide(found, occurring) for name, found in sums.items()}
    return {
        "accuracy": accuracy,
        "balanced_accuracy": _divide(sums["recall"], present),
        **({name: pick(share) for name, share in SHARES.items()} if pick else macro),
        "macro_f1": macro["f1"],
    }


def compute_counting_metrics(margins: ClassMargins, positive: int | None) -> dict[str, Numbers]:
    """Return the counting metrics (...,) of margins (..., K)."""
    return _combine_classes(
        _divide(margins.hits.sum(axis=-1), margins.support.sum(axis=-1)),
        lambda number: np.asarray(np.nansum(number(margins), axis=-1)),
        None if positive is None else lambda number: np.asarray(number(margins)[..., positive]),
    )


def _compute_metrics_without_one(margins: ClassMargins, positive: int | None) -> dict[str, Numbers]:
    """Return the metrics (K, K) that one image less leaves, by its true and predicted class."""
    one = np.eye(len(margins.support))
    return _combine_classes(
        _divide(margins.hits.sum() - one, np.full_like(one, margins.support.sum() - 1)),
        lambda number: _sum_without_one(margins, lambda left: np.nan_to_num(number(left))),
        None
        if positive is None
        else lambda number: _sum_without_one(
            margins, lambda left: np.where(one[positive], number(left), 0.0)
        ),
    )


def _sum_without_one(margins: ClassMargins, number: PerClass) -> Numbers:
    """Return the sum over classes of a number (K, K): an image less changes two classes at most."""
    support, predicted, hits = margins
    missed = number(ClassMargins(support - 1, predicted, hits))
    alarm = number(ClassMargins(support, predicted - 1, hits))
    hit = number(ClassMargins(support - 1, predicted - 1, hits - 1))
    before = number(margins)
    left: Numbers = before.sum() + np.add.outer(missed - before, alarm - before)
    np.fill_diagonal(left, before.sum() + (hit - before))
    return left


def _count_margins(truth: GroundTruth, predicted: Labels) -> ClassMargins:
    """Return the margins (K,) of one run on the images as they are."""
    counts = count_answers(truth.labels, predicted, truth.classes).astype(np.float64)
    return ClassMargins(counts.sum(axis=1), counts.sum(axis=0), counts.diagonal())


def compute_observed_metrics(truth: GroundTruth, predicted: Labels) -> dict[str, float]:
    """Return one run's counting metrics on the images as they are."""
    found = compute_counting_metrics(_count_margins(truth, predicted), truth.positive)
    return {name: float(value) for name, value in found.items()}


def resample_metrics(table: ContingencyTable, seed: int) -> list[dict[str, Numbers]]:
    """Return the counting metrics (RESAMPLES,) of each run on resampled images."""
    widened = _widen_table(table)
    parts = [
        [
            compute_counting_metrics(margins, table.positive)
            for margins in _compute_margins(widened, drawn)
        ]
        for drawn in _draw_resamples(round(table.counts.sum()), widened.counts, seed)
    ]
    return [
        {name: np.concatenate([part[name] for part in run]) for name in run[0]}
        for run in zip(*parts, strict=True)
    ]


def compute_metric_contributions(truth: GroundTruth, predicted: Labels) -> dict[str, Numbers]:
    """Return what each image (N,) contributes to each metric: the jackknife's pseudo-values.

    N m - (N - 1) m without the image (Tukey, 1958). Their mean is the metric but for a bias of
    1/N, and their variance over N that of the metric (accuracy: 1 where right, 0 where wrong).
    """
    total, whole = len(predicted), compute_observed_metrics(truth, predicted)
    left = _compute_metrics_without_one(_count_margins(truth, predicted), truth.positive)
    return {
        name: (total * whole[name] - (total - 1) * left[name])[truth.labels, predicted]
        for name in whole
    }


def _divide(part: Numbers, whole: Numbers | Labels) -> Numbers:
    """Return part / whole, NaN where the whole is nothing."""
    undefined: Numbers = np.full(np.shape(part), np.nan)
    return np.divide(part, whole, out=undefined, where=whole > 0)


def _widen_table(table: ContingencyTable) -> ContingencyTable:
    """Return the table with a little of every way in which runs can be right and wrong.

    Resampling never shows what happened not to occur, so on small or nearly perfect tables its
    intervals are too short. As Agresti and Min (2005) do for matched proportions (half an image
    in each of four cells) and Jeffreys' prior for one proportion (Brown, Cai and DasGupta,
    2001), a fraction of an image is added for each class: of it, and taken for it, by each run
    or not. What is not the class is a class of its own here (index K), in no average.
    """
    k, runs = table.classes, table.cells.shape[1] - 1
    kinds = [kind for kind in product((True, False), repeat=runs + 1) if any(kind)]
    cells = np.where(np.tile(kinds, (k, 1)), np.arange(k).repeat(len(kinds))[:, None], k)
    counts = np.append(table.counts, np.full(len(cells), ADDED_IMAGES[runs] / k))
    return table._replace(cells=np.vstack([table.cells, cells]), counts=counts)


def _draw_resamples(total: int, counts: Numbers, seed: int) -> Iterator[Numbers]:
    """Yield RESAMPLES resamples of `total` images, (rows, M) at a time."""
    random, shares = np.random.default_rng(seed), counts / counts.sum()
    rows = max(1, CHUNK_CELLS // len(shares))
    for start in range(0, RESAMPLES, rows):
        drawn = random.multinomial(total, shares, size=min(rows, RESAMPLES - start))
        yield drawn.astype(np.float64)


def _compute_margins(table: ContingencyTable, counts: Numbers) -> list[ClassMargins]:
    """Return the margins (..., K) of each run where the cells hold counts (..., M)."""
    true, *predicted = np.equal.outer(table.cells.T, np.arange(table.classes)).astype(np.float64)
    return [
        ClassMargins(counts @ true, counts @ answers, counts @ (true * answers))
        for answers in predicted
    ]
