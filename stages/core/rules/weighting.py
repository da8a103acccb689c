"""What weighting the classes did."""

from collections.abc import Iterator

from stages.core.outputs.comparison import Difference
from stages.core.rules.case import Case, Verdict
from stages.core.rules.wording import percent, points, span

METRICS = ("recall", "precision", "accuracy")


def weighting(case: Case) -> Iterator[Verdict]:
    """Speak of every pair of methods that differ in class_weight alone."""
    for plain, weighted in case.comparison.weighting:
        found = {name: case.difference(plain, weighted, name) for name in METRICS}
        told = ", ".join(_told(case, plain, weighted, name) for name in METRICS)
        yield Verdict(
            rule="weighting",
            text=f"{_summary(found)} ({weighted} against {plain}): {told}.",
            evidence="weighting",
            runs=[plain, weighted],
            weight=0.75,
        )


def _summary(found: dict[str, Difference]) -> str:
    """Return in a few words what happened to recall and precision."""
    if found["recall"].up and found["precision"].down:
        return "Weighting bought recall with precision"
    if found["recall"].up and found["precision"].up:
        return "Weighting raised recall and precision"
    if found["recall"].up:
        return "Weighting bought recall, at no price that shows"
    if found["precision"].down:
        return "Weighting cost precision, and bought nothing that shows"
    if not any(difference.distinguishable for difference in found.values()):
        return "What weighting did is not distinguishable from chance"
    return "Weighting did not do what it is for"


def _told(case: Case, plain: str, weighted: str, metric: str) -> str:
    before, after = (case.reaches(name, metric).value for name in (plain, weighted))
    found = case.difference(plain, weighted, metric)
    if not found.distinguishable:
        return f"{metric} not distinguishable ({percent(before)} and {percent(after)})"
    way = "up" if found.up else "down"
    return f"{metric} {way} {points(found.value)} to {percent(after)} {span(found)}"
