"""Verdicts of generated studies name the numbers of the files, and words that fit them."""

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from secondlook.evaluation.comparison_artifacts import Verdict
from secondlook.evaluation.formatting import format_percent, format_percents_apart, join_names
from secondlook.evaluation.predictions import load_predictions
from secondlook.verdicts.case import Case
from secondlook.verdicts.data_quality import MAX_LABEL_ERRORS
from secondlook.verdicts.verdicts import list_verdicts
from secondlook.verdicts.worth import compute_error_beyond_chance
from tests.support.built_studies import build_case
from tests.support.studies import StudyPlan, draw_study

SHARE = r"((?:over |under )?[\d.]+\N{NO-BREAK SPACE}%)"


def match(pattern: str, verdict: Verdict) -> tuple[str, ...]:
    """Return what stands in the places of a sentence, which is as the pattern says to its end."""
    found = re.fullmatch(pattern, verdict.text)
    assert found, verdict.text
    return found.groups()


def check_calibration(case: Case, verdict: Verdict) -> None:
    """Hold the answers that are told of, and both errors, against the bins of the run."""
    [name] = verdict.runs
    found = case.find_test_details(name).calibration
    said, right, count, how, error, chance = match(
        rf"When {name} says {SHARE}, it is right {SHARE} of the time \(([\d,]+) answers?\): it "
        r"(is too sure of itself|could be surer)\. Its expected calibration error is "
        rf"{SHARE}, where chance alone would show {SHARE}\.",
        verdict,
    )
    assert [error, chance] == format_percents_apart(found.error, found.chance)
    [telling] = [
        one
        for one in found.bins
        if [said, right] == format_percents_apart(one.confidence, one.accuracy.value)
        and f"{one.count:,}" == count
    ]
    assert telling.misjudged
    low, high = telling.accuracy.low, telling.accuracy.high
    assert low is not None
    assert high is not None
    assert telling.confidence is not None
    assert telling.confidence > high if how == "is too sure of itself" else telling.confidence < low
    others = [compute_error_beyond_chance(case, n) for n in case.names if case.is_sound(n)]
    assert compute_error_beyond_chance(case, name) == max(others) > 0


def check_operating_point(case: Case, verdict: Verdict) -> None:
    """Hold what was asked for, and what came of it, against what `evaluate` left."""
    if verdict.text.startswith("No threshold"):
        check_missed_target(case, verdict)
        return
    [name] = verdict.runs
    point = case.find_test_details(name).operating_point
    chosen = case.find_run(name).details["validation"].operating_point
    assert point is not None
    assert chosen is not None
    asked, threshold, goal, given, less = match(
        rf"{name} says “(.*)” from a probability of {SHARE} on, chosen on validation for (.*?): "
        r"on test (.*?)\.( That is less than the .* that validation promised\.)?",
        verdict,
    )
    assert (name, asked) == (case.best, case.asked_class)
    assert threshold == format_percent(chosen.threshold)
    (_, missed), (_, hits) = point.confusion[0], point.confusion[1]
    found, called = hits / max(sum(point.confusion[1]), 1), hits + missed
    reached = {"recall": found, "precision": hits / max(called, 1)}.get(point.rule)
    shown, promised = format_percents_apart(reached, chosen.target)
    recall = shown if point.rule == "recall" else format_percent(found)
    precision = shown if point.rule == "precision" else format_percent(hits / max(called, 1))
    assert given == (
        f"it finds {recall}, and is right in {precision} of the cases where it says so"
        if called
        else "it never says so"
    )
    assert goal == (
        "the best F1" if chosen.target is None else f"a {chosen.rule} of at least {promised}"
    )
    assert bool(less) == (chosen.target is not None and (reached or 0.0) < chosen.target)
    assert promised in (less or promised)


