"""The runs side by side, with the lazy baseline among them, best first."""

from collections.abc import Sequence
from dataclasses import dataclass

from stages.core.outputs.findings import Interval
from stages.core.outputs.results import Result, Scalars
from stages.core.outputs.study import Study
from stages.core.page.palette import Look, looks

SPLITS = ("validation", "test")
FIELDS = ["run", *(f"{split}/{name}" for split in SPLITS for name in Scalars.model_fields)]

RANK = "validation/f1"  # validation ranks, so that test stays an unused judge

# What people see of it: per split, column and title.
SHOWN = {
    "validation": {
        "validation/f1": "F1",
        "validation/accuracy": "accuracy",
        "validation/log_loss": "log loss",
    },
    "test": {
        "test/accuracy": "accuracy",
        "test/precision": "precision",
        "test/recall": "recall",
        "test/f1": "F1",
        "test/average_precision": "PR area",
        "test/roc_auc": "ROC area",
        "test/log_loss": "log loss",
    },
}


@dataclass(frozen=True)
class Row:
    """One run, or the lazy baseline (which has no look and no intervals), judged on each split."""

    name: str
    look: Look | None
    scalars: dict[str, Scalars]
    intervals: dict[str, dict[str, Interval]]

    def value(self, column: str) -> float | None:
        """Return one number, such as that of "test/recall"; None where undefined."""
        split, metric = column.split("/")
        number: float | None = getattr(self.scalars[split], metric)
        return number

    def interval(self, column: str) -> Interval | None:
        """Return the 95 % interval of that number; None where there is none."""
        split, metric = column.split("/")
        return self.intervals.get(split, {}).get(metric)


def rows(study: Study) -> list[Row]:
    """Return all runs and the lazy baseline, the highest F1 on validation first.

    Runs that are level keep their order.
    """
    lazy = {split: study.results[0].details[split].lazy for split in SPLITS}
    found = [
        Row(result.name, look, result.metrics, _intervals(result)) for result, look in looks(study)
    ]
    found.append(Row(f'always "{study.facts.lazy_class}"', None, lazy, {}))
    return sorted(found, key=lambda row: -(row.value(RANK) or 0.0))


def _intervals(result: Result) -> dict[str, dict[str, Interval]]:
    return {split: details.intervals for split, details in result.details.items()}


def best(found: Sequence[Row], column: str) -> float | None:
    """Return the best number of a column: the lowest log loss, the highest of any other."""
    values = [value for row in found if (value := row.value(column)) is not None]
    if not values:
        return None
    return min(values) if column.endswith("log_loss") else max(values)


def records(found: Sequence[Row]) -> list[dict[str, object]]:
    """Return the rows of leaderboard.csv, whose columns are FIELDS."""
    return [
        {"run": row.name} | {column: row.value(column) for column in FIELDS[1:]} for row in found
    ]
