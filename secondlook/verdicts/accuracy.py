"""Whether a run is better than the lazy baseline, and finds what was asked for."""

from collections.abc import Iterator

import numpy as np

from secondlook.artifacts.schema import Ends
from secondlook.evaluation.comparison_artifacts import Verdict
from secondlook.evaluation.formatting import (
    choose_verb,
    format_count,
    format_percent,
    format_percents_apart,
    format_points,
    join_names,
)
from secondlook.evaluation.metrics import compute_wilson_interval
from secondlook.verdicts.case import Case

LOW_RECALL = 2 / 3  # of the images of a class: who certainly finds fewer is told
VERY_LOW_RECALL = 0.2
MAX_CHANCE = 0.05  # of calling any class the hardest of equally hard ones, any guess a skill
MIN_RECALL_LAG = 0.05  # of the images: how far below the accuracy a class must lie to be told


def _list_telling_methods(case: Case) -> list[str]:
    """Return the methods whose answers are defined, and depend on what they see."""
    return [name for name in case.names if case.is_sound(name)]


def judge_no_better_than_lazy(case: Case) -> Iterator[Verdict]:
    """Speak of methods whose accuracy is that of the lazy baseline, or below it."""
    telling = _list_telling_methods(case)
    gains = {name: case.comparison.find_method(name).gain["accuracy"] for name in telling}
    worse = [name for name, gain in gains.items() if gain.down]
    level = [name for name, gain in gains.items() if not gain.up and not gain.down]
    for names, told in ((level, "not distinguishable from"), (worse, "worse than")):
        if names:
            lazy, accuracies = _format_accuracies(case, names)
            yield Verdict(
                rule="no_better_than_lazy",
                text=f"By accuracy {join_names(names)} {choose_verb(names, 'is', 'are')} {told} "
                f"always answering “{case.facts.lazy_class}”, which is right for {lazy} of the "
                f"test images ({accuracies})"
                f"{_describe_loss_gain(case, names)}.{_describe_recall(case, names)}",
                evidence="leaderboard",
                runs=names,
                weight=0.9,
            )


def _get_lazy_accuracy(case: Case) -> float:
    return case.results[0].details["test"].lazy.accuracy or 0.0


def _format_accuracies(case: Case, names: list[str]) -> tuple[str, str]:
    """Return the accuracy of the lazy baseline, and those of the methods beside their names."""
    found = [case.find_estimate(name, "accuracy").value for name in names]
    lazy, *accuracies = format_percents_apart(_get_lazy_accuracy(case), *found)
    return lazy, join_names(f"{name}: {a}" for name, a in zip(names, accuracies, strict=True))


def _describe_loss_gain(case: Case, names: list[str]) -> str:
    """Return who is better or worse than the baseline by log loss, whatever the accuracy."""
    gains = {name: case.comparison.find_method(name).gain["log_loss"] for name in names}
    better = [name for name, gain in gains.items() if gain.down]
    worse = [name for name, gain in gains.items() if gain.up]
    told = [
        f"{_refer_to(found, names)} {choose_verb(found, 'is', 'are')} {how}"
        for found, how in ((better, "better"), (worse, "worse"))
        if found
    ]
    return f"; by log loss {', and '.join(told)}" if told else ""


def _refer_to(some: list[str], names: list[str]) -> str:
    """Return how a sentence about names goes on about some of them."""
    return choose_verb(names, "it", "they") if some == names else join_names(some)


def _describe_recall(case: Case, names: list[str]) -> str:
    """Return what speaks for a method although its accuracy does not.

    Recall speaks for nobody who is right no more often than by guessing when it says yes, nor where
    the lazy baseline finds all.
    """
    if case.asked_class in (None, case.facts.lazy_class):
        return ""
    shares = {name: _compute_recall(case, name)[0] for name in names}
    told = [n for n in names if shares[n] > LOW_RECALL and _is_right_beyond_guessing(case, n)]
    if not told:
        return ""
    finds = join_names(f"{name} finds {format_percent(shares[name])}" for name in told)
    precision = join_names(format_percent(_compute_precision(case, name)) for name in told)
    return (
        f" But {finds} of “{case.asked_class}”, with a precision of {precision}: recall tells more "
        "here."
    )


def _is_right_beyond_guessing(case: Case, name: str) -> bool:
    """Say whether all runs of a method are certainly right more often than chance with a yes."""
    share = case.facts.counts["test"][str(case.asked_class)] / case.image_count
    reach = _compute_reach(len(case.results))
    lows = [compute_wilson_interval(*counts, reach).low for counts in _count_yes(case, name)]
    return all(low is not None and low > share for low in lows)


def _compute_precision(case: Case, name: str) -> float:
    """Return the share of right ones among the answers of the class asked for, over the seeds."""
    counts = _count_yes(case, name)
    return sum(hits / called for hits, called in counts) / len(counts)


def _count_yes(case: Case, name: str) -> list[tuple[int, int]]:
    """Return of each run how often it is right with the class asked for, and how often it says it.

    The latter is at least 1, so that what is never said is never right.
    """
    k = case.facts.classes.index(str(case.asked_class))
    counts = [np.array(case.find_test_details(run.name).confusion) for run in case.list_runs(name)]
    return [(int(each[k, k]), max(1, int(each[:, k].sum()))) for each in counts]


