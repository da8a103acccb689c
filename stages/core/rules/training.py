"""Whether runs were trained for too long, too short, or were stopped in time."""

from collections.abc import Iterator

from stages.core.outputs.results import Result
from stages.core.rules.case import Case, Verdict
from stages.core.rules.wording import listed, number, percent, verb


def diverged(case: Case) -> Iterator[Verdict]:
    """Speak of runs whose loss is not a number in the end."""
    names = [result.name for result in case.results if result.fitting.kind == "diverged"]
    if names:
        yield Verdict(
            rule="diverged",
            text=f"The training of {listed(names)} ran away: the loss is not a number in the last "
            "epoch. Lower learning_rate.",
            evidence="learning",
            runs=names,
            weight=0.95,
        )


def overfitting(case: Case) -> Iterator[Verdict]:
    """Speak of runs that kept weights from after the turn of their validation loss."""
    found = [result for result in case.results if _overfitted(result)]
    found.sort(key=lambda result: -(result.fitting.rise or 0.0))
    if not found:
        return
    worst, *others = found
    more = [f"{r.name} (epoch {r.fitting.turned}, {percent(r.fitting.rise)})" for r in others]
    rest = f" So {verb(more, 'was', 'were')} {listed(more)}." if more else ""
    yield Verdict(
        rule="overfitting",
        text=f"{worst.name} was trained for too long: its validation loss turned at epoch "
        f"{worst.fitting.turned} and was {percent(worst.fitting.rise)} higher by epoch "
        f"{worst.fitting.epochs}, from which its weights are.{rest} Set early_stopping.",
        evidence="learning",
        runs=[result.name for result in found],
        weight=0.6,
    )


def _overfitted(result: Result) -> bool:
    fit = result.fitting
    return fit.kind == "overfitting" and fit.turned is not None and fit.kept > fit.turned


def underfitting(case: Case) -> Iterator[Verdict]:
    """Speak of runs that were still learning when their epochs were used up."""
    found = [result for result in case.results if _underfitted(result)]
    if not found:
        return
    most = max(found, key=lambda result: result.fitting.fall or 0.0)
    names, fall = [result.name for result in found], most.fitting.fall or 0.0
    yield Verdict(
        rule="underfitting",
        text=f"{listed(names)} {verb(names, 'was', 'were')} still learning at the end: the "
        f"validation loss of {most.name} fell by {percent(fall / (1 + fall))} in the last quarter "
        f"of its {most.fitting.epochs} epochs. Train longer.",
        evidence="learning",
        runs=names,
        weight=0.5,
    )


def _underfitted(result: Result) -> bool:
    return result.fitting.kind == "underfitting" and result.fitting.epochs == result.fitting.allowed


def stopping(case: Case) -> Iterator[Verdict]:
    """Speak of what early stopping saved, and of what it cost beside its twin that went on."""
    stopped = [result for result in case.results if result.fitting.saved]
    twins = {having: without for without, having in case.comparison.stopping}
    stopped.sort(key=lambda result: (result.name not in twins, -(result.fitting.saved or 0)))
    if stopped:
        first, *others = stopped
        saved = [f"{result.name} {result.fitting.saved}" for result in others]
        rest = f" Saved likewise: {listed(saved)}." if saved else ""
        yield Verdict(
            rule="stopping",
            text=f"{first.name} stopped after {first.fitting.epochs} of {first.fitting.allowed} "
            f"epochs and kept epoch {first.fitting.kept}: "
            f"{number(first.fitting.saved or 0, 'epoch')} saved"
            f"{_beside(case, first.name, twins.get(first.name))}.{rest}",
            evidence="learning",
            runs=[result.name for result in stopped],
            weight=0.4,
        )


def _beside(case: Case, stopped: str, twin: str | None) -> str:
    """Return how it compares with the method that was trained to the end."""
    if twin is None:
        return ""
    found = case.comparison.pair(twin, stopped).differences
    losses = [case.reaches(name, "log_loss").value or 0.0 for name in (stopped, twin)]
    told = f"{losses[0]:.3f} against {losses[1]:.3f}"
    if found["log_loss"].distinguishable:
        way = "better" if found["log_loss"].down else "worse"
        return f", with a {way} log loss than {twin}, which went on ({told})"
    if found["f1"].distinguishable:
        way = "better" if found["f1"].up else "worse"
        return f", with a {way} F1 than {twin}, which went on"
    return f", and it is not distinguishable from {twin}, which went on (log loss {told})"
