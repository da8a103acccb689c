"""Which differences between runs are real: what `compare` left, ready to be shown."""

from collections.abc import Sequence
from dataclasses import dataclass

from secondlook.artifacts import files
from secondlook.artifacts.schema import check_artifact
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

# Metrics that people compare, with their titles; log loss is the one where less is better.
COMPARED_METRICS = {
    "accuracy": "accuracy",
    "precision": "precision",
    "recall": "recall",
    "f1": "F1",
    "log_loss": "log loss",
}


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
