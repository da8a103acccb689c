"""Which run is best, and whether that is more than chance."""

from collections.abc import Iterator
from itertools import combinations

from secondlook.evaluation.comparison import MethodPair
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
from secondlook.verdicts.worth import (
    describe_doubts,
    describe_worth,
    get_metric_words,
    split_by_gain,
)


def judge_best(case: Case) -> Iterator[Verdict]:
    """Speak of the best method by F1 on validation, of what test says to that, and of its worth.

    Methods of which a run ran away, or answers the same to every image, are not looked at.
    """
    top, *others = case.comparison.ranking
    others = [name for name in others if case.is_sound(name)]
    if not others or not case.is_sound(top) or not _compute_validation_f1(case, top):
        return  # there is none to choose
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
    yield Verdict(
        rule="best",
        text=f"{text}.",
        evidence="differences",
        runs=[top, *ahead, *level],
        weight=0.8,
    )


def _describe_highest_f1(case: Case) -> str:
    """Return who has the highest F1 on validation, among whom, and who has the same."""
    top, *others = case.comparison.ranking
    scores = {name: _compute_validation_f1(case, name) for name in case.names}
    equals = [name for name in others if case.is_sound(name) and scores[name] == scores[top]]
    told = f"{top} has the highest F1 on validation"
    if scores[top] < max(scores.values()):
        told += " of those that tell classes apart there"
    if equals:
        told += f", as {choose_verb(equals, 'has', 'have')} {join_names(equals)}"
    return told


def _describe_overtaken_best(case: Case, ahead: list[str]) -> str:
    name = max(ahead, key=lambda name: _get_f1(case, name))
    found = case.find_difference(case.best, name, "f1")
    images = sum(case.facts.counts["validation"].values())
    doubts = describe_doubts(case, case.best, case.best)
    return (
        f"{_describe_highest_f1(case)}, but on test {name} is better by "
        f"{format_points(found.value)} {format_points_interval(found)}: "
        f"{format_count(images, 'validation image')} did not tell "
        f"which run is best; {describe_worth(case, name, name)}{f'; {doubts}' if doubts else ''}"
    )


def _describe_level_best(case: Case, level: list[str], behind: list[str]) -> str:
    scores = join_names(
        f"{name} {format_percent(_get_f1(case, name))}" for name in (case.best, *level)
    )
    beaten = f"; it is better than {join_names(behind)}" if behind else ""
    return (
        f"{_describe_highest_f1(case)}, but on test it is not distinguishable from "
        f"{join_names(level)} (F1: {scores}){beaten}; {describe_worth(case, case.best)}"
    )


def _describe_clear_best(case: Case, behind: list[str]) -> str:
    following = max(behind, key=lambda name: _get_f1(case, name))
    found = case.find_difference(following, case.best, "f1")
    return (
        f"{case.best} is the best run, on validation and on test, by F1: its "
        f"{format_percent(_get_f1(case, case.best))} is {format_points(found.value)} above "
        f"that of the next, {following} {format_points_interval(found)}; "
        f"{describe_worth(case, case.best)}"
    )


def _compute_validation_f1(case: Case, name: str) -> float:
    """Return what `rank_methods` of evaluation/seeds.py ranks by: the mean F1 over the seeds."""
    scores = [run.metrics["validation"].f1 or 0.0 for run in case.list_runs(name)]
    return sum(scores) / len(scores)


def _get_f1(case: Case, name: str) -> float:
    return case.find_estimate(name, "f1").value or 0.0


# What answers are judged by, beside the probabilities behind them.
ANSWER_METRICS = ("accuracy", "f1", "recall", "precision")


def recommend_method(case: Case, pair: MethodPair) -> str:
    """Return whom to choose for what, of a more accurate method and one of lower log loss.

    Nobody who is worse than always answering the same.
    """
    accurate, sure = pair.first, pair.second
    gained, lost = split_by_gain({name: pair.differences[name] for name in ANSWER_METRICS})
    if case.is_worse_than_lazy(sure):
        return ""
    if not lost:
        choose = "Choose" if case.best in (accurate, sure) else "Of the two, choose"
        return f" {choose} {sure}."
    if case.comparison.find_method(accurate).gain["accuracy"].down:
        return f" Choose {sure} where probabilities matter."
    if gained:
        first, second = (join_names(map(get_metric_words, names)) for names in (gained, lost))
        return (
            f" Choose {sure} where probabilities or {first} matter, {accurate} where only {second} "
            f"{choose_verb(lost, 'does', 'do')}."
        )
    return f" Choose {sure} where probabilities matter, {accurate} where only the answer does."


def judge_not_distinguishable(case: Case) -> Iterator[Verdict]:
    """Speak of methods that no metric on test tells from the reference.

    What is simpler is asked for among methods that are worth something only.
    """
    reference, *others = case.names
    if not _is_worth_choosing(case, reference):
        return
    names = [
        name
        for name in others
        if _is_worth_choosing(case, name) and not case.is_told_apart(reference, name)
    ]
    if names:
        yield Verdict(
            rule="not_distinguishable",
            text=f"{join_names(names)} {choose_verb(names, 'is', 'are each')} not distinguishable "
            f"from {reference}: on {format_count(case.image_count, 'test image')}, no metric "
            f"differs by more than chance would have it.{_advise_simplicity(case, names)}",
            evidence="differences",
            runs=[reference, *names],
            weight=0.45,
        )


def _advise_simplicity(case: Case, names: list[str]) -> str:
    """Return which to take of methods that are level with the reference, and with each other."""
    if any(case.is_told_apart(*pair) for pair in combinations(names, 2)):
        return ""
    return choose_verb(
        names, " Of the two, take the simpler one.", " Of these, take the simplest one."
    )


def _is_worth_choosing(case: Case, name: str) -> bool:
    return case.is_sound(name) and not case.is_worse_than_lazy(name)


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
