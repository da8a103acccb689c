"""Tables of the report: differences, parameters and classes run by run, the champion over time.

The last one is also a chart: what was in service after each retraining, and how good it was.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from secondlook.artifacts import files
from secondlook.artifacts.dataset_card import DatasetCard
from secondlook.artifacts.manifest import SPLITS
from secondlook.artifacts.retraining_history import RetrainingRecord, count_earlier_trials
from secondlook.artifacts.schema import check_artifact
from secondlook.config.training import OPTIONAL_DEFAULTS
from secondlook.evaluation.comparison import MethodPair
from secondlook.evaluation.comparison_artifacts import (
    Comparison,
    Family,
    Method,
    Verdict,
    load_verdicts,
)
from secondlook.evaluation.confusion import Mistakes
from secondlook.evaluation.intervals import Difference
from secondlook.evaluation.run_artifacts import ClassScores, RunResult
from secondlook.report.theme import Style

# Metrics that people compare, with their titles; log loss is the one where less is better.
COMPARED_METRICS = {
    "accuracy": "accuracy",
    "precision": "precision",
    "recall": "recall",
    "f1": "F1",
    "log_loss": "log loss",
}
CHART_METRICS = {"recall": "recall", "precision": "precision", "accuracy": "accuracy"}
MAX_RETRAININGS = 30  # retrainings that the page shows
# Of the chart, in units of its viewBox.
CHART_LEFT, CHART_RIGHT, CHART_TOP, CHART_BOTTOM = 30.0, 480.0, 20.0, 160.0


@dataclass(frozen=True)
class MethodDifference:
    """Two methods on test: second less first; the runs of both, which may be hidden."""

    first: str
    second: str
    runs: Sequence[str]
    pair: MethodPair

    def get_difference(self, metric: str) -> Difference:
        """Return the difference of one metric, with its interval."""
        return self.pair.differences[metric]


@dataclass(frozen=True)
class ComparisonView:
    """All that the page shows of a comparison.

    families: differences that hold together; groups: contrasts under the words that say of what;
    weighting: of pairs that differ in class weights alone; seeded: methods with several seeds;
    mistakes: images to look at.
    """

    verdicts: Sequence[Verdict]
    families: Sequence[Family]
    groups: Sequence[tuple[str, Sequence[MethodDifference]]]
    weighting: Sequence[MethodDifference]
    seeded: Sequence[Method]
    mistakes: Mistakes


def load_comparison_view() -> ComparisonView | None:
    """Return what stands in data/compare; None where nothing was compared."""
    folder = files.stage_folder("compare")
    if not (folder / "comparison.json").exists():
        return None
    with check_artifact(folder / "comparison.json") as path:
        comparison = Comparison.model_validate(files.read_json(path))
    verdicts = load_verdicts()
    return ComparisonView(
        verdicts=verdicts,
        families=comparison.families,
        groups=_group_by_opponent(comparison),
        weighting=[_build_difference(comparison, *pair) for pair in comparison.weighting],
        seeded=[method for method in comparison.methods if len(method.runs) > 1],
        mistakes=comparison.mistakes,
    )


def _group_by_opponent(comparison: Comparison) -> list[tuple[str, list[MethodDifference]]]:
    """Return every method against the reference, then against the best, where they differ."""
    best, reference = comparison.ranking[0], comparison.reference
    groups = [(f"Against {reference}, the reference", _list_against(comparison, reference))]
    if best != reference:
        others = _list_against(comparison, best)
        groups.append((f"Against {best}, the best on validation", others))
    return [(words, contrasts) for words, contrasts in groups if contrasts]


def _list_against(comparison: Comparison, name: str) -> list[MethodDifference]:
    others = [other for other in comparison.ranking if other != name]
    return [_build_difference(comparison, name, other) for other in others]


def _build_difference(comparison: Comparison, first: str, second: str) -> MethodDifference:
    runs = [run for name in (first, second) for run in comparison.find_method(name).runs]
    return MethodDifference(first, second, runs, comparison.find_pair(first, second))


@dataclass(frozen=True)
class ParameterTable:
    """Names of columns, and rows with their name; `changed` cells differ from the first row's."""

    columns: Sequence[str]
    rows: Sequence[tuple[str, Sequence[str]]]

    def is_changed(self, row: int, column: int) -> bool:
        """Say whether a cell is not what the first row, the reference, has there."""
        return self.rows[row][1][column] != self.rows[0][1][column]


