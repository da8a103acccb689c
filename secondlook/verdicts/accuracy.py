"""Whether a run is better than the lazy baseline, and finds what was asked for."""

from collections.abc import Iterator

import numpy as np

from secondlook.artifacts.schema import Ends
from secondlook.evaluation.comparison_artifacts import Verdict
from secondlook.evaluation.formatting import (
    choose_verb,
    format_count,
    format_percent,
    format_points,
    join_names,
)
from secondlook.evaluation.metrics import compute_wilson_interval
from secondlook.verdicts.case import Case

LOW_RECALL = 2 / 3  # of the images of a class: who certainly finds fewer is told
VERY_LOW_RECALL = 0.2
MAX_CHANCE = 0.05  # of calling any class the hardest of classes that are equally hard
MIN_RECALL_LAG = 0.05  # of the images: how far below the accuracy a class must lie to be told


def judge_constant(case: Case) -> Iterator[Verdict]:
    """Speak of methods that answer one class whatever they see: some number always likes that."""
    constant = {name: case.find_constant_answer(name) for name in case.names}
    for k, label in enumerate(case.facts.classes):
        names = [name for name in case.names if constant[name] == k]
        if not names:
            continue
        counts = [np.array(case.find_test_details(name).confusion) for name in names]
        nearly = "" if all(each.sum() == each[:, k].sum() for each in counts) else "nearly "
        right = case.find_estimate(names[0], "accuracy").value
        yield Verdict(
            rule="constant",
            text=f"{join_names(names)} {choose_verb(names, 'answers', 'answer')} “{label}” to "
            f"{nearly}every test image, which is right for {format_percent(right)} of them, and "
            f"{choose_verb(names, 'tells', 'tell')} nothing apart, however good some of "
            f"{choose_verb(names, 'its', 'their')} numbers look.",
            evidence="classes",
            runs=names,
            weight=0.95,
        )


def _list_telling_methods(case: Case) -> list[str]:
    """Return the methods whose answers depend on what they see."""
    return [name for name in case.names if case.find_constant_answer(name) is None]


def judge_no_better_than_lazy(case: Case) -> Iterator[Verdict]:
    """Speak of methods whose accuracy is that of the lazy baseline, or below it."""
    telling = _list_telling_methods(case)
    gains = {name: case.comparison.find_method(name).gain["accuracy"] for name in telling}
    worse = [name for name, gain in gains.items() if gain.down]
    level = [name for name, gain in gains.items() if not gain.up and not gain.down]
    for names, told in ((level, "not distinguishable from"), (worse, "worse than")):
        if names:
            yield Verdict(
                rule="no_better_than_lazy",
                text=f"{join_names(names)} {choose_verb(names, 'is', 'are')} {told} always "
                "answering "
                f"“{case.facts.lazy_class}”, which is right for "
                f"{format_percent(_get_lazy_accuracy(case))} of the "
                f"test images ({_format_accuracies(case, names)}).{_describe_recall(case, names)}",
                evidence="leaderboard",
                runs=names,
                weight=0.9,
            )


def _get_lazy_accuracy(case: Case) -> float:
    return case.results[0].details["test"].lazy.accuracy or 0.0


def _format_accuracies(case: Case, names: list[str]) -> str:
    return join_names(
        f"{name}: {format_percent(case.find_estimate(name, 'accuracy').value)}" for name in names
    )


def _describe_recall(case: Case, names: list[str]) -> str:
    """Return what speaks for a method although its accuracy does not."""
    finds = (
        {} if case.asked_class is None else {name: _compute_recall(case, name)[0] for name in names}
    )
    told = [
        f"{name} finds {format_percent(share)}"
        for name, share in finds.items()
        if share > LOW_RECALL
    ]
    return (
        f" But {join_names(told)} of “{case.asked_class}”: recall tells more here." if told else ""
    )


def judge_gain_over_lazy(case: Case) -> Iterator[Verdict]:
    """Speak where all methods beat a lazy baseline that is right more often than not."""
    gains = {name: case.comparison.find_method(name).gain["accuracy"] for name in case.names}
    if _get_lazy_accuracy(case) <= 0.5 or not all(gain.up for gain in gains.values()):
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
    worst, total = few[0], case.find_test_details(few[0]).per_class[str(case.asked_class)].support
    found = round(shares[worst] * total)
    finds = f"{'hardly finds' if highs[worst] < VERY_LOW_RECALL else 'finds only'} {found:,}"
    others = [f"{name} ({format_percent(shares[name])})" for name in few[1:]]
    yield Verdict(
        rule="finds_few",
        text=f"{worst} {finds if found else 'finds none'} of the {total:,} "
        f"“{case.asked_class}” in test ({format_percent(shares[worst])}). Its accuracy of "
        f"{format_percent(case.find_estimate(worst, 'accuracy').value)} hides that."
        + (f" Too few are also found by {join_names(others)}." if others else ""),
        evidence="classes",
        runs=few,
        weight=0.85,
    )


def _compute_recall(case: Case, name: str) -> Ends:
    """Return the share of the class asked for that a method finds, over its seeds, and its ends."""
    runs = case.comparison.find_method(name).runs
    scores = [case.find_test_details(run).per_class[str(case.asked_class)] for run in runs]
    support = scores[0].support
    found = sum((score.recall or 0.0) * support for score in scores) / len(scores)
    return compute_wilson_interval(round(found), max(support, 1)).floats


def judge_weakest_class(case: Case) -> Iterator[Verdict]:
    """Speak of the class, of many, that the best method finds far less often than the others.

    The lowest of K recalls is low by chance alone: its interval is Bonferroni's.
    """
    from scipy.special import ndtri

    if case.asked_class is not None:
        return
    scores = {
        k: s for k, s in case.find_test_details(case.best).per_class.items() if s.recall is not None
    }
    name = min(scores, key=lambda name: scores[name].recall or 0.0)
    support, accuracy = scores[name].support, case.find_estimate(case.best, "accuracy").value or 0.0
    hits = round((scores[name].recall or 0.0) * support)
    recall, _, high = compute_wilson_interval(
        hits, support, float(-ndtri(MAX_CHANCE / 2 / len(scores)))
    ).floats
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
