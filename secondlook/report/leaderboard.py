"""The runs side by side, with the lazy baseline among them, best first.

Runs that differ in their seed alone are one row: their mean, and how far they spread.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from secondlook.artifacts.manifest import EVALUATED_SPLITS
from secondlook.artifacts.schema import Interval
from secondlook.evaluation.comparison_artifacts import Method
from secondlook.evaluation.run_artifacts import RunResult, Scalars, Study
from secondlook.evaluation.seeds import Estimate
from secondlook.report.theme import Style, assign_styles

METRIC_COLUMNS = [f"{split}/{name}" for split in EVALUATED_SPLITS for name in Scalars.model_fields]
CSV_FIELDS = [
    "run",
    "seeds",
    *METRIC_COLUMNS,
    *(f"{column}/deviation" for column in METRIC_COLUMNS),
]
RANKING_METRIC = "validation/f1"  # validation ranks, so that test stays an unused judge
# What people see of it: per split, column and title.
DISPLAY_COLUMNS = {
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

SHOWN_METHODS = (
    10  # of more, these many of the best, the reference and the lazy baseline come first
)


@dataclass(frozen=True)
class LeaderboardRow:
    """One method, or the lazy baseline (no look, runs or intervals), judged on each split.

    runs: names of its seeds, of which the first names it; scalars: means over them.
    """

    name: str
    style: Style | None
    runs: Sequence[str]
    scalars: Mapping[str, Scalars]
    intervals: Mapping[str, Mapping[str, Interval]]

    def get_value(self, column: str) -> float | None:
        """Return one number, such as that of "test/recall"; None where undefined."""
        split, metric = column.split("/")
        number: float | None = getattr(self.scalars[split], metric)
        return number

    def get_interval(self, column: str) -> Interval | None:
        """Return the 95 % interval of that number; None where there is none."""
        split, metric = column.split("/")
        return self.intervals.get(split, {}).get(metric)

    def get_deviation(self, column: str) -> float | None:
        """Return that number's standard deviation over seeds; None for a single one."""
        found = self.get_interval(column)
        return found.deviation if isinstance(found, Estimate) else None


def build_leaderboard(study: Study, seeded: Sequence[Method] = ()) -> list[LeaderboardRow]:
    """Return all methods and the lazy baseline, the highest F1 on validation first.

    seeded: those with several seeds; every other run is a method of its own. Methods that are
    level keep their order.
    """
    methods = {run: method for method in seeded for run in method.runs}
    lazy = {split: study.results[0].details[split].lazy for split in EVALUATED_SPLITS}
    found = [
        _build_method_row(result, look, methods[result.name])
        if result.name in methods
        else _build_run_row(result, look)
        for result, look in assign_styles(study)
        if result.name not in methods or result.name == methods[result.name].name
    ]
    found.append(LeaderboardRow(f'always "{study.facts.lazy_class}"', None, (), lazy, {}))
    return sorted(found, key=lambda row: -(row.get_value(RANKING_METRIC) or 0.0))


def _build_run_row(result: RunResult, look: Style) -> LeaderboardRow:
    intervals = {split: details.intervals for split, details in result.details.items()}
    return LeaderboardRow(result.name, look, [result.name], result.metrics, intervals)


def _build_method_row(result: RunResult, look: Style, method: Method) -> LeaderboardRow:
    means = {
        split: {name: estimate.value for name, estimate in method.estimates[split].items()}
        for split in EVALUATED_SPLITS
    }
    # What an answer without looking would reach is no estimate: it is the same for all seeds.
    scalars = {
        split: result.metrics[split].model_copy(update=values) for split, values in means.items()
    }
    return LeaderboardRow(method.name, look, method.runs, scalars, method.estimates)


def find_best_value(found: Sequence[LeaderboardRow], column: str) -> float | None:
    """Return the best number of a column: the lowest log loss, the highest of any other."""
    values = [value for row in found if (value := row.get_value(column)) is not None]
    if not values:
        return None
    return min(values) if column.endswith("log_loss") else max(values)


def list_leaderboard_rows(found: Sequence[LeaderboardRow]) -> list[dict[str, object]]:
    """Return the rows of leaderboard.csv, whose columns are CSV_FIELDS."""
    return [
        {"run": row.name, "seeds": len(row.runs)}
        | {column: row.get_value(column) for column in METRIC_COLUMNS}
        | {f"{column}/deviation": row.get_deviation(column) for column in METRIC_COLUMNS}
        for row in found
    ]


class SplitLeaderboard(NamedTuple):
    """The rows that are shown first, and those that are folded away, both best first."""

    shown: list[LeaderboardRow]
    folded: list[LeaderboardRow]


def split_leaderboard(found: Sequence[LeaderboardRow], reference: str) -> SplitLeaderboard:
    """Return which rows are shown first: the best, the reference and the lazy baseline.

    All of them where no more than SHOWN_METHODS methods compete.
    """
    methods = [row for row in found if row.runs]
    few = len(methods) <= SHOWN_METHODS
    best = methods if few else methods[:SHOWN_METHODS]
    kept = {row.name for row in best}
    split = SplitLeaderboard([], [])
    for row in found:
        shown = row.name in kept or not row.runs or reference in row.runs
        split[0 if shown else 1].append(row)
    return split


class ArrangedStudy(NamedTuple):
    """All runs, those that are shown first in front; and these alone."""

    whole: Study
    shown: Study


def arrange_study(study: Study, seeded: Sequence[Method] = ()) -> ArrangedStudy:
    """Return a study so that the runs shown first have the first looks; a small one as it is.

    Of a method with several seeds the run that names it is shown.
    """
    rows = build_leaderboard(study, seeded)
    split = split_leaderboard(rows, study.results[0].name)
    if not split.folded:
        return ArrangedStudy(study, study)
    names = {row.name for row in split.shown}
    shown = [result for result in study.results if result.name in names]
    others = [result for result in study.results if result.name not in names]
    return ArrangedStudy(Study(study.facts, shown + others), Study(study.facts, shown))
