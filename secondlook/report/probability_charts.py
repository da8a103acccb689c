"""What the probabilities of runs are worth on test, ready to be shown as charts and tables.

Precision-recall and ROC curves say what every threshold would give, the operating point which one
is taken, calibration and log loss whether a run is as sure as it is right.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import log1p

import numpy as np

from secondlook.evaluation.calibration import Calibration, CalibrationBin, LossDistribution
from secondlook.evaluation.curves import MICRO_AVERAGE, ClassCurves
from secondlook.evaluation.metrics import Counts
from secondlook.evaluation.operating_point import OperatingPoint
from secondlook.evaluation.run_artifacts import RunResult, Scalars, Study
from secondlook.report import text
from secondlook.report.theme import Line, Panel, Style, assign_styles

CSV_FIELDS = ("run", "series", "recall", "precision")
UNIT_LIMITS = (0.0, 1.02)
# Of many classes a picture shows this many, the hardest to find; more could not be told apart.
MAX_CURVES = 7


def build_precision_recall(study: Study, curve: str, title: str) -> Panel:
    """Return every run's precision-recall curve on test, of one class or of all.

    Where the question is about one class, a mark shows where each run stands on its curve.
    """
    lines = []
    for result, look in assign_styles(study):
        stands = result.metrics["test"] if study.facts.positive else None
        lines.append(
            _build_precision_recall_line(_get_curves(result, curve), look, result.name, stands)
        )
    return _build_precision_recall_panel(title, lines, _compute_base_rate(study, curve))


def build_roc(study: Study) -> Panel:
    """Return every run's ROC curve on test."""
    lines = [
        _build_roc_line(_get_curves(result, study.headline), look, result.name)
        for result, look in assign_styles(study)
    ]
    return _build_roc_panel("ROC", lines)


def build_run_precision_recall(study: Study, result: RunResult) -> Panel:
    """Return one run's precision-recall curves on test, class beside class."""
    lines = [
        _build_precision_recall_line(_get_curves(result, name), Style(i), label=name)
        for i, name in enumerate(_select_curves(result))
    ]
    base = _compute_base_rate(study, study.headline)
    return _build_precision_recall_panel(
        f"{result.name}: precision and recall on test", lines, base
    )


def build_run_roc(result: RunResult) -> Panel:
    """Return one run's ROC curves on test, class beside class."""
    lines = [
        _build_roc_line(_get_curves(result, name), Style(i), label=name)
        for i, name in enumerate(_select_curves(result))
    ]
    return _build_roc_panel(f"{result.name}: ROC on test", lines)


def _select_curves(result: RunResult) -> list[str]:
    """Return the curves of one run worth a line: the hardest classes, and that of all."""
    curves = result.details["test"].curves
    classes = [name for name in curves if name != MICRO_AVERAGE]
    hardest = sorted(classes, key=lambda name: curves[name].precision_recall.area or 0.0)
    return [name for name in curves if name in [*hardest[:MAX_CURVES], MICRO_AVERAGE]]


def _compute_base_rate(study: Study, curve: str) -> float | None:
    """Return the precision of a guess: the share of positives among all that is asked."""
    details = study.results[0].details["test"]
    if curve == MICRO_AVERAGE:
        return 1 / len(details.per_class)
    total = sum(scores.support for scores in details.per_class.values())
    return details.per_class[curve].support / total


def _get_curves(result: RunResult, name: str) -> ClassCurves:
    return result.details["test"].curves[name]


def _build_precision_recall_line(
    curves: ClassCurves, look: Style, run: str = "", stands: Scalars | None = None, label: str = ""
) -> Line:
    """Return the curve from recall 0 on."""
    found = curves.precision_recall
    return Line(
        style=look,
        x=[0.0, *found.recall],
        y=[*found.precision[:1], *found.precision],
        run=run,
        label=label,
        mark=None if stands is None else (stands.recall, stands.precision),
    )


def _build_roc_line(curves: ClassCurves, look: Style, run: str = "", label: str = "") -> Line:
    found = curves.roc
    return Line(look, found.false_positive_rate, found.true_positive_rate, run, label)


def _build_precision_recall_panel(title: str, lines: Sequence[Line], base: float | None) -> Panel:
    return Panel(
        title, lines, "recall", "precision", UNIT_LIMITS, UNIT_LIMITS, base=base, steps=True
    )


