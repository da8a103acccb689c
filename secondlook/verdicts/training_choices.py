"""What the choices made for the training did: its length, early stopping, weights of classes."""

from collections.abc import Iterator

from secondlook.evaluation.comparison_artifacts import Verdict
from secondlook.evaluation.formatting import (
    choose_verb,
    format_count,
    format_percent,
    format_points,
    format_points_interval,
    join_names,
)
from secondlook.evaluation.intervals import Difference
from secondlook.evaluation.run_artifacts import RunResult
from secondlook.verdicts.case import Case


def judge_diverged(case: Case) -> Iterator[Verdict]:
    """Speak of runs whose loss is not a number in the end."""
    names = [result.name for result in case.results if result.fitting.kind == "diverged"]
    if names:
        yield Verdict(
            rule="diverged",
            text=f"The training of {join_names(names)} ran away: the loss is not a number in "
            "the last "
            "epoch. Lower learning_rate.",
            evidence="learning",
            runs=names,
            weight=0.95,
        )


def judge_overfitting(case: Case) -> Iterator[Verdict]:
    """Speak of runs that kept weights from after the turn of their validation loss."""
    found = [result for result in case.results if _is_overfitted(result)]
    found.sort(key=lambda result: -(result.fitting.rise or 0.0))
    if not found:
        return
    worst, *others = found
    more = [
        f"{r.name} (epoch {r.fitting.turned}, {format_percent(r.fitting.rise)})" for r in others
    ]
    rest = f" So {choose_verb(more, 'was', 'were')} {join_names(more)}." if more else ""
    yield Verdict(
        rule="overfitting",
        text=f"{worst.name} was trained for too long: its validation loss turned at epoch "
        f"{worst.fitting.turned} and was {format_percent(worst.fitting.rise)} higher by epoch "
        f"{worst.fitting.epochs}, from which its weights are.{rest} Set early_stopping.",
        evidence="learning",
        runs=[result.name for result in found],
        weight=0.6,
    )


def _is_overfitted(result: RunResult) -> bool:
    fit = result.fitting
    return fit.kind == "overfitting" and fit.turned is not None and fit.kept > fit.turned


def judge_underfitting(case: Case) -> Iterator[Verdict]:
    """Speak of runs that were still learning when their epochs were used up."""
    found = [result for result in case.results if _is_underfitted(result)]
    if not found:
        return
    most = max(found, key=lambda result: result.fitting.fall or 0.0)
    names, fall = [result.name for result in found], most.fitting.fall or 0.0
    yield Verdict(
        rule="underfitting",
        text=f"{join_names(names)} {choose_verb(names, 'was', 'were')} still learning at the "
        "end: the "
        f"validation loss of {most.name} fell by {format_percent(fall / (1 + fall))} in the "
        "last quarter "
        f"of its {most.fitting.epochs} epochs. Train longer.",
        evidence="learning",
        runs=names,
        weight=0.5,
    )


def _is_underfitted(result: RunResult) -> bool:
    return result.fitting.kind == "underfitting" and result.fitting.epochs == result.fitting.allowed


def judge_stopping(case: Case) -> Iterator[Verdict]:
    """Speak of what early stopping saved, and of what it cost beside its twin that went on."""
    stopped = [result for result in case.results if result.fitting.saved]
    twins = {having: without for without, having in case.comparison.stopping}
    stopped.sort(key=lambda result: (result.name not in twins, -(result.fitting.saved or 0)))
    if stopped:
        first, *others = stopped
        saved = [f"{result.name} {result.fitting.saved}" for result in others]
        rest = f" Saved likewise: {join_names(saved)}." if saved else ""
        yield Verdict(
            rule="stopping",
            text=f"{first.name} stopped after {first.fitting.epochs} of {first.fitting.allowed} "
            f"epochs and kept epoch {first.fitting.kept}: "
            f"{format_count(first.fitting.saved or 0, 'epoch')} saved"
            f"{_compare_with_twin(case, first.name, twins.get(first.name))}.{rest}",
            evidence="learning",
            runs=[result.name for result in stopped],
            weight=0.4,
        )


def _compare_with_twin(case: Case, stopped: str, twin: str | None) -> str:
    """Return how it compares with the method that was trained to the end."""
    if twin is None:
        return ""
    found = case.comparison.find_pair(twin, stopped).differences
    told = " against ".join(_format_loss(case, name) for name in (stopped, twin))
    if found["log_loss"].distinguishable:
        way = "better" if found["log_loss"].down else "worse"
        return f", with a {way} log loss than {twin}, which went on ({told})"
    if found["f1"].distinguishable:
        way = "better" if found["f1"].up else "worse"
        return f", with a {way} F1 than {twin}, which went on"
    return f", and it is not distinguishable from {twin}, which went on (log loss {told})"


def _format_loss(case: Case, name: str) -> str:
    loss = case.find_estimate(name, "log_loss").value
    return "undefined" if loss is None else f"{loss:.3f}"


WEIGHTING_METRICS = ("recall", "precision", "accuracy")


def judge_weighting(case: Case) -> Iterator[Verdict]:
    """Speak of every pair of methods that differ in class_weight alone."""
    for plain, weighted in case.comparison.weighting:
        if case.find_constant_answer(weighted) is not None:
            continue  # recall is no gain of a run that answers the same to everything
        found = {name: case.find_difference(plain, weighted, name) for name in WEIGHTING_METRICS}
        told = ", ".join(
            _describe_metric_change(case, plain, weighted, name) for name in WEIGHTING_METRICS
        )
        yield Verdict(
            rule="weighting",
            text=f"{_summarize_weighting(found)} ({weighted} against {plain}): {told}.",
            evidence="weighting",
            runs=[plain, weighted],
            weight=0.75,
        )


def _summarize_weighting(found: dict[str, Difference]) -> str:
    """Return in a few words what weighting bought, and at the price of what."""
    fallen = [name for name in ("precision", "accuracy") if found[name].down]
    price = join_names(fallen) if fallen else ""
    if found["recall"].up and price:
        return f"Weighting bought recall with {price}"
    if found["recall"].up and found["precision"].up:
        return "Weighting raised recall and precision"
    if found["recall"].up:
        return "Weighting bought recall, at no price that shows"
    if price:
        return f"Weighting cost {price}, and bought nothing that shows"
    if not any(difference.distinguishable for difference in found.values()):
        return "What weighting did is not distinguishable from chance"
    return "Weighting did not do what it is for"


def _describe_metric_change(case: Case, plain: str, weighted: str, metric: str) -> str:
    before, after = (case.find_estimate(name, metric).value for name in (plain, weighted))
    found = case.find_difference(plain, weighted, metric)
    if not found.distinguishable:
        return (
            f"{metric} not distinguishable ({format_percent(before)} and {format_percent(after)})"
        )
    way = "up" if found.up else "down"
    return (
        f"{metric} {way} {format_points(found.value)} to {format_percent(after)} "
        f"{format_points_interval(found)}"
    )
