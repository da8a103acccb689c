"""Numbers that a sentence holds to differ are shown to differ, however close they are."""

import pytest

from secondlook.verdicts import accuracy, probabilities, ranking
from tests.support.results import (
    make_calibration,
    make_case,
    make_result,
    replace_test_details,
)
from tests.verdicts.test_probabilities import make_operating_run, replace_no_break_spaces


def test_a_calibration_error_is_told_from_that_of_chance() -> None:
    """Of many images both are small."""
    found = make_calibration(0.9504, 0.9, 1_000_000)
    found = found.model_copy(update={"error": 0.00149, "chance": 0.0007})
    run = replace_test_details(make_result("rash"), calibration=found)
    [verdict] = probabilities.judge_calibration(make_case(run))
    assert replace_no_break_spaces(verdict.text).endswith(
        "error is 0.15 %, where chance alone would show 0.07 %."
    )


def test_confidence_is_told_from_accuracy() -> None:
    """Who is too sure by little is shown to be surer than right."""
    found = make_calibration(0.9004, 0.9001, 10_000_000)
    astray = [found.bins[0].model_copy(update={"misjudged": True})]
    found = found.model_copy(update={"bins": astray, "error": 0.0003, "chance": 0.0001})
    run = replace_test_details(make_result("rash"), calibration=found)
    [verdict] = probabilities.judge_calibration(make_case(run))
    assert replace_no_break_spaces(verdict.text).startswith(
        "When rash says 90.04 %, it is right 90.01 % of the time (10,000,000 answers): it is too"
    )


def test_a_target_that_is_just_missed_is_not_shown_as_reached() -> None:
    """On validation, and on test, whatever was asked for."""
    near = make_operating_run("near", rule="precision", reached=False, precision=0.8996)
    [verdict] = probabilities.judge_operating_point(make_case(near))
    text = replace_no_break_spaces(verdict.text)
    assert "a precision of 90.00 %: the highest is 89.96 %." in text
    for rule, words in (("recall", "it finds 89.96 %"), ("precision", "is right in 89.96 %")):
        run = make_operating_run("best", rule=rule, **{rule: 0.8996})
        [verdict] = probabilities.judge_operating_point(make_case(run))
        text = replace_no_break_spaces(verdict.text)
        assert words in text
        assert f"a {rule} of at least 90.00 %" in text
        assert text.endswith("That is less than the 90.00 % that validation promised.")


def test_fewer_errors_are_shown_to_be_fewer() -> None:
    """And a lower log loss to be lower, also of runs that hardly err."""
    few = make_result("few", accuracy=0.9996, log_loss=0.02003)
    more = make_result("more", accuracy=0.9995, log_loss=0.02001, epochs=20)
    case = make_case(few, more)
    pair = case.comparison.pairs[0].model_copy(update={"disagree": True})
    case.comparison.pairs[0] = pair
    [verdict] = probabilities.judge_disagree(case)
    text = replace_no_break_spaces(verdict.text)
    assert "(0.04 % of the test images, more 0.05 %" in text
    assert "0.02003, that of more 0.02001" in text


def test_an_accuracy_that_is_worse_is_shown_to_be_worse() -> None:
    """By less than a digit, among very many images."""
    case = make_case(make_result("few", accuracy=0.89996, lazy_accuracy=0.9))
    gain = case.comparison.methods[0].gain
    gain["accuracy"] = gain["accuracy"].widen(-0.0001, -0.00001)
    [verdict] = accuracy.judge_no_better_than_lazy(case)
    text = replace_no_break_spaces(verdict.text)
    assert "for 90.000 % of the test images (few: 89.996 %)" in text


@pytest.mark.parametrize(("second", "points"), [(0.5, "1.0 point"), (0.5096, "0.04 points")])
def test_a_difference_beyond_chance_is_not_shown_as_none(second: float, points: str) -> None:
    """Nor is the end of its interval that is nearer to none."""
    best, next_best = make_result("best", f1=0.51), make_result("second", f1=second, epochs=20)
    case = make_case(best, next_best)
    pair = case.comparison.pairs[0]
    found = pair.differences["f1"]
    ends = sorted((found.value or 0.0) * factor for factor in (0.5, 1.5))
    pair.differences["f1"] = found.widen(*ends)
    [verdict] = ranking.judge_best(case)
    text = replace_no_break_spaces(verdict.text)
    assert f"is {points} above that of the next" in text
    assert "0.0 to" not in text