def check_missed_target(case: Case, verdict: Verdict) -> None:
    """See that none of these reaches what was asked, and which of them comes closest."""
    name, rule, target, others, highest = match(
        rf"No threshold on validation gives (\w) a (\w+) of {SHARE}(?: \(nor for (.*)\))?: the "
        rf"highest is {SHARE}\. Ask for less, or for a better model\.",
        verdict,
    )
    assert rule == "precision"
    assert name == verdict.runs[0]
    assert others == (join_names(verdict.runs[1:]) if verdict.runs[1:] else None)
    reached = []
    for run in verdict.runs:
        details = case.find_run(run).details["validation"]
        assert details.operating_point is not None
        assert details.thresholds is not None
        goal, precision = details.operating_point.target, details.operating_point.precision
        assert goal is not None
        assert max(value or 0.0 for value in details.thresholds.precision) <= (precision or 0.0)
        assert (precision or 0.0) < goal
        reached.append(precision or 0.0)
    assert [highest, target] == format_percents_apart(max(reached), goal)
    assert reached[0] == max(reached)


def check_confused(case: Case, verdict: Verdict) -> None:
    """Hold the pair of classes against the confusion matrix of the best run."""
    true, taken, count, mistakes = match(
        rf"{case.best} most often takes “(.*)” for “(.*)”: ([\d,]+) of its ([\d,]+) mistakes on "
        r"test\.",
        verdict,
    )
    wrong = np.array(case.find_test_details(case.best).confusion)
    np.fill_diagonal(wrong, 0)
    places = [case.facts.classes.index(name) for name in (true, taken)]
    assert f"{wrong[*places]:,}" == count
    assert wrong[*places] == wrong.max()
    assert f"{wrong.sum():,}" == mistakes


def check_wrong_everywhere(case: Case, verdict: Verdict) -> None:
    """Count the images again in the predictions, and look at the one that is named."""
    count, runs, place, true, called, sure, advice = match(
        r"([\d,]+) test images? (?:is|are) answered wrong by all (\d+) runs, most surely "
        r"test#(\d+): labelled “(.*)”, called “(.*)” (?:with|by most; they are) "
        rf"{SHARE}(?: sure)?\. (.*)",
        verdict,
    )
    given = [load_predictions(run.name, "test", case.facts) for run in case.results]
    guesses = np.stack([one.image_predictions.predicted for one in given])
    confidences = np.stack([one.image_predictions.confidence for one in given]).mean(axis=0)
    wrong = (guesses != given[0].labels).all(axis=0)
    assert (f"{wrong.sum():,}", int(runs)) == (count, len(case.results))
    assert wrong[int(place)]
    assert confidences[int(place)] == confidences[wrong].max()
    assert format_percent(float(confidences[int(place)])) == sure
    assert case.facts.classes[given[0].labels[int(place)]] == true
    answers = guesses[:, int(place)].tolist()
    assert answers.count(case.facts.classes.index(called)) == max(map(answers.count, answers))
    many = wrong.sum() > max(1, MAX_LABEL_ERRORS * case.image_count)
    assert ("hardly wrong labels" in advice) == many
    assert advice == "Check its label." if count == "1" else "its label" not in advice


CHECKS = {
    "calibration": check_calibration,
    "operating_point": check_operating_point,
    "confused": check_confused,
    "wrong_everywhere": check_wrong_everywhere,
}


def add_wrong_labels(plan: StudyPlan) -> StudyPlan:
    """Return a study of runs that all are good, where some labels are not."""
    runs = [
        replace(
            run,
            skill=6.0,
            leaning=0.0,
            sureness=4.0,
            answer=None,
            curve="settled",
            parameters=run.parameters | {"dropout": place / 10, "early_stopping": None},
        )
        for place, run in enumerate((plan.runs * 3)[: max(3, len(plan.runs))])
    ]
    return replace(plan, runs=runs, mislabelled=plan.mislabelled or 1)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(plan=st.one_of(draw_study(), draw_study(), draw_study().map(add_wrong_labels)))
def test_the_numbers_of_a_sentence_are_those_of_the_files(project: Path, plan: StudyPlan) -> None:
    """Whatever the runs of a study are like, and whether its labels are right."""
    assert project == Path.cwd()
    case = build_case(plan)
    for verdict in list_verdicts(case):
        if verdict.rule in CHECKS:
            CHECKS[verdict.rule](case, verdict)
