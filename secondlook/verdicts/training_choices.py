"""What is said of the length of trainings: too long, too short, stopped in time, run away."""

from collections.abc import Iterator

from secondlook.evaluation.comparison_artifacts import Verdict
from secondlook.evaluation.formatting import (
    choose_verb,
    format_count,
    format_percent,
    join_names,
)
from secondlook.evaluation.run_artifacts import RunResult
from secondlook.verdicts.case import Case
from secondlook.verdicts.worth import describe_doubts, get_metric_words, split_by_gain


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
    fit = worst.fitting
    kept = ", from which its weights are"
    if fit.kept != fit.last:
        kept = f"; its weights are from epoch {fit.kept}"
    yield Verdict(
        rule="overfitting",
        text=f"{worst.name} was trained for too long: its validation loss turned at epoch "
        f"{fit.turned} and was {format_percent(fit.rise)} higher by epoch "
        f"{fit.last}{kept}.{rest} {_advise_stopping(found)}",
        evidence="learning",
        runs=[result.name for result in found],
        weight=0.6,
    )


def _advise_stopping(found: list[RunResult]) -> str:
    """Return what would have stopped in time; who stops early already watches something else."""
    watched = [run.training.parameters["early_stopping"] is not None for run in found]
    if all(watched):
        return "Let early_stopping watch validation/loss."
    return "Set early_stopping" + (" to watch validation/loss." if any(watched) else ".")


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
        f"of its {_format_judged_epochs(most)}. Train longer.",
        evidence="learning",
        runs=names,
        weight=0.5,
    )


def _format_judged_epochs(result: RunResult) -> str:
    """Return how many epochs were judged, and of which phase where there are two."""
    fit, switched = result.fitting, result.training.fine_tuned_after
    count = format_count(fit.last - fit.first + 1, "epoch")
    if switched is None:
        return count
    return f"{count} of {'fine-tuning' if fit.first > switched else 'the head alone'}"


def _is_underfitted(result: RunResult) -> bool:
    return result.fitting.kind == "underfitting" and result.fitting.epochs == result.fitting.allowed


def judge_stopping(case: Case) -> Iterator[Verdict]:
    """Speak of what early stopping saved, and of what it cost beside its twin that went on.

    A run that ran away, answers the same to every image or kept weights from after the turn of its
    validation loss did not stop in time.
    """
    stopped = [result for result in case.results if _has_stopped_in_time(case, result)]
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


def _has_stopped_in_time(case: Case, result: RunResult) -> bool:
    constant = case.find_constant_answer(result.name) is not None
    away = result.fitting.kind == "diverged"
    return bool(result.fitting.saved) and not (constant or away or _is_overfitted(result))


# What is told first of a difference between two methods; what else differs only where they do not.
HEADLINE_METRICS = ("log_loss", "f1", "accuracy")


def _compare_with_twin(case: Case, stopped: str, twin: str | None) -> str:
    """Return how it compares with the method that was trained to the end."""
    if twin is None or not case.is_sound(stopped):
        return ""
    told = " against ".join(_format_loss(case, name) for name in (stopped, twin))
    if case.has_diverged(twin):
        return f", where {twin}, which went on, ran away"
    if case.find_estimate(twin, "log_loss").value is None:
        return f", and it cannot be compared with {twin}, which went on (log loss {told})"
    found = case.comparison.find_pair(twin, stopped).differences
    headline = {name: found[name] for name in HEADLINE_METRICS}
    better, worse = split_by_gain(headline)
    if not better and not worse:
        better, worse = split_by_gain(found)
    if not better and not worse:
        return f", and it is not distinguishable from {twin}, which went on (log loss {told})"
    doubts = describe_doubts(case, stopped)
    return f", with {_list_changes(better, worse)} than {twin}, which went on (log loss {told})" + (
        f", though {doubts}" if doubts and better else ""
    )


def _list_changes(better: list[str], worse: list[str]) -> str:
    """Return at least one of these as: a better log loss, but a worse F1."""
    told = [
        f"a {how} {join_names(map(get_metric_words, metrics))}"
        for how, metrics in (("better", better), ("worse", worse))
        if metrics
    ]
    return ", but ".join(told)


def _format_loss(case: Case, name: str) -> str:
    loss = case.find_estimate(name, "log_loss").value
    return "undefined" if loss is None else f"{loss:.3f}"
