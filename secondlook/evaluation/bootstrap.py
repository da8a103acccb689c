"""How far counting metrics would move on other images of the same kind.

N images, K classes, R runs. All counting metrics depend on three counts per class only
(_ClassMargins), and a resample of the images is a multinomial draw of the cells of the contingency
table (true class, predicted by each run): its cost does not grow with N.
"""

from collections.abc import Iterator
from itertools import product
from typing import NamedTuple

import numpy as np

from secondlook.evaluation.metrics import Labels, Numbers
from secondlook.evaluation.predictions import GroundTruth

RESAMPLES = 2000  # the ends of a 95 % interval then vary by 6 % of its standard error
CHUNK_CELLS = 4_000_000  # cells drawn at a time: 32 MB
# Images added in each way of being right or wrong, shared among the classes: see `_widen_table`.
ADDED_IMAGES = {1: 1.0, 2: 0.5}


class _ClassMargins(NamedTuple):
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


def _compute_metrics(margins: _ClassMargins, positive: int | None) -> dict[str, Numbers]:
    """Return the counting metrics (...,) of margins (..., K), 0..1, as `metrics.py` does.

    Precision, recall and F1 are the positive class's (NaN where undefined), or the mean over
    the classes that occur or are predicted (an undefined one is 0, as in scikit-learn).
    """
    support, predicted, hits = margins
    recall, precision = _divide(hits, support), _divide(hits, predicted)
    f1 = _divide(2 * hits, support + predicted)
    shares = {"precision": precision, "recall": recall, "f1": f1}
    occurring = (support + predicted > 0).sum(axis=-1)
    macro = {name: _divide(np.nansum(share, axis=-1), occurring) for name, share in shares.items()}
    headline = macro if positive is None else {n: s[..., positive] for n, s in shares.items()}
    return {
        "accuracy": _divide(hits.sum(axis=-1), support.sum(axis=-1)),
        "balanced_accuracy": _divide(np.nansum(recall, axis=-1), (support > 0).sum(axis=-1)),
        **headline,
        "macro_f1": macro["f1"],
    }


def compute_observed_metrics(truth: GroundTruth, predicted: Labels) -> dict[str, float]:
    """Return one run's counting metrics on the images as they are."""
    table = count_contingency(truth, predicted)
    [margins] = _compute_margins(table, table.counts)
    return {name: float(value) for name, value in _compute_metrics(margins, truth.positive).items()}


def resample_metrics(table: ContingencyTable, seed: int) -> list[dict[str, Numbers]]:
    """Return the counting metrics (RESAMPLES,) of each run on resampled images."""
    widened = _widen_table(table)
    parts = [
        [_compute_metrics(margins, table.positive) for margins in _compute_margins(widened, drawn)]
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
    table = count_contingency(truth, predicted)
    total, whole = table.counts.sum(), compute_observed_metrics(truth, predicted)
    [present], [single] = _compute_margins(table, table.counts), _compute_indicators(table)
    left = _compute_metrics(_ClassMargins(*map(np.subtract, present, single)), truth.positive)
    cell = np.zeros(truth.classes**2, dtype=np.int64)
    cell[table.cells @ [truth.classes, 1]] = np.arange(len(table.cells))
    each = cell[truth.labels * truth.classes + predicted]
    return {name: (total * whole[name] - (total - 1) * left[name])[each] for name in whole}


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


def _compute_margins(table: ContingencyTable, counts: Numbers) -> list[_ClassMargins]:
    """Return the margins (..., K) of each run where the cells hold counts (..., M)."""
    return [
        _ClassMargins(*(counts @ indicator for indicator in indicators))
        for indicators in _compute_indicators(table)
    ]


def _compute_indicators(table: ContingencyTable) -> list[_ClassMargins]:
    """Return what one image of each cell adds to each run's margins: (M, K), 0 or 1."""
    columns = np.equal.outer(table.cells.T, np.arange(table.classes)).astype(np.float64)
    true, *predicted = columns
    return [_ClassMargins(true, answers, true * answers) for answers in predicted]
