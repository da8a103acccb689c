"""Cases for the rules of verdicts to judge, made up without any file."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import combinations

from stages.core.outputs.comparison import (
    Comparison,
    Confused,
    Difference,
    Estimate,
    Image,
    Method,
    Mistakes,
    Pair,
)
from stages.core.outputs.facts import Alike, Copies
from stages.core.outputs.results import Result
from stages.core.rules.case import Case
from stages.core.statistics import contrast, methods
from tests.facts_builder import invented
from tests.results_builder import METRICS, near

COPIES, ALIKE = Copies(0, 0, 0), Alike(0, 0, 0, 0, 0.004, complete=True)
REACH = 0.02  # of every interval: smaller differences are not distinguishable


def case(  # noqa: PLR0913 - each says one thing of the invented data
    *results: Result,
    classes: str = "ab",
    positive: str | None = "b",
    copies: Copies = COPIES,
    alike: Alike = ALIKE,
    wrong: Sequence[Image] = (),
    confused: Sequence[Confused] = (),
) -> Case:
    """Return a case of runs on 100 images per class in each split."""
    counts = {split: dict.fromkeys(classes, 100) for split in ("train", "validation", "test")}
    facts = invented(list(classes), counts, positive)
    facts = replace(facts, copies=copies, alike=alike)
    names = [found.name for found in results]
    seen = Mistakes(
        hardest={name: [] for name in names},
        wrong_everywhere=list(wrong),
        wrong_everywhere_count=len(wrong),
        right_once={name: [] for name in names},
        right_once_count=dict.fromkeys(names, 0),
        confused={name: list(confused) for name in names},
    )
    return Case(facts, list(results), comparison(list(results), seen))


def comparison(results: list[Result], seen: Mistakes) -> Comparison:
    """Return what `compare` would say of runs whose intervals all reach as far."""
    groups = methods.grouped(results)
    return Comparison(
        reference=groups[0][0].name,
        ranking=methods.ranking(groups),
        methods=[_method(group) for group in groups],
        pairs=[_pair(*pair) for pair in combinations(groups, 2)],
        weighting=methods.differing(groups, "class_weight"),
        stopping=methods.differing(groups, "early_stopping"),
        mistakes=seen,
    )


def _method(group: list[Result]) -> Method:
    gains = {
        "accuracy": difference(_mean(group, "accuracy") - _mean(group, "lazy_accuracy")),
        "log_loss": difference(-1.0),
    }
    estimates = {name: _estimate(group, name) for name in METRICS}
    return Method(
        name=group[0].name,
        runs=[found.name for found in group],
        estimates={"validation": estimates, "test": estimates},
        gain=gains,
    )


def _estimate(group: list[Result], metric: str) -> Estimate:
    ends = near(_mean(group, metric), REACH)
    return Estimate(**ends.model_dump(), deviation=0.01 if len(group) > 1 else None)


def _pair(first: list[Result], second: list[Result]) -> Pair:
    found = {name: difference(_mean(second, name) - _mean(first, name)) for name in METRICS}
    return Pair(
        first=first[0].name,
        second=second[0].name,
        differences=found,
        mcnemar=None,
        disagree=contrast.disagree(found),
    )


def difference(value: float) -> Difference:
    """Return a difference that is distinguishable from REACH on."""
    apart = abs(value) > REACH
    ends = near(value, REACH).model_dump()
    return Difference(**ends, distinguishable=apart, includes_seeds=False)


def _mean(group: list[Result], metric: str) -> float:
    return sum(getattr(found.metrics["test"], metric) or 0.0 for found in group) / len(group)
