"""Whether probabilities can be believed, and where to draw the line between no and yes."""

import math
from collections.abc import Iterator

from secondlook.evaluation.calibration import WORST_SHARE
from secondlook.evaluation.comparison import MethodPair
from secondlook.evaluation.comparison_artifacts import Verdict
from secondlook.evaluation.formatting import (
    NO_BREAK,
    format_count,
    format_losses_apart,
    format_percent,
    format_percents_apart,
    join_names,
)
from secondlook.evaluation.operating_point import OperatingPoint
from secondlook.verdicts.case import Case
from secondlook.verdicts.ranking import recommend_method
from secondlook.verdicts.worth import (
    compute_error_beyond_chance,
    compute_overconfidence,
    describe_doubts,
    describe_shortfall,
    find_telling_bin,
)

MIN_ANSWERS = 30  # of equal confidence; fewer show nothing of whether it is kept


def judge_disagree(case: Case) -> Iterator[Verdict]:
    """Speak where one method makes fewer errors, but another has beyond chance the lower loss."""
    found = _find_disagreeing_pair(case)
    if found is None:
        return
    accurate, sure = found.first, found.second
    errors = format_percents_apart(
        *(1 - (case.find_estimate(name, "accuracy").value or 0.0) for name in _list_methods(found))
    )
    losses = format_losses_apart(
        *(case.find_estimate(name, "log_loss").value for name in _list_methods(found))
    )
    fewest = "the fewest" if accurate == _find_most_accurate(case) else "fewer"
    yield Verdict(
        rule="disagree",
        text=f"{accurate} makes {fewest} errors ({errors[0]} of the test images, {sure} "
        f"{errors[1]}{_describe_chance(found)}), but {_explain_high_loss(case, accurate)}: "
        "its log loss is "
        f"{losses[0]}, that of {sure} {losses[1]}.{_describe_objections(case, found)}"
        f"{recommend_method(case, found)}",
        evidence="losses",
        runs=[accurate, sure],
        weight=0.78,
    )


def _list_methods(pair: MethodPair) -> tuple[str, str]:
    return pair.first, pair.second


def _find_disagreeing_pair(case: Case) -> MethodPair | None:
    """Return the pair that disagrees most, the more accurate first; the extremes if they do.

    Where even the lower log loss is worse than the lazy baseline's there is nothing to choose by.
    """
    extremes = {_find_most_accurate(case), _find_surest(case)}
    pairs = [pair for pair in case.comparison.pairs if pair.disagree and _is_choice(case, pair)]
    if not pairs:
        return None
    found = max(
        pairs, key=lambda pair: (set(_list_methods(pair)) == extremes, _get_loss_difference(pair))
    )
    accurate = (found.differences["accuracy"].value or 0.0) < 0
    return found if accurate else case.comparison.find_pair(found.second, found.first)


def _is_choice(case: Case, pair: MethodPair) -> bool:
    """Say whether both methods mean something, and one of them more than the lazy baseline."""
    names = _list_methods(pair)
    losses = [case.comparison.find_method(name).gain["log_loss"] for name in names]
    return all(case.is_sound(name) for name in names) and not all(loss.up for loss in losses)


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
    losses = case.find_test_details(name).losses
    images = max(1, round(WORST_SHARE * case.image_count))
    worst = f"the worst {100 * WORST_SHARE:.0f}{NO_BREAK}% of images carry"
    if images == 1:
        worst = "the worst image carries"
    return (
        f"is the most confidently wrong (when wrong it is {format_percent(sureness[name])} "
        f"sure; {worst} {format_percent(losses.worst_share)} of its loss)"
    )


def _describe_objections(case: Case, pair: MethodPair) -> str:
    """Return what speaks against both beside the lazy baseline, and against the surer one."""
    told = (
        describe_shortfall(case, pair.first, pair.first),
        describe_doubts(case, pair.second, pair.second),
    )
    return f" But {', and '.join(filter(None, told))}." if any(told) else ""