def judge_gain_over_lazy(case: Case) -> Iterator[Verdict]:
    """Speak where all methods beat a lazy baseline that is right more often than not."""
    gains = {name: case.comparison.find_method(name).gain["accuracy"] for name in case.names}
    if _get_lazy_accuracy(case) <= 0.5 or not all(gain.up for gain in gains.values()):
        return
    if not all(case.is_sound(name) for name in case.names):
        return
    least, most = (pick(gains, key=lambda name: gains[name].value or 0.0) for pick in (min, max))
    rest = f", {least} only {format_points(gains[least].value)}" if least != most else ""
    yield Verdict(
        rule="gain_over_lazy",
        text=f"Always answering “{case.facts.lazy_class}” would be right for "
        f"{format_percent(_get_lazy_accuracy(case))} of the test images; {most} gains "
        f"{format_points(gains[most].value)} "
        f"over that{rest}.",
        evidence="leaderboard",
        runs=list(dict.fromkeys((most, least))),
        weight=0.3,
    )


def judge_finds_few(case: Case) -> Iterator[Verdict]:
    """Speak of methods that certainly miss a third or more of the class asked for."""
    recalls = (
        {}
        if case.asked_class is None
        else {name: _compute_recall(case, name) for name in _list_telling_methods(case)}
    )
    shares = {name: share for name, (share, _, _) in recalls.items()}
    highs = {name: high for name, (_, _, high) in recalls.items()}
    few = sorted((name for name in highs if highs[name] < LOW_RECALL), key=lambda n: shares[n])
    if not few:
        return
    worst, *others = few
    more = [f"{name} ({format_percent(shares[name])})" for name in others]
    yield Verdict(
        rule="finds_few",
        text=("By the more probable answer, " if case.asks_threshold else "")
        + f"{worst} {_describe_finds(case, worst, highs[worst])} “{case.asked_class}” in test "
        f"({format_percent(shares[worst])}).{_describe_hiding(case, worst)}"
        + (f" Too few are also found by {join_names(more)}." if more else ""),
        evidence="classes",
        runs=few,
        weight=0.85,
    )


def _describe_finds(case: Case, name: str, high: float) -> str:
    """Return how many a method finds, of how many; over several seeds it is a mean."""
    total = case.find_test_details(name).per_class[str(case.asked_class)].support
    found, runs = _compute_recall(case, name)[0] * total, len(case.list_runs(name))
    if not round(found * runs):
        return f"finds none of the {total:,}"
    finds = "hardly finds" if high < VERY_LOW_RECALL else "finds only"
    count = f"{found:,.1f}" if runs > 1 else f"{round(found):,}"
    return f"{finds} {count} of the {total:,}{' (a mean over its seeds)' if runs > 1 else ''}"


def _describe_hiding(case: Case, name: str) -> str:
    """Return that the accuracy hides what is not found, where it is high enough to."""
    accuracy = case.find_estimate(name, "accuracy").value
    if accuracy is None or accuracy < LOW_RECALL:
        return ""
    return f" Its accuracy of {format_percent(accuracy)} hides that."


def _compute_recall(case: Case, name: str) -> Ends:
    """Return the share of the class asked for that a method finds, over its seeds, and its ends."""
    scores = [
        case.find_test_details(run.name).per_class[str(case.asked_class)]
        for run in case.list_runs(name)
    ]
    support = scores[0].support
    found = sum((score.recall or 0.0) * support for score in scores) / len(scores)
    _, low, high = compute_wilson_interval(round(found), max(support, 1)).floats
    return found / max(support, 1), low, high


def judge_weakest_class(case: Case) -> Iterator[Verdict]:
    """Speak of the class, of many, that the best method finds far less often than the others.

    The lowest of K recalls is low by chance alone: its interval is Bonferroni's.
    """
    if case.asked_class is not None or not case.is_sound(case.best):
        return
    scores = {
        k: s for k, s in case.find_test_details(case.best).per_class.items() if s.recall is not None
    }
    name = min(scores, key=lambda name: scores[name].recall or 0.0)
    support = scores[name].support
    accuracy = case.find_run(case.best).metrics["test"].accuracy or 0.0
    hits = round((scores[name].recall or 0.0) * support)
    recall, _, high = compute_wilson_interval(hits, support, _compute_reach(len(scores))).floats
    if high < accuracy - MIN_RECALL_LAG:
        yield Verdict(
            rule="weakest_class",
            text=f"“{name}” is the hardest class: {case.best} finds "
            f"{format_percent(recall)} of its "
            f"{format_count(support, 'test image')}, of all images {format_percent(accuracy)}.",
            evidence="classes",
            runs=[case.best],
            weight=0.6,
        )


def _compute_reach(count: int) -> float:
    """Return the standard errors that `count` intervals reach to hold together (Bonferroni)."""
    from scipy.special import ndtri

    return float(-ndtri(MAX_CHANCE / 2 / count))
