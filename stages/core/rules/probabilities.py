"""Whether probabilities can be believed, and where to draw the line between no and yes."""

from collections.abc import Iterator

from stages.core.outputs.comparison import Pair
from stages.core.outputs.findings import Bin, OperatingPoint
from stages.core.rules.case import Case, Verdict
from stages.core.rules.wording import listed, number, percent
from stages.core.statistics.losses import WORST

CALIBRATED = 2.0  # times the error that chance alone would show: what is beyond is told


def disagree(case: Case) -> Iterator[Verdict]:
    """Speak where one method makes fewer errors, but another has beyond chance the lower loss."""
    found = _disagreeing(case)
    if found is None:
        return
    accurate, sure = found.first, found.second
    errors = [percent(1 - (case.reaches(name, "accuracy").value or 0.0)) for name in _both(found)]
    losses = [f"{case.reaches(name, 'log_loss').value:.4f}" for name in _both(found)]
    fewest = "the fewest" if accurate == _most_accurate(case) else "fewer"
    yield Verdict(
        rule="disagree",
        text=f"{accurate} makes {fewest} errors ({errors[0]} of the test images, {sure} "
        f"{errors[1]}{_by_chance(found)}), but {_why(case, accurate)}: its log loss is "
        f"{losses[0]}, that of {sure} {losses[1]}. {_choice(found)}",
        evidence="losses",
        runs=[accurate, sure],
        weight=0.78,
    )


def _both(pair: Pair) -> tuple[str, str]:
    return pair.first, pair.second


def _disagreeing(case: Case) -> Pair | None:
    """Return the pair that disagrees most, the more accurate first; the extremes if they do."""
    surest = min(case.names, key=lambda name: case.reaches(name, "log_loss").value or 0.0)
    extremes = {_most_accurate(case), surest}
    pairs = [pair for pair in case.comparison.pairs if pair.disagree]
    if not pairs:
        return None
    found = max(pairs, key=lambda pair: (set(_both(pair)) == extremes, _loss(pair)))
    accurate = (found.differences["accuracy"].value or 0.0) < 0
    return found if accurate else case.comparison.pair(found.second, found.first)


def _most_accurate(case: Case) -> str:
    return max(case.names, key=lambda name: case.reaches(name, "accuracy").value or 0.0)


def _loss(pair: Pair) -> float:
    return abs(pair.differences["log_loss"].value or 0.0)


def _by_chance(pair: Pair) -> str:
    return "" if pair.differences["accuracy"].distinguishable else ", a difference within chance"


def _why(case: Case, name: str) -> str:
    """Return what makes the loss of a method high although its errors are few."""
    sureness = {n: case.test(n).losses.confidence_wrong or 0.0 for n in case.names}
    if sureness[name] < max(sureness.values()):
        return "its probabilities are worse"
    worst = case.test(name).losses.worst_share
    return (
        f"is the most confidently wrong (when wrong it is {percent(sureness[name])} sure; the "
        f"worst {100 * WORST:.0f}\N{NO-BREAK SPACE}% of images carry {percent(worst)} of its loss)"
    )


def _choice(pair: Pair) -> str:
    if not pair.differences["accuracy"].distinguishable:
        return f"Choose {pair.second}."
    return (
        f"Choose {pair.second} where probabilities matter, {pair.first} where only the answer does."
    )


def calibration(case: Case) -> Iterator[Verdict]:
    """Speak of the method whose confidence is furthest from its accuracy, beyond chance."""
    beyond = {name: _beyond_chance(case, name) for name in case.names}
    name = max(beyond, key=lambda name: beyond[name])
    found = case.test(name).calibration
    astray = [b for b in found.bins if b.misjudged]
    if beyond[name] <= 0 or not astray:
        return
    telling = max(astray, key=lambda b: b.count * abs(_excess(b)))
    how = "is too sure of itself" if _excess(telling) > 0 else "could be surer"
    yield Verdict(
        rule="calibration",
        text=f"When {name} says {percent(telling.confidence)}, it is right "
        f"{percent(telling.accuracy.value)} of the time ({number(telling.count, 'answer')}): it "
        f"{how}. Its expected calibration error is {percent(found.error)}, where chance alone "
        f"would show {percent(found.chance)}.",
        evidence="calibration",
        runs=[name],
        weight=0.55,
    )


def calibrated(case: Case) -> Iterator[Verdict]:
    """Speak where the best method is as sure as it is right."""
    if _beyond_chance(case, case.best) > 0:
        return
    typical = case.test(case.best).calibration.typical
    if not typical.misjudged:
        yield Verdict(
            rule="calibrated",
            text=f"{case.best} can be taken at its word: when it says "
            f"{percent(typical.confidence)}, it is right {percent(typical.accuracy.value)} of the "
            f"time ({number(typical.count, 'answer')}).",
            evidence="calibration",
            runs=[case.best],
            weight=0.35,
        )


def _beyond_chance(case: Case, name: str) -> float:
    """Return by how much the calibration error of a method exceeds what chance would excuse."""
    found = case.test(name).calibration
    return (found.error or 0.0) - CALIBRATED * (found.chance or 0.0)


def _excess(found: Bin) -> float:
    return (found.confidence or 0.0) - (found.accuracy.value or 0.0)


def operating_point(case: Case) -> Iterator[Verdict]:
    """Speak of the threshold that was asked for: what it gives, or that none reaches the target."""
    points = {name: case.run(name).details["validation"].operating_point for name in case.names}
    asked = {name: point for name, point in points.items() if point and point.rule != "default"}
    missed = [name for name, point in asked.items() if not point.reached]
    if missed:
        yield _unreached(missed, asked[missed[0]])
    if case.best in asked and case.best not in missed:
        yield _reached(case, asked[case.best])


def _unreached(names: list[str], point: OperatingPoint) -> Verdict:
    others = f" (nor for {listed(names[1:])})" if names[1:] else ""
    return Verdict(
        rule="operating_point",
        text=f"No threshold on validation gives {names[0]} a {point.rule} of "
        f"{percent(point.target)}{others}: the highest is {percent(point.precision)}. Ask for "
        "less, or for a better model.",
        evidence="thresholds",
        runs=names,
        weight=0.82,
    )


def _reached(case: Case, validation: OperatingPoint) -> Verdict:
    test = case.test(case.best).operating_point or validation
    return Verdict(
        rule="operating_point",
        text=f"{case.best} says “{test.name}” from a probability of {percent(test.threshold)} on, "
        f"chosen on validation for {_aim(test)}: on test it finds {percent(test.recall)}, and is "
        f"right in {percent(test.precision)} of the cases where it says so.{_short(test)}",
        evidence="thresholds",
        runs=[case.best],
        weight=0.65,
    )


def _aim(point: OperatingPoint) -> str:
    if point.target is None:
        return "the best F1"
    return f"a {point.rule} of at least {percent(point.target)}"


def _short(test: OperatingPoint) -> str:
    """Return by what test falls short of the target that validation reached."""
    reached = {"recall": test.recall, "precision": test.precision}.get(test.rule)
    if test.target is None or (reached or 0.0) >= test.target:
        return ""
    return f" That is less than the {percent(test.target)} that validation promised."