def build_parameter_table(results: Sequence[RunResult]) -> ParameterTable:
    """Return the parameters in which any two runs differ, one row per run, in its order."""
    told = [result.training.parameters for result in results]
    texts = {
        name: [format_parameter(each.get(name, OPTIONAL_DEFAULTS.get(name))) for each in told]
        for name in dict.fromkeys([*told[0], *OPTIONAL_DEFAULTS])
    }
    differing = [name for name in texts if len(set(texts[name])) > 1]
    return ParameterTable(
        columns=differing,
        rows=[
            (result.name, [texts[name][i] for name in differing])
            for i, result in enumerate(results)
        ],
    )


def format_parameter(value: object) -> str:
    """Return a parameter as people write it: `none`, `32, 32`, `patience 5`, `vgg (0a1b2c3d)`."""
    if value is None:
        return "none"
    if isinstance(value, dict) and "sha256" in value:
        return f"{value['name']} ({value['sha256'][:8]})"
    if isinstance(value, dict):
        return ", ".join(f"{key} {format_parameter(inner)}" for key, inner in value.items())
    if isinstance(value, list):
        return ", ".join(format_parameter(inner) for inner in value) or "none"
    return str(value).lower() if isinstance(value, bool) else str(value)


@dataclass(frozen=True)
class ClassCount:
    """Images of one class, split by split, and the class's share of all images (0..1)."""

    name: str
    counts: Sequence[int]
    share: float


def count_class_images(facts: DatasetCard) -> list[ClassCount]:
    """Return how many images there are of each class in each split."""
    total = sum(sum(split.values()) for split in facts.counts.values())
    found = []
    for name in facts.classes:
        numbers = [facts.counts[split][name] for split in SPLITS]
        found.append(ClassCount(name, numbers, sum(numbers) / total))
    return found


def find_weakest_classes(
    results: Sequence[RunResult], classes: Sequence[str], limit: int
) -> list[str]:
    """Return at most `limit` classes, those with the lowest mean F1 on test over all runs.

    They come in the order of `classes`.
    """
    worst = sorted(
        classes,
        key=lambda name: sum(get_comparable_f1(s) for s in list_class_scores(results, name)),
    )
    kept = set(worst[:limit])
    return [name for name in classes if name in kept]


def list_class_scores(results: Sequence[RunResult], name: str) -> list[ClassScores]:
    """Return each run's scores of one class on test."""
    return [result.details["test"].per_class[name] for result in results]


def get_comparable_f1(scores: ClassScores) -> float:
    """Return the F1 as a number to compare: a class that does not occur is no trouble."""
    return 1.0 if scores.f1 is None else scores.f1


@dataclass(frozen=True)
class MetricHistory:
    """One metric over the retrainings that tell it: places on the chart, from left to right."""

    name: str
    style: Style
    dots: list[tuple[float, float]]

    @property
    def path(self) -> str:
        """Return the line through the dots as SVG draws it."""
        return "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in self.dots)


@dataclass(frozen=True)
class ChampionHistory:
    """The last retrainings, the oldest first, how many there were in all, and lines of a chart.

    earlier: how many challengers the last test images had judged before.
    """

    rows: list[RetrainingRecord]
    total: int
    lines: list[MetricHistory]
    earlier: int


def build_champion_context(listed: Sequence[RetrainingRecord]) -> dict[str, object]:
    """Return what the template of the page shows of the history."""
    return {"service": build_champion_history(listed)}


def build_champion_history(listed: Sequence[RetrainingRecord]) -> ChampionHistory | None:
    """Return what the page shows of the history, None where there is none."""
    rows = list(listed[-MAX_RETRAININGS:])
    lines = [_build_metric_history(rows, name, Style(i)) for i, name in enumerate(CHART_METRICS)]
    drawn = [each for each in lines if each.dots]
    earlier = round(count_earlier_trials(listed))
    return ChampionHistory(rows, len(listed), drawn, earlier) if rows else None


def _build_metric_history(
    rows: Sequence[RetrainingRecord], metric: str, look: Style
) -> MetricHistory:
    """Return a metric (0..1) over the retrainings, evenly spaced."""
    step = (CHART_RIGHT - CHART_LEFT) / max(1, len(rows) - 1)
    values = [(i, row.metrics.get(metric)) for i, row in enumerate(rows)]
    dots = [
        (CHART_LEFT + step * i, CHART_BOTTOM - (CHART_BOTTOM - CHART_TOP) * v)
        for i, v in values
        if v is not None
    ]
    return MetricHistory(CHART_METRICS[metric], look, dots)