def judge_calibration(case: Case) -> Iterator[Verdict]:
    """Speak of the method whose confidence is furthest from its accuracy, beyond chance."""
    sound = [name for name in case.names if case.is_sound(name)]
    name = max(sound, key=lambda name: compute_error_beyond_chance(case, name), default=None)
    telling = None if name is None else find_telling_bin(case, name)
    if name is None or telling is None:
        return
    found = case.find_test_details(name).calibration
    said, right = format_percents_apart(telling.confidence, telling.accuracy.value)
    error, chance = format_percents_apart(found.error, found.chance)
    how = "is too sure of itself" if compute_overconfidence(telling) > 0 else "could be surer"
    yield Verdict(
        rule="calibration",
        text=f"When {name} says {said}, it is right {right} of the time "
        f"({format_count(telling.count, 'answer')}): it {how}. Its expected calibration error is "
        f"{error}, where chance alone would show {chance}.",
        evidence="calibration",
        runs=[name],
        weight=0.55,
    )


def judge_calibrated(case: Case) -> Iterator[Verdict]:
    """Speak where the best method is as sure as it is right, and worth being listened to."""
    found, typical = (
        case.find_test_details(case.best).calibration,
        case.find_test_details(case.best).calibration.typical,
    )
    if found.error is None or compute_error_beyond_chance(case, case.best) > 0:
        return
    if not case.is_sound(case.best) or case.is_worse_than_lazy(case.best):
        return
    if typical.count >= MIN_ANSWERS and not typical.misjudged:
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


def judge_operating_point(case: Case) -> Iterator[Verdict]:
    """Speak of the threshold that was asked for: what it gives, or that none reaches the target."""
    points = {
        name: case.find_run(name).details["validation"].operating_point for name in case.names
    }
    asked = {name: point for name, point in points.items() if point and point.rule != "default"}
    missed = [n for n, point in asked.items() if not point.reached and _is_defined(case, n)]
    missed.sort(key=lambda name: -(asked[name].precision or 0.0))
    if missed:
        yield _judge_missed_target(missed, asked[missed[0]])
    # Where all probabilities are undefined, so is the threshold.
    point = asked.get(case.best)
    if point and point.reached and point.threshold is not None and _is_defined(case, case.best):
        yield _judge_reached_target(case, point)


def _is_defined(case: Case, name: str) -> bool:
    """Say whether the probabilities of a method are numbers, among which a line can be drawn."""
    loss = case.find_estimate(name, "log_loss").value
    return loss is not None and not case.has_diverged(name)


def _judge_missed_target(names: list[str], point: OperatingPoint) -> Verdict:
    others = f" (nor for {join_names(names[1:])})" if names[1:] else ""
    highest, target = format_percents_apart(point.precision, point.target)
    return Verdict(
        rule="operating_point",
        text=f"No threshold on validation gives {names[0]} a {point.rule} of {target}{others}: "
        f"the highest is {highest}. Ask for less, or for a better model.",
        evidence="thresholds",
        runs=names,
        weight=0.82,
    )


def _judge_reached_target(case: Case, validation: OperatingPoint) -> Verdict:
    test = case.find_test_details(case.best).operating_point or validation
    shown = {"recall": format_percent(test.recall), "precision": format_percent(test.precision)}
    goal, shortfall = "the best F1", ""
    if test.target is not None:
        reached = {"recall": test.recall, "precision": test.precision}[test.rule]
        shown[test.rule], target = format_percents_apart(reached, test.target)
        goal = f"a {test.rule} of at least {target}"
        if (reached or 0.0) < test.target:
            shortfall = f" That is less than the {target} that validation promised."
    given = (
        "on test it never says so"
        if test.precision is None
        else f"on test it finds {shown['recall']}, and is right in {shown['precision']} of the "
        "cases where it says so"
    )
    return Verdict(
        rule="operating_point",
        text=f"{case.best} says “{test.name}” from a probability of "
        f"{format_percent(test.threshold)} on, chosen on validation for {goal}: {given}."
        f"{shortfall}",
        evidence="thresholds",
        runs=[case.best],
        weight=0.65,
    )
