"""What `compare` left behind, ready to be shown: verdicts, differences and the spread of seeds."""

from collections.abc import Sequence
from dataclasses import dataclass

from stages.core import files
from stages.core.outputs.comparison import Comparison, Difference, Method, Mistakes, Pair
from stages.core.outputs.records import read_from
from stages.core.rules.case import Verdict

# Metrics that people compare, with their titles; log loss is the one where less is better.
SHOWN = {
    "accuracy": "accuracy",
    "precision": "precision",
    "recall": "recall",
    "f1": "F1",
    "log_loss": "log loss",
}


@dataclass(frozen=True)
class Contrast:
    """Two methods on test: second less first; the runs of both, which may be hidden."""

    first: str
    second: str
    runs: Sequence[str]
    pair: Pair

    def difference(self, metric: str) -> Difference:
        """Return the difference of one metric, with its interval."""
        return self.pair.differences[metric]


@dataclass(frozen=True)
class Contrasted:
    """All that the page shows of a comparison.

    groups: contrasts under the words that say of what; weighting: of pairs that differ in
    class weights alone; seeded: methods with several seeds; mistakes: images to
    look at.
    """

    verdicts: Sequence[Verdict]
    groups: Sequence[tuple[str, Sequence[Contrast]]]
    weighting: Sequence[Contrast]
    seeded: Sequence[Method]
    mistakes: Mistakes


def read() -> Contrasted | None:
    """Return what stands in data/compare; None where nothing was compared."""
    folder = files.folder("compare")
    if not (folder / "comparison.json").exists():
        return None
    with read_from(folder / "comparison.json") as path:
        comparison = Comparison.model_validate(files.read_json(path))
    verdicts = [Verdict.model_validate(v) for v in files.read_json(folder / "verdicts.json")]
    return Contrasted(
        verdicts=verdicts,
        groups=_groups(comparison),
        weighting=[_contrast(comparison, *pair) for pair in comparison.weighting],
        seeded=[method for method in comparison.methods if len(method.runs) > 1],
        mistakes=comparison.mistakes,
    )


def _groups(comparison: Comparison) -> list[tuple[str, list[Contrast]]]:
    """Return every method against the reference, then against the best, where they differ."""
    best, reference = comparison.ranking[0], comparison.reference
    groups = [(f"Against {reference}, the reference", _against(comparison, reference))]
    if best != reference:
        others = _against(comparison, best)
        groups.append((f"Against {best}, the best on validation", others))
    return [(words, contrasts) for words, contrasts in groups if contrasts]


def _against(comparison: Comparison, name: str) -> list[Contrast]:
    others = [other for other in comparison.ranking if other != name]
    return [_contrast(comparison, name, other) for other in others]


def _contrast(comparison: Comparison, first: str, second: str) -> Contrast:
    runs = [run for name in (first, second) for run in comparison.method(name).runs]
    return Contrast(first, second, runs, comparison.pair(first, second))
