"""Whether probabilities can be believed, and where to draw the line between no and yes."""

import math
from collections.abc import Iterator

from secondlook.evaluation.calibration import CalibrationBin
from secondlook.evaluation.comparison import MethodPair
from secondlook.evaluation.comparison_artifacts import Verdict
from secondlook.evaluation.formatting import format_count, format_percent, join_names
from secondlook.evaluation.log_loss import WORST_SHARE
from secondlook.evaluation.operating_point import OperatingPoint
from secondlook.verdicts.case import Case

MAX_CHANCE_ERRORS = 2.0  # times the error that chance alone would show: what is beyond is told


def judge_disagree(case: Case) -> Iterator[Verdict]:
    """Speak where one method makes fewer errors, but another has beyond chance the lower loss."""
    found = _find_disagreeing_pair(case)
    if found is None:
        return
    accurate, sure = found.first, found.second
    errors = [
        format_percent(1 - (case.find_estimate(name, "accuracy").value or 0.0))
        for name in _list_methods(found)
    ]
    losses = [f"{case.find_estimate(name, 'log_loss').value:.4f}" for name in _list_methods(found)]
    fewest = "the fewest" if accurate == _find_most_accurate(case) else "fewer"
    yield Verdict(
        rule="disagree",
        text=f"{accurate} makes {fewest} errors ({errors[0]} of the test images, {sure} "
        f"{errors[1]}{_describe_chance(found)}), but {_explain_high_loss(case, accurate)}: "
        "its log loss is "
        f"{losses[0]}, that of {sure} {losses[1]}. {_recommend_method(found)}",
        evidence="losses",
        runs=[accurate, sure],
        weight=0.78,
    )


def _list_methods(pair: MethodPair) -> tuple[str, str]:
    return pair.first, pair.second


def _find_disagreeing_pair(case: Case) -> MethodPair | None:
    """Return the pair that disagrees most, the more accurate first; the extremes if they do."""
    extremes = {_find_most_accurate(case), _find_surest(case)}
    pairs = [pair for pair in case.comparison.pairs if pair.disagree]
    if not pairs:
        return None
    found = max(
        pairs, key=lambda pair: (set(_list_methods(pair)) == extremes, _get_loss_difference(pair))
    )
    accurate = (found.differences["accuracy"].value or 0.0) < 0
    return found if accurate else case.comparison.find_pair(found.second, found.first)


def _find_most_accurate(case: Case) -> str:
    return max(case.names, key=lambda name: case.find_estimate(name, "accuracy").value or 0.0)


def _find_surest(case: Case) -> str:
    """Return the method of the lowest log loss; one that is not defined is no lowest."""
    losses = {name: case.find_estimate(name, "log_loss").value for name in case.names}
    return min(losses, key=lambda name: math.inf if (loss := losses[name]) is None else loss)


def _get_loss_difference(pair: MethodPair) -> float:
    return abs(pair.differences["log_loss"].value or 0.0)


def _describe_chance(pair: MethodPair) -> str:
    return "" if pair.differences["accuracy"].distinguishable else ", a difference within chance"


def _explain_high_loss(case: Case, name: str) -> str:
    """Return what makes the loss of a method high although its errors are few."""
    sureness = {n: case.find_test_details(n).losses.confidence_wrong or 0.0 for n in case.names}
    if sureness[name] < max(sureness.values()):
        return "its probabilities are worse"
    worst = case.find_test_details(name).losses.worst_share
    return (
        f"is the most confidently wrong (when wrong it is {format_percent(sureness[name])} "
        "sure; the "
        f"worst {100 * WORST_SHARE:.0f}\N{NO-BREAK SPACE}% of images carry "
        f"{format_percent(worst)} of its loss)"
    )


def _recommend_method(pair: MethodPair) -> str:
    if not pair.differences["accuracy"].distinguishable:
        return f"Choose {pair.second}."
    return (
        f"Choose {pair.second} where probabilities matter, {pair.first} where only the answer does."
    )


