"""Learning curves: loss and accuracy over the epochs, of one run or of all."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from secondlook.artifacts.manifest import SEEN_SPLITS
from secondlook.evaluation.run_artifacts import RunResult, Study
from secondlook.report.theme import Line, Panel, Style, assign_styles

CURVE_METRICS = ("loss", "accuracy", "precision", "recall")
CSV_FIELDS = ("run", "series", "epoch", *CURVE_METRICS)


def build_run_panel(study: Study, result: RunResult, look: Style, metric: str) -> Panel:
    """Return one run's training (dashed) and validation (solid) curve of loss or accuracy.

    Where it overfitted, the epoch of the lowest validation loss is marked, and where a second
    phase begins, between two epochs, the switch.
    """
    lines = [_build_line(result, look, split, metric) for split in SEEN_SPLITS]
    panel = _build_panel(study, lines, metric, metric.capitalize())
    marks: list[tuple[float, str]] = []
    if (switched := result.training.fine_tuned_after) is not None:
        marks.append((switched + 0.5, "fine-tuning"))
    fit = result.fitting
    if metric == "loss" and fit.kind == "overfitting" and fit.turned is not None:
        marks.append((fit.turned, ""))
    return replace(panel, verticals=marks)


def build_study_panel(study: Study, metric: str) -> Panel:
    """Return the validation curves of all runs."""
    lines = [
        _build_line(result, look, "validation", metric) for result, look in assign_styles(study)
    ]
    return _build_panel(study, lines, metric, f"{metric.capitalize()} on validation")


def _build_line(result: RunResult, look: Style, split: str, metric: str) -> Line:
    values = [row[f"{split}/{metric}"] for row in result.history]
    kept = result.training.kept_epoch
    return Line(
        style=look,
        x=[row["epoch"] for row in result.history],
        y=values,
        run=result.name,
        label=split,
        mark=None if split == "train" else (kept, values[kept - 1]),
        faint=split == "train",
    )


def _build_panel(study: Study, lines: Sequence[Line], metric: str, title: str) -> Panel:
    base, (lowest, highest) = _get_lazy_value(study, metric), compute_axis_limits(study, metric)
    return Panel(
        title=title,
        lines=lines,
        x_label="epoch",
        y_label="",
        x_limits=(1, max(2, *(len(line.x) for line in lines))),
        y_limits=(lowest, highest),
        base=base if lowest <= base <= highest else None,
        base_label="lazy",
    )


def compute_axis_limits(study: Study, metric: str) -> tuple[float, float]:
    """Return the range of loss or accuracy that all runs share.

    An axis ends at the latest as far beyond the lazy baseline as perfection is before it, so
    that one bad epoch does not flatten all other curves; it does so as well where no run has a
    value that is defined.
    """
    base = _get_lazy_value(study, metric)
    values = [
        value
        for result in study.results
        for row in result.history
        for split in SEEN_SPLITS
        if (value := row[f"{split}/{metric}"]) is not None
    ]
    if metric == "loss":
        furthest = 2 * base
        return 0.0, min(max(values, default=furthest), furthest) * 1.04
    furthest = 2 * base - 1
    lowest = max(min(values, default=furthest), furthest)
    return lowest - 0.04 * (1 - lowest), 1 + 0.02 * (1 - lowest)


def _get_lazy_value(study: Study, metric: str) -> float:
    scalars = study.results[0].details["validation"].lazy
    return (scalars.log_loss if metric == "loss" else scalars.accuracy) or 0.0


def list_epoch_rows(study: Study) -> Iterator[dict[str, object]]:
    """Yield the rows of curves.csv: every run, series (train or validation) and epoch."""
    for result in study.results:
        for series in SEEN_SPLITS:
            for row in result.history:
                numbers = {metric: row[f"{series}/{metric}"] for metric in CURVE_METRICS}
                epoch = int(row["epoch"] or 0)
                yield {"run": result.name, "series": series, "epoch": epoch, **numbers}