def _build_roc_panel(title: str, lines: Sequence[Line]) -> Panel:
    axes = ("false positive rate", "true positive rate")
    return Panel(title, lines, *axes, (-0.01, 1.0), UNIT_LIMITS, diagonal=True)


def build_threshold_panel(result: RunResult, look: Style) -> Panel | None:
    """Return one run's precision (solid) and recall (dashed) on test against the threshold.

    The marks are where the operating point is; None where the question is not yes or no.
    """
    found, point = result.details["test"].thresholds, result.details["test"].operating_point
    if found is None or point is None:
        return None
    lines = [
        Line(look, found.threshold, y, result.name, label, (point.threshold, at), label == "recall")
        for label, y, at in (
            ("precision", found.precision, point.precision),
            ("recall", found.recall, point.recall),
        )
    ]
    title = f"{result.name}: precision, recall (dashed)"
    return Panel(title, lines, "answer yes from this probability on", "", UNIT_LIMITS, UNIT_LIMITS)


def list_precision_recall_rows(study: Study) -> Iterator[dict[str, object]]:
    """Yield the rows of precision_recall.csv: the headline curve of every run and split."""
    for result in study.results:
        for series, details in result.details.items():
            curve = details.curves[study.headline].precision_recall
            for recall, precision in zip(curve.recall, curve.precision, strict=True):
                yield {
                    "run": result.name,
                    "series": series,
                    "recall": recall,
                    "precision": precision,
                }


@dataclass(frozen=True)
class HistogramBar:
    """Images in one bin of a histogram; height 0..1 grows with the logarithm of the count."""

    height: float
    count: int
    label: str


@dataclass(frozen=True)
class Certainty:
    """One run on test: where its log loss comes from, and whether it is as sure as it is right."""

    losses: LossDistribution
    calibration: Calibration
    sentences: Sequence[str]
    histogram: Sequence[HistogramBar]
    reliability: Sequence[tuple[CalibrationBin, HistogramBar]]


def build_certainty(result: RunResult) -> Certainty:
    """Return what `evaluate` found of a run's certainty on test, ready to draw."""
    details = result.details["test"]
    losses, calibration = details.losses, details.calibration
    counts = [found.count for found in calibration.bins]
    spans = [f"{found.low:.2f} to {found.high:.2f}" for found in calibration.bins]
    return Certainty(
        losses=losses,
        calibration=calibration,
        sentences=[text.describe_loss_spread(losses), text.describe_calibration(calibration)],
        histogram=build_bars(losses.histogram, format_bin_labels(losses.edges)),
        reliability=list(zip(calibration.bins, build_bars(counts, spans), strict=True)),
    )


def build_bars(counts: Sequence[int], labels: Sequence[str]) -> list[HistogramBar]:
    """Return bars whose heights tell one image from none, and thousands from millions."""
    highest = log1p(max(counts, default=0)) or 1.0
    return [
        HistogramBar(log1p(count) / highest, count, label)
        for count, label in zip(counts, labels, strict=True)
    ]


def format_bin_labels(edges: Sequence[float | None]) -> list[str]:
    """Return the names of a histogram's bins by their edges; None: no upper end."""
    return [
        f"{low:g} and more" if high is None else f"{low:g} to {high:g}"
        for low, high in pairwise(edges)
    ]


@dataclass(frozen=True)
class OperatingView:
    """One run's operating point, on validation and on test, and what one half would have given.

    Matrices (2, 2) are of test: rows truly not and truly so, columns answered no and yes.
    """

    validation: OperatingPoint
    test: OperatingPoint
    at_one_half: Counts
    at_threshold: Counts


def build_operating_view(study: Study, result: RunResult) -> OperatingView | None:
    """Return where a run answers yes; None where the question has more than two answers."""
    validation, test = (result.details[s].operating_point for s in ("validation", "test"))
    k = study.facts.question_index
    if validation is None or test is None or k is None:
        return None
    order = [1 - k, k]
    return OperatingView(
        validation=validation,
        test=test,
        at_one_half=np.array(result.details["test"].confusion)[np.ix_(order, order)],
        at_threshold=np.array(test.confusion),
    )
