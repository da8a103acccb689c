"""Which run is best, and whether that is more than chance."""

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
from secondlook.verdicts.case import Case


def judge_best(case: Case) -> Iterator[Verdict]:
    """Speak of the best method by F1 on validation, and of what test says to that."""
    top, *others = case.comparison.ranking
    if case.find_constant_answer(top) is not None:
        return  # so all do, or nearly: there is none to choose
    others = [name for name in others if case.find_constant_answer(name) is None]
    gains = {name: case.find_difference(name, top, "f1") for name in others}
    behind = [name for name in others if gains[name].up]
    ahead = [name for name in others if gains[name].down]
    level = [name for name in others if name not in (*behind, *ahead)]
    if ahead:
        text = _describe_overtaken_best(case, ahead)
    elif level:
        text = _describe_level_best(case, level, behind)
    else:
        text = _describe_clear_best(case, behind)
    if others:
        text += _describe_worth(case, top)
        yield Verdict(
            rule="best", text=text, evidence="differences", runs=[top, *ahead, *level], weight=0.8
        )


def _describe_worth(case: Case, best: str) -> str:
    """Return in what the best by F1 is worse than answering the same to every image."""
    gain = case.comparison.find_method(best).gain
    worse = {"accuracy": gain["accuracy"].down, "log loss": gain["log_loss"].up}
    if not any(worse.values()):
        return ""
    names = join_names(name for name, is_worse in worse.items() if is_worse)
    return f" By {names} it is worse than always answering “{case.facts.lazy_class}”."


def _describe_overtaken_best(case: Case, ahead: list[str]) -> str:
    name = max(ahead, key=lambda name: _get_f1(case, name))
    found = case.find_difference(case.best, name, "f1")
    images = sum(case.facts.counts["validation"].values())
    return (
        f"{case.best} has the highest F1 on validation, but on test {name} is better by "
        f"{format_points(found.value)} {format_points_interval(found)}: "
        f"{format_count(images, 'validation image')} did not tell "
        "which run is best."
    )


def _describe_level_best(case: Case, level: list[str], behind: list[str]) -> str:
    scores = join_names(
        f"{name} {format_percent(_get_f1(case, name))}" for name in (case.best, *level)
    )
    beaten = f"; it is better than {join_names(behind)}" if behind else ""
    return (
        f"{case.best} has the highest F1 on validation, but on test it is not distinguishable from "
        f"{join_names(level)} (F1: {scores}){beaten}."
    )


def _describe_clear_best(case: Case, behind: list[str]) -> str:
    if not behind:
        return ""
    following = max(behind, key=lambda name: _get_f1(case, name))
    found = case.find_difference(following, case.best, "f1")
    return (
        f"{case.best} is the best run, on validation and on test: its F1 of "
        f"{format_percent(_get_f1(case, case.best))} is {format_points(found.value)} above "
        "that of the next, "
        f"{following} {format_points_interval(found)}."
    )


def _get_f1(case: Case, name: str) -> float:
    return case.find_estimate(name, "f1").value or 0.0


def judge_not_distinguishable(case: Case) -> Iterator[Verdict]:
    """Speak of methods that no metric on test tells from the reference."""
    reference, *others = case.names
    names = [name for name in others if not _is_distinguishable(case, reference, name)]
    if names:
        yield Verdict(
            rule="not_distinguishable",
            text=f"{join_names(names)} {choose_verb(names, 'is', 'are')} not distinguishable from "
            f"{reference}: on {format_count(case.image_count, 'test image')}, accuracy, F1 and log "
            "loss differ by no more than chance would have it. Take the simpler one.",
            evidence="differences",
            runs=[reference, *names],
            weight=0.45,
        )


def _is_distinguishable(case: Case, reference: str, name: str) -> bool:
    found = case.comparison.find_pair(reference, name).differences
    return any(found[metric].distinguishable for metric in ("accuracy", "f1", "log_loss"))


def judge_one_seed(case: Case) -> Iterator[Verdict]:
    """Speak where differences are told apart, but no method was trained with another seed."""
    pairs = case.comparison.pairs
    apart = any(found.distinguishable for pair in pairs for found in pair.differences.values())
    if apart and all(len(method.runs) == 1 for method in case.comparison.methods):
        yield Verdict(
            rule="one_seed",
            text="Every run was trained with one seed only, so differences hold for these very "
            "models, not yet for the methods. Add a run that differs in `seed` alone to see how "
            "far luck goes.",
            evidence="differences",
            runs=[],
            weight=0.2,
        )