def judge_calibration(case: Case) -> Iterator[Verdict]:
    """Speak of the method whose confidence is furthest from its accuracy, beyond chance."""
    beyond = {name: _compute_error_beyond_chance(case, name) for name in case.names}
    name = max(beyond, key=lambda name: beyond[name])
    found = case.find_test_details(name).calibration
    astray = [b for b in found.bins if b.misjudged]
    if beyond[name] <= 0 or not astray:
        return
    telling = max(astray, key=lambda b: b.count * abs(_compute_overconfidence(b)))
    how = "is too sure of itself" if _compute_overconfidence(telling) > 0 else "could be surer"
    yield Verdict(
        rule="calibration",
        text=f"When {name} says {format_percent(telling.confidence)}, it is right "
        f"{format_percent(telling.accuracy.value)} of the time "
        f"({format_count(telling.count, 'answer')}): it "
        f"{how}. Its expected calibration error is {format_percent(found.error)}, where "
        "chance alone "
        f"would show {format_percent(found.chance)}.",
        evidence="calibration",
        runs=[name],
        weight=0.55,
    )


def judge_calibrated(case: Case) -> Iterator[Verdict]:
    """Speak where the best method is as sure as it is right."""
    found = case.find_test_details(case.best).calibration
    if found.error is None or _compute_error_beyond_chance(case, case.best) > 0:
        return
    typical = found.typical
    if not typical.misjudged:
        yield Verdict(
            rule="calibrated",
            text=f"{case.best} can be taken at its word: when it says "
            f"{format_percent(typical.confidence)}, it is right "
            f"{format_percent(typical.accuracy.value)} of the "
            f"time ({format_count(typical.count, 'answer')}).",
            evidence="calibration",
            runs=[case.best],
            weight=0.35,
        )


def _compute_error_beyond_chance(case: Case, name: str) -> float:
    """Return by how much the calibration error of a method exceeds what chance would excuse."""
    found = case.find_test_details(name).calibration
    return (found.error or 0.0) - MAX_CHANCE_ERRORS * (found.chance or 0.0)


def _compute_overconfidence(found: CalibrationBin) -> float:
    return (found.confidence or 0.0) - (found.accuracy.value or 0.0)


def judge_operating_point(case: Case) -> Iterator[Verdict]:
    """Speak of the threshold that was asked for: what it gives, or that none reaches the target."""
    points = {
        name: case.find_run(name).details["validation"].operating_point for name in case.names
    }
    asked = {name: point for name, point in points.items() if point and point.rule != "default"}
    missed = [name for name, point in asked.items() if not point.reached]
    if missed:
        yield _judge_missed_target(missed, asked[missed[0]])
    # Where all probabilities are undefined, so is the threshold.
    if case.best in asked and case.best not in missed and asked[case.best].threshold is not None:
        yield _judge_reached_target(case, asked[case.best])


def _judge_missed_target(names: list[str], point: OperatingPoint) -> Verdict:
    others = f" (nor for {join_names(names[1:])})" if names[1:] else ""
    return Verdict(
        rule="operating_point",
        text=f"No threshold on validation gives {names[0]} a {point.rule} of "
        f"{format_percent(point.target)}{others}: the highest is "
        f"{format_percent(point.precision)}. Ask for "
        "less, or for a better model.",
        evidence="thresholds",
        runs=names,
        weight=0.82,
    )


def _judge_reached_target(case: Case, validation: OperatingPoint) -> Verdict:
    test = case.find_test_details(case.best).operating_point or validation
    return Verdict(
        rule="operating_point",
        text=f"{case.best} says “{test.name}” from a probability of "
        f"{format_percent(test.threshold)} on, "
        f"chosen on validation for {_describe_goal(test)}: on test it finds "
        f"{format_percent(test.recall)}, and is "
        f"right in {format_percent(test.precision)} of the cases where it says "
        f"so.{_describe_shortfall(test)}",
        evidence="thresholds",
        runs=[case.best],
        weight=0.65,
    )


def _describe_goal(point: OperatingPoint) -> str:
    if point.target is None:
        return "the best F1"
    return f"a {point.rule} of at least {format_percent(point.target)}"


def _describe_shortfall(test: OperatingPoint) -> str:
    """Return by what test falls short of the target that validation reached."""
    reached = {"recall": test.recall, "precision": test.precision}.get(test.rule)
    if test.target is None or (reached or 0.0) >= test.target:
        return ""
    return f" That is less than the {format_percent(test.target)} that validation promised."
