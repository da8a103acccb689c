"""Verdicts of generated studies: they contradict neither each other nor the numbers."""

import re
from itertools import permutations
from pathlib import Path

from hypothesis import HealthCheck, given, settings

from secondlook.evaluation.comparison_artifacts import Verdict, load_verdicts
from secondlook.evaluation.formatting import format_percent
from secondlook.verdicts import verdicts
from secondlook.verdicts.case import Case
from secondlook.verdicts.verdicts import CONFLICTS, PRAISES, Conflict, list_verdicts
from tests.support.built_studies import build_case
from tests.support.studies import StudyPlan, draw_study

WORSE = "worse than always answering"


def check_no_pair_is_forbidden(case: Case, told: list[Verdict]) -> None:
    """See that no two verdicts stand in the table for a run that both name."""
    for one, other in permutations(told, 2):
        for conflict in CONFLICTS:
            if (conflict.stays, conflict.gives_way) == (one.rule, other.rule):
                for place, run in enumerate(one.runs):
                    if run in other.runs:
                        assert not conflict.of(case, run, place), (one.text, other.text)


def check_praise(case: Case, told: list[Verdict]) -> None:
    """See that nobody praises whom another sentence calls worthless, unless it says so itself."""
    rule = {run: verdict.rule for verdict in told for run in verdict.runs if verdict.weight == 0.95}
    for verdict in told:
        if verdict.rule not in PRAISES:
            continue
        for name in verdict.runs:
            runs = set(case.find_method(name).runs) if verdict.rule != "stopping" else {name}
            assert not runs & set(rule), (verdict.text, rule)
        praised = verdict.runs[0]
        if verdict.rule == "disagree":
            praised = verdict.runs[1]
        if verdict.rule == "stopping" and "better" not in verdict.text:
            continue
        if verdict.rule == "gain_over_lazy":
            continue  # by accuracy, and nothing else
        if case.is_worse_than_lazy(praised):
            assert WORSE in verdict.text, verdict.text
            assert "Choose" not in verdict.text
            assert "take the simpl" not in verdict.text


def check_best(case: Case, told: list[Verdict]) -> None:
    """See that a run is best by F1, and that the sentence says what else it is worth."""
    for verdict in told:
        if verdict.rule != "best":
            continue
        assert "F1" in verdict.text
        assert "validation" in verdict.text
        top = verdict.runs[1] if "is better by" in verdict.text else verdict.runs[0]
        gain = case.comparison.find_method(top).gain
        worth = verdict.text.partition("; by ")[2].partition("; ")[0]
        better = gain["accuracy"].up, gain["log_loss"].down
        worse = gain["accuracy"].down, gain["log_loss"].up
        assert all(name in worth for name in ("accuracy", "log loss"))
        assert ("better" in worth) == any(better)
        assert ("worse" in worth) == any(worse)
        assert ("not distinguishable" in worth) == (sum(better + worse) < 2)


def check_words(_: Case, told: list[Verdict]) -> None:
    """See that nothing is undefined, finds only none, or counts one in the plural."""
    for verdict in told:
        assert not re.search(
            r"undefined share|\bnan\b|\bNone\b|(hardly finds|finds only) 0 |  |\.\.|, \.|"
            r"(?<![\d.,])1 (images|epochs|answers|mistakes|runs|points)\b|"
            r"^[A-F] (are|were|answer|tell)\b|^[A-F] and [A-F] (is|was|answers|tells)\b",
            verdict.text,
        ), verdict.text
        assert verdict.text.endswith(".")


def check_numbers(case: Case, told: list[Verdict]) -> None:
    """Hold what a sentence says of a run against the files."""
    for verdict in told:
        for name, metric, split, share in find_numbers(verdict):
            run = case.comparison.find_method(name).estimates[split][metric].value
            assert format_percent(run) == share, (verdict.text, metric)


def find_numbers(verdict: Verdict) -> list[tuple[str, str, str, str]]:
    """Return run, metric, split and value of the shares that a sentence names."""
    share = r"((?:over |under )?[\d.]+\N{NO-BREAK SPACE}%)"
    text, found = verdict.text, []
    if verdict.rule == "no_better_than_lazy":
        inside = re.search(r"\((.*?)\)", text)
        found = re.findall(rf"([A-F]): {share}", inside[1] if inside else "")
        return [(name, "accuracy", "test", value) for name, value in found]
    if verdict.rule == "best" and "(F1: " in text:
        found = re.findall(rf"([A-F]) {share}", text[text.index("(F1: ") :].partition(")")[0])
        return [(name, "f1", "test", value) for name, value in found]
    if verdict.rule == "best" and (value := re.search(rf"by F1: its {share}", text)):
        return [(verdict.runs[0], "f1", "test", value[1])]
    if verdict.rule == "finds_few" and (value := re.search(rf"accuracy of {share}", text)):
        return [(verdict.runs[0], "accuracy", "test", value[1])]
    if verdict.rule == "weighting":
        return [
            (name, metric.lower(), "test", value)
            for metric, *values in re.findall(
                rf"(\w+) not distinguishable \({share} and {share}\)", text
            )
            for name, value in zip(verdict.runs, values, strict=True)
        ] + [
            (verdict.runs[1], metric.lower(), "test", value)
            for metric, value in re.findall(rf"(\w+) (?:up|down) [\d.]+ points? to {share}", text)
        ]
    return []


