"""Compare all runs with each other, and say in plain words what is known of them.

Reads labels, names of images and facts of data/preprocess, predictions and parameters of every
run in data/train, and its numbers in data/evaluate; writes data/compare: comparison.json (which
differences are real, which images to look at, see `evaluation/comparison_artifacts.py`) and
verdicts.json (what that means, see `verdicts/verdicts.py`). It stands between evaluate, which
knows a single run, and report, which computes nothing.
"""

import csv
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from secondlook.artifacts import files
from secondlook.config.params import Params
from secondlook.evaluation import confusion, predictions, run_artifacts
from secondlook.evaluation.comparison import (
    ComparedRun,
    compare_pair,
    compute_estimates,
    compute_lazy_gain,
)
from secondlook.evaluation.comparison_artifacts import Comparison, Method
from secondlook.evaluation.confusion import Mistakes, NamedImages
from secondlook.evaluation.joint_errors import measure_joint_errors
from secondlook.evaluation.predictions import GroundTruth, ImagePredictions
from secondlook.evaluation.run_artifacts import RunResult, Study
from secondlook.evaluation.seeds import (
    Estimate,
    SeedRuns,
    find_pairs_differing_in,
    group_by_method,
    rank_methods,
)
from secondlook.evaluation.simultaneous import judge_together
from secondlook.verdicts import verdicts
from secondlook.verdicts.case import Case


def run(params: Params) -> None:
    """Compare what stands in data/ of every run in params.yaml.

    Raises DataError when a run has not been trained or evaluated.
    """
    found, seed = run_artifacts.load_study(params), params.compare.seed
    groups = group_by_method(found.results)
    seeds = [result for group in groups if len(group) > 1 for result in group]
    answered = {
        "validation": _load_split(found, seeds, "validation", seed),
        "test": _load_split(found, found.results, "test", seed),
    }
    album = NamedImages(
        answered["test"].truth.labels, _load_image_names("test"), found.facts.classes
    )
    seen = confusion.find_mistakes(
        album, list(answered["test"].entries.values()), params.compare.images
    )
    comparison = _compare_methods(groups, answered, seed, seen)
    spoken = verdicts.select_verdicts(Case(found.facts, found.results, comparison))
    with files.create_output("compare") as folder:
        files.write_json(folder / "comparison.json", comparison.model_dump())
        files.write_json(folder / "verdicts.json", [verdict.model_dump() for verdict in spoken])


@dataclass(frozen=True)
class _SplitAnswers:
    """One split: what was asked, and what the lazy baseline and runs, by name, answered."""

    truth: GroundTruth
    lazy: ImagePredictions
    entries: Mapping[str, ComparedRun]

    def list_runs(self, group: SeedRuns) -> list[ComparedRun]:
        """Return what the runs of one method answered."""
        return [self.entries[result.name] for result in group]


def _load_split(found: Study, results: Sequence[RunResult], split: str, seed: int) -> _SplitAnswers:
    """Return what runs answered for one split, one after the other: probabilities are large."""
    asked = predictions.load_predictions(found.results[0].name, split, found.facts)
    entries = {
        result.name: ComparedRun.from_result(
            result, split, predictions.load_predictions(result.name, split, found.facts), seed
        )
        for result in results
    }
    return _SplitAnswers(
        asked.truth, predictions.compute_lazy_predictions(asked).image_predictions, entries
    )


def _load_image_names(split: str) -> list[str]:
    """Return the names of the images of a split, in the order of its arrays."""
    path = files.check_present(files.stage_folder("preprocess") / "images.csv")
    # Rows as lists: ten times faster than by name, where there are a million of them.
    with path.open(encoding="utf-8", newline="") as file:
        return [name for name, _, side, _ in csv.reader(file) if side == split]


def _compare_methods(
    groups: Sequence[SeedRuns],
    answered: Mapping[str, _SplitAnswers],
    seed: int,
    seen: Mistakes,
) -> Comparison:
    """Return all methods, and the pairs of them that matter, on test."""
    found = [_build_method(group, answered, seed) for group in groups]
    ranking, by_name = rank_methods(groups), {group[0].name: group for group in groups}
    weighting, stopping, tuning = (
        find_pairs_differing_in(groups, key)
        for key in ("class_weight", "early_stopping", "fine_tune")
    )
    test = answered["test"]
    alone = Comparison(
        reference=found[0].name,
        ranking=ranking,
        methods=found,
        pairs=[
            compare_pair(
                test.truth, test.list_runs(by_name[first]), test.list_runs(by_name[second]), seed
            )
            for first, second in _select_pairs(found, ranking[0], [*weighting, *stopping, *tuning])
        ],
        weighting=weighting,
        stopping=stopping,
        fine_tuning=tuning,
        mistakes=seen,
    )
    methods = {name: test.list_runs(group) for name, group in by_name.items()}
    errors = measure_joint_errors(test.truth, test.lazy, methods, seed)
    return judge_together(alone, errors, seed)


def _build_method(group: SeedRuns, answered: Mapping[str, _SplitAnswers], seed: int) -> Method:
    """Return one method: what it reaches, and what that is beyond the lazy baseline."""
    test = answered["test"]
    return Method(
        name=group[0].name,
        runs=[result.name for result in group],
        estimates={
            split: _compute_estimates(group, split, answered[split], seed) for split in answered
        },
        gain=compute_lazy_gain(test.truth, test.lazy, test.list_runs(group), seed),
    )


def _compute_estimates(
    group: SeedRuns, split: str, answered: _SplitAnswers, seed: int
) -> dict[str, Estimate]:
    """Return every metric of a method on one split; those of a single run stand in evaluate's."""
    if len(group) > 1:
        return compute_estimates(answered.truth, answered.list_runs(group), seed)
    intervals = group[0].details[split].intervals
    return {name: Estimate(**dict(found), deviation=None) for name, found in intervals.items()}


def _select_pairs(
    found: Sequence[Method], best: str, differing: Sequence[tuple[str, str]]
) -> list[tuple[str, str]]:
    """Return which methods to compare, by name: see `Comparison`; no two of them twice."""
    names = [method.name for method in found]
    reference = names[0]
    wanted = [(reference, name) for name in names]
    wanted += [(best, name) for name in names]
    wanted += [find_extremes(found), *differing]
    kept: dict[frozenset[str], tuple[str, str]] = {}
    for first, second in wanted:
        if first != second:
            kept.setdefault(frozenset((first, second)), (first, second))
    return list(kept.values())


def find_extremes(found: Sequence[Method]) -> tuple[str, str]:
    """Return the name of the most accurate method, and of that with the lowest log loss.

    On validation: what test chose would seem better than it is when test judges it.
    """
    accurate = max(found, key=lambda method: _get_validation_value(method, "accuracy", 0.0))
    sure = min(found, key=lambda method: _get_validation_value(method, "log_loss", math.inf))
    return accurate.name, sure.name


def _get_validation_value(method: Method, name: str, undefined: float) -> float:
    value = method.estimates["validation"][name].value
    return undefined if value is None else value
