"""Compare all runs with each other, and say in plain words what is known of them.

Reads labels, names of images and facts of data/preprocess, predictions and parameters of every
run in data/train, and its numbers in data/evaluate; writes data/compare: comparison.json (which
differences are real, which images to look at, see `core/outputs/comparison.py`) and verdicts.json
(what that means, see `core/rules/verdicts.py`). It stands between evaluate, which knows a single
run, and report, which computes nothing.
"""

import csv
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from stages.core import files
from stages.core.outputs import predictions, study
from stages.core.outputs.comparison import Comparison, Estimate, Method, Mistakes
from stages.core.outputs.results import Result
from stages.core.outputs.study import Study
from stages.core.params import Params
from stages.core.rules import verdicts
from stages.core.rules.case import Case
from stages.core.statistics import contrast, methods, suspects
from stages.core.statistics.answers import Answers, Truth
from stages.core.statistics.contrast import Entry
from stages.core.statistics.suspects import Album


def run(params: Params) -> None:
    """Compare what stands in data/ of every run in params.yaml.

    Raises DataError when a run has not been trained or evaluated.
    """
    found, seed = study.read(params), params.compare.seed
    groups = methods.grouped(found.results)
    seeds = [result for group in groups if len(group) > 1 for result in group]
    answered = {
        "validation": read(found, seeds, "validation", seed),
        "test": read(found, found.results, "test", seed),
    }
    album = Album(answered["test"].truth.labels, identities("test"), found.facts.classes)
    seen = suspects.found(album, list(answered["test"].entries.values()), params.compare.images)
    comparison = compared(groups, answered, seed, seen)
    spoken = verdicts.told(Case(found.facts, found.results, comparison))
    with files.output("compare") as folder:
        files.write_json(folder / "comparison.json", comparison.model_dump())
        files.write_json(folder / "verdicts.json", [verdict.model_dump() for verdict in spoken])


@dataclass(frozen=True)
class Answered:
    """One split: what was asked, and what the lazy baseline and runs, by name, answered."""

    truth: Truth
    lazy: Answers
    entries: Mapping[str, Entry]

    def of(self, group: methods.Method) -> list[Entry]:
        """Return what the runs of one method answered."""
        return [self.entries[result.name] for result in group]


def read(found: Study, results: Sequence[Result], split: str, seed: int) -> Answered:
    """Return what runs answered for one split, one after the other: probabilities are large."""
    asked = predictions.read(found.results[0].name, split, found.facts)
    entries = {
        result.name: Entry.of(
            result, split, predictions.read(result.name, split, found.facts), seed
        )
        for result in results
    }
    return Answered(asked.truth, predictions.lazy(asked).answers, entries)


def identities(split: str) -> list[str]:
    """Return the names of the images of a split, in the order of its arrays."""
    path = files.folder("preprocess") / "images.csv"
    # Rows as lists: ten times faster than by name, where there are a million of them.
    with path.open(encoding="utf-8", newline="") as file:
        return [name for name, _, side, _ in csv.reader(file) if side == split]


def compared(
    groups: Sequence[methods.Method],
    answered: Mapping[str, Answered],
    seed: int,
    seen: Mistakes,
) -> Comparison:
    """Return all methods, and the pairs of them that matter, on test."""
    found = [method(group, answered, seed) for group in groups]
    ranking, by_name = methods.ranking(groups), {group[0].name: group for group in groups}
    weighting, stopping = (
        methods.differing(groups, key) for key in ("class_weight", "early_stopping")
    )
    test = answered["test"]
    return Comparison(
        reference=found[0].name,
        ranking=ranking,
        methods=found,
        pairs=[
            contrast.pair(test.truth, test.of(by_name[first]), test.of(by_name[second]), seed)
            for first, second in pairs(found, ranking[0], [*weighting, *stopping])
        ],
        weighting=weighting,
        stopping=stopping,
        mistakes=seen,
    )


def method(group: methods.Method, answered: Mapping[str, Answered], seed: int) -> Method:
    """Return one method: what it reaches, and what that is beyond the lazy baseline."""
    test = answered["test"]
    return Method(
        name=group[0].name,
        runs=[result.name for result in group],
        estimates={split: estimates(group, split, answered[split], seed) for split in answered},
        gain=contrast.gain(test.truth, test.lazy, test.of(group), seed),
    )


def estimates(
    group: methods.Method, split: str, answered: Answered, seed: int
) -> dict[str, Estimate]:
    """Return every metric of a method on one split; those of a single run stand in evaluate's."""
    if len(group) > 1:
        return contrast.estimates(answered.truth, answered.of(group), seed)
    intervals = group[0].details[split].intervals
    return {name: Estimate(**dict(found), deviation=None) for name, found in intervals.items()}


def pairs(
    found: Sequence[Method], best: str, differing: Sequence[tuple[str, str]]
) -> list[tuple[str, str]]:
    """Return which methods to compare, by name: see `Comparison`; no two of them twice."""
    names = [method.name for method in found]
    reference = names[0]
    wanted = [(reference, name) for name in names]
    wanted += [(best, name) for name in names]
    wanted += [extremes(found), *differing]
    kept: dict[frozenset[str], tuple[str, str]] = {}
    for first, second in wanted:
        if first != second:
            kept.setdefault(frozenset((first, second)), (first, second))
    return list(kept.values())


def extremes(found: Sequence[Method]) -> tuple[str, str]:
    """Return the name of the most accurate method, and of that with the lowest log loss."""
    accurate = max(found, key=lambda method: _on_test(method, "accuracy", 0.0))
    sure = min(found, key=lambda method: _on_test(method, "log_loss", math.inf))
    return accurate.name, sure.name


def _on_test(method: Method, name: str, undefined: float) -> float:
    value = method.estimates["test"][name].value
    return undefined if value is None else value
