"""Which run is best, and whether that is more than chance."""

from collections.abc import Iterator

from stages.core.rules.case import Case, Verdict
from stages.core.rules.wording import listed, number, percent, points, span, verb


def best(case: Case) -> Iterator[Verdict]:
    """Speak of the best method by F1 on validation, and of what test says to that."""
    top, *others = case.comparison.ranking
    gains = {name: case.difference(name, top, "f1") for name in others}
    behind = [name for name in others if gains[name].up]
    ahead = [name for name in others if gains[name].down]
    level = [name for name in others if name not in (*behind, *ahead)]
    if ahead:
        text = _surpassed(case, ahead)
    elif level:
        text = _level(case, level, behind)
    else:
        text = _alone(case, behind)
    if others:
        yield Verdict(
            rule="best", text=text, evidence="differences", runs=[top, *ahead, *level], weight=0.8
        )


def _surpassed(case: Case, ahead: list[str]) -> str:
    name = max(ahead, key=lambda name: _f1(case, name))
    found = case.difference(case.best, name, "f1")
    images = sum(case.facts.counts["validation"].values())
    return (
        f"{case.best} has the highest F1 on validation, but on test {name} is better by "
        f"{points(found.value)} {span(found)}: {number(images, 'validation image')} did not tell "
        "which run is best."
    )


def _level(case: Case, level: list[str], behind: list[str]) -> str:
    scores = listed(f"{name} {percent(_f1(case, name))}" for name in (case.best, *level))
    beaten = f"; it is better than {listed(behind)}" if behind else ""
    return (
        f"{case.best} has the highest F1 on validation, but on test it is not distinguishable from "
        f"{listed(level)} (F1: {scores}){beaten}."
    )


def _alone(case: Case, behind: list[str]) -> str:
    if not behind:
        return ""
    following = max(behind, key=lambda name: _f1(case, name))
    found = case.difference(following, case.best, "f1")
    return (
        f"{case.best} is the best run, on validation and on test: its F1 of "
        f"{percent(_f1(case, case.best))} is {points(found.value)} above that of the next, "
        f"{following} {span(found)}."
    )


def _f1(case: Case, name: str) -> float:
    return case.reaches(name, "f1").value or 0.0


def not_distinguishable(case: Case) -> Iterator[Verdict]:
    """Speak of methods that no metric on test tells from the reference."""
    reference, *others = case.names
    names = [name for name in others if not _told_apart(case, reference, name)]
    if names:
        yield Verdict(
            rule="not_distinguishable",
            text=f"{listed(names)} {verb(names, 'is', 'are')} not distinguishable from "
            f"{reference}: on {number(case.images, 'test image')}, accuracy, F1 and log loss "
            "differ by no more than chance would have it. Take the simpler one.",
            evidence="differences",
            runs=[reference, *names],
            weight=0.45,
        )


def _told_apart(case: Case, reference: str, name: str) -> bool:
    found = case.comparison.pair(reference, name).differences
    return any(found[metric].distinguishable for metric in ("accuracy", "f1", "log_loss"))


def one_seed(case: Case) -> Iterator[Verdict]:
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