def check_weighting(case: Case, told: list[Verdict]) -> None:
    """See that the summary names what the metrics behind it say, and leaves nothing out."""
    for verdict in told:
        if verdict.rule != "weighting":
            continue
        summary = verdict.text.partition(" (")[0]
        found = case.comparison.find_pair(*verdict.runs).differences
        for metric in ("recall", "precision", "accuracy", "f1", "log_loss"):
            better, worse = found[metric].up, found[metric].down
            if metric == "log_loss":
                better, worse = worse, better
            words = metric.replace("_", " ").replace("f1", "F1")
            if worse and "did not do" not in summary:
                assert words in summary, verdict.text
            if better or worse:
                assert "no price" not in summary or better
                assert "distinguishable from chance" not in summary
                assert f"{words} {'up' if found[metric].up else 'down'}" in verdict.text
            if better:
                assert "nothing" not in summary


def check_probabilities(case: Case, told: list[Verdict]) -> None:
    """See that nobody is taken at a word that another sentence, or too few answers, doubt."""
    rules = {verdict.rule: verdict for verdict in told}
    if "calibrated" in rules:
        assert rules["calibrated"].runs == [case.best]
        assert case.find_test_details(case.best).calibration.typical.count >= 30
        for rule in ("calibration", "disagree"):
            assert case.best not in (rules[rule].runs[:1] if rule in rules else [])
    if "disagree" in rules:
        text, (accurate, sure) = rules["disagree"].text, rules["disagree"].runs
        found = case.comparison.find_pair(accurate, sure).differences
        assert found["log_loss"].down
        lost = any(found[name].down for name in ("accuracy", "f1", "recall", "precision"))
        assert not (lost and text.endswith(f"hoose {sure}.")), text
        for name in (accurate, sure):
            loss = case.find_estimate(name, "log_loss").value
            assert f"{loss:.4f}" in text


def check_trainings(case: Case, told: list[Verdict]) -> None:
    """See that epochs are those of the trainings, and that nobody is told two opposite things."""
    named = {v.rule: v.runs for v in told if v.rule in ("overfitting", "underfitting", "stopping")}
    runs = [run for names in named.values() for run in names]
    assert len(runs) == len(set(runs)), named
    for verdict in told:
        if verdict.rule in named:
            # Of several that still learn, the numbers are those of the one whose loss fell most.
            most = re.search(r"validation loss of ([A-F]) fell", verdict.text)
            fit = case.find_run(most[1] if most else verdict.runs[0]).fitting
            assert fit.kind != "diverged"
            numbers = {
                "overfitting": fit.turned,
                "stopping": fit.kept,
                "underfitting": fit.last - fit.first + 1,
            }
            assert re.search(rf"\b{numbers[verdict.rule]}\b", verdict.text), verdict.text


CHECKS = (
    check_probabilities,
    check_trainings,
    check_no_pair_is_forbidden,
    check_praise,
    check_best,
    check_words,
    check_numbers,
    check_weighting,
)


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(plan=draw_study())
def test_no_sentence_contradicts_another_or_the_numbers(project: Path, plan: StudyPlan) -> None:
    """Whatever the runs of a study are like."""
    assert project == Path.cwd()
    case = build_case(plan)
    told = list_verdicts(case)
    assert load_verdicts() == verdicts.select_verdicts(case)
    for check in CHECKS:
        check(case, told)


def test_every_rule_of_the_table_is_one() -> None:
    """And none gives way to itself, or to one that gives way to it."""
    rules = {rule.__name__.removeprefix("judge_") for rule in verdicts.RULES}
    pairs = {(conflict.stays, conflict.gives_way) for conflict in CONFLICTS}
    assert {name for pair in pairs for name in pair} <= rules
    assert len(pairs) == len(CONFLICTS)
    assert not pairs & {(second, first) for first, second in pairs}
    assert Conflict("diverged", "best") in CONFLICTS
