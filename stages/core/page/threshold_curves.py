"""Precision-recall and ROC curves on test: what every threshold would give."""

from collections.abc import Iterator, Sequence

from stages.core.outputs.results import MICRO, Curves, Result, Scalars
from stages.core.outputs.study import Study
from stages.core.page.palette import Look, looks
from stages.core.page.panels import Line, Panel

FIELDS = ("run", "series", "recall", "precision")
UNIT = (0.0, 1.02)
# Of many classes a picture shows this many, the hardest to find; more could not be told apart.
CLASSES = 7


def precision_recall(study: Study, curve: str, title: str) -> Panel:
    """Return every run's precision-recall curve on test, of one class or of all.

    Where the question is about one class, a mark shows where each run stands on its curve.
    """
    lines = []
    for result, look in looks(study):
        stands = result.metrics["test"] if study.facts.positive else None
        lines.append(_precision_recall(_curves(result, curve), look, result.name, stands))
    return _precision_recall_panel(title, lines, _share(study, curve))


def roc(study: Study) -> Panel:
    """Return every run's ROC curve on test."""
    lines = [
        _roc(_curves(result, study.headline), look, result.name) for result, look in looks(study)
    ]
    return _roc_panel("ROC", lines)


def precision_recall_of_run(study: Study, result: Result) -> Panel:
    """Return one run's precision-recall curves on test, class beside class."""
    lines = [
        _precision_recall(_curves(result, name), Look(i), label=name)
        for i, name in enumerate(_named(result))
    ]
    base = _share(study, study.headline)
    return _precision_recall_panel(f"{result.name}: precision and recall on test", lines, base)


def roc_of_run(result: Result) -> Panel:
    """Return one run's ROC curves on test, class beside class."""
    lines = [
        _roc(_curves(result, name), Look(i), label=name) for i, name in enumerate(_named(result))
    ]
    return _roc_panel(f"{result.name}: ROC on test", lines)


def _named(result: Result) -> list[str]:
    """Return the curves of one run worth a line: the hardest classes, and that of all."""
    curves = result.details["test"].curves
    classes = [name for name in curves if name != MICRO]
    hardest = sorted(classes, key=lambda name: curves[name].precision_recall.area or 0.0)
    return [name for name in curves if name in [*hardest[:CLASSES], MICRO]]


def _share(study: Study, curve: str) -> float | None:
    """Return the precision of a guess: the share of positives among all that is asked."""
    details = study.results[0].details["test"]
    if curve == MICRO:
        return 1 / len(details.per_class)
    total = sum(scores.support for scores in details.per_class.values())
    return details.per_class[curve].support / total


def _curves(result: Result, name: str) -> Curves:
    return result.details["test"].curves[name]


def _precision_recall(
    curves: Curves, look: Look, run: str = "", stands: Scalars | None = None, label: str = ""
) -> Line:
    """Return the curve from recall 0 on."""
    found = curves.precision_recall
    return Line(
        look=look,
        x=[0.0, *found.recall],
        y=[*found.precision[:1], *found.precision],
        run=run,
        label=label,
        mark=None if stands is None else (stands.recall, stands.precision),
    )


def _roc(curves: Curves, look: Look, run: str = "", label: str = "") -> Line:
    found = curves.roc
    return Line(look, found.false_positive_rate, found.true_positive_rate, run, label)


def _precision_recall_panel(title: str, lines: Sequence[Line], base: float | None) -> Panel:
    return Panel(title, lines, "recall", "precision", UNIT, UNIT, base=base, steps=True)


def _roc_panel(title: str, lines: Sequence[Line]) -> Panel:
    axes = ("false positive rate", "true positive rate")
    return Panel(title, lines, *axes, (-0.01, 1.0), UNIT, diagonal=True)


def by_threshold(result: Result, look: Look) -> Panel | None:
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
    return Panel(title, lines, "answer yes from this probability on", "", UNIT, UNIT)


def records(study: Study) -> Iterator[dict[str, object]]:
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
