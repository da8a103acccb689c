"""What is said of probabilities and thresholds, and when nothing is."""

from typing import Any

from secondlook.evaluation.operating_point import OperatingPoint
from secondlook.evaluation.run_artifacts import RunResult
from secondlook.verdicts import probabilities
from tests.support.results import (
    make_calibration,
    make_case,
    make_losses,
    make_result,
    replace_test_details,
)


def make_confident_run(name: str, confidence_wrong: float, **scalars: Any) -> RunResult:  # noqa: ANN401 - scalars
    """Return a run that is so sure when it is wrong."""
    spread = make_losses(confidence_wrong=confidence_wrong, worst_share=0.6)
    return replace_test_details(make_result(name, **scalars), losses=spread)


def make_operating_run(name: str, **changes: Any) -> RunResult:  # noqa: ANN401 - fields of OperatingPoint
    """Return a run with an operating point of recall at least 0.9, the same on both splits."""
    plain = {"name": "b", "rule": "recall", "target": 0.9, "reached": True, "threshold": 0.2}
    plain |= {"confusion": [[40, 10], [4, 46]], "precision": 0.82, "recall": 0.92, "f1": 0.87}
    point = OperatingPoint(**(plain | changes))
    details = make_result(name).details["test"].model_copy(update={"operating_point": point})
    return make_result(name).model_copy(
        update={"details": {"validation": details, "test": details}}
    )


def replace_no_break_spaces(text: str) -> str:
    """Return a text with spaces that break."""
    return text.replace("\N{NO-BREAK SPACE}", " ")


def test_the_most_accurate_may_be_the_most_confidently_wrong() -> None:
    """Then the other is to be chosen where probabilities matter."""
    found = make_case(
        make_confident_run("first", 0.9, accuracy=0.95, log_loss=0.19),
        make_confident_run("second", 0.8, accuracy=0.96, log_loss=0.1, epochs=20),
        make_confident_run("third", 0.99, accuracy=0.99, log_loss=0.25, epochs=30),
    )
    [verdict] = probabilities.judge_disagree(found)
    assert replace_no_break_spaces(verdict.text) == (
        "third makes the fewest errors (1.0 % of the test images, second 4.0 %), but is the most "
        "confidently wrong (when wrong it is 99.0 % sure; the worst 1 % of images carry 60.0 % "
        "of its loss): its log loss is 0.2500, that of second 0.1000. Choose second where "
        "probabilities matter, third where only the answer does."
    )
    assert verdict.runs == ["third", "second"]


def test_fewer_errors_within_chance_are_no_reason_to_choose() -> None:
    """The lower log loss then decides alone; whose mistakes are sure is not made up."""
    found = make_case(
        make_confident_run("accurate", 0.7, accuracy=0.96, log_loss=0.3),
        make_confident_run("careful", 0.8, accuracy=0.95, log_loss=0.1, epochs=20),
    )
    [verdict] = probabilities.judge_disagree(found)
    assert "careful 5.0 %, a difference within chance)" in replace_no_break_spaces(verdict.text)
    assert "but its probabilities are worse: its log loss" in verdict.text
    assert verdict.text.endswith("Choose careful.")


def test_who_is_chosen_depends_on_what_matters() -> None:
    """Recall counts, too; who is worse than always answering the same is not chosen at all."""
    accurate = make_confident_run("accurate", 0.9, accuracy=0.96, log_loss=0.3, recall=0.9)
    careful = make_confident_run("careful", 0.8, accuracy=0.95, log_loss=0.1, epochs=20)
    [verdict] = probabilities.judge_disagree(make_case(accurate, careful))
    assert verdict.text.endswith(
        "Choose careful where probabilities matter, accurate where only the answer does."
    )
    found = make_confident_run("found", 0.8, accuracy=0.9, log_loss=0.1, recall=0.95, epochs=20)
    [verdict] = probabilities.judge_disagree(make_case(accurate, found))
    assert verdict.text.endswith(
        "Choose found where probabilities or recall matter, accurate where only accuracy does."
    )
    lazy = make_confident_run("lazy", 0.8, accuracy=0.9, lazy_accuracy=0.95, log_loss=0.1)
    [verdict] = probabilities.judge_disagree(make_case(accurate, lazy))
    assert verdict.text.endswith("But by accuracy lazy is worse than always answering “a”.")


def test_agreement_and_chance_are_not_told() -> None:
    """Better in both, or a log loss within chance."""
    best = make_confident_run("best", 0.9, accuracy=0.96, log_loss=0.1)
    worse = make_confident_run("worse", 0.9, accuracy=0.9, log_loss=0.3, epochs=20)
    close = make_confident_run("close", 0.9, accuracy=0.9, log_loss=0.09, epochs=20)
    assert not list(probabilities.judge_disagree(make_case(best, worse)))
    assert not list(probabilities.judge_disagree(make_case(best, close)))
    assert not list(probabilities.judge_disagree(make_case(best)))


def test_an_undefined_log_loss_is_not_the_lowest() -> None:
    """The extremes, told first, are the most accurate and the lowest loss that is a number."""
    away = make_confident_run("away", 0.0, accuracy=0.5, log_loss=None)
    third = make_confident_run("third", 0.99, accuracy=0.95, log_loss=0.3, epochs=30)
    most = make_confident_run("most", 0.99, accuracy=0.99, log_loss=0.25, epochs=40)
    surest = make_confident_run("surest", 0.8, accuracy=0.96, log_loss=0.2, epochs=20)
    careful = make_confident_run("careful", 0.8, accuracy=0.9, log_loss=0.21, epochs=50)
    found = make_case(careful, away, third, most, surest)
    [verdict] = probabilities.judge_disagree(found)
    assert verdict.runs == ["most", "surest"]


def test_nobody_is_taken_at_an_undefined_word() -> None:
    """A calibration error that is not defined is no small one."""
    result = make_result("away")
    found = result.details["test"].calibration.model_copy(update={"error": None, "chance": None})
    away = replace_test_details(result, calibration=found)
    assert not list(probabilities.judge_calibrated(make_case(away)))


def test_two_that_are_not_the_extremes_may_disagree() -> None:
    """Where one run is best in both, the others are still compared."""
    found = make_case(
        make_confident_run("best", 0.5, accuracy=0.99, log_loss=0.1),
        make_confident_run("careful", 0.6, accuracy=0.9, log_loss=0.2, epochs=20),
        make_confident_run("rash", 0.9, accuracy=0.95, log_loss=0.5, epochs=30),
    )
    [verdict] = probabilities.judge_disagree(found)
    assert verdict.text.startswith("rash makes fewer errors")
    assert verdict.runs == ["rash", "careful"]


def test_too_much_confidence_is_told() -> None:
    """In the words of the issue: when it says so much, it is right so often."""
    rash = replace_test_details(make_result("rash"), calibration=make_calibration(0.99, 0.93))
    good = replace_test_details(
        make_result("good", epochs=20), calibration=make_calibration(0.99, 0.98)
    )
    [verdict] = probabilities.judge_calibration(make_case(rash, good))
    assert replace_no_break_spaces(verdict.text).startswith(
        "When rash says 99.0 %, it is right 93.0 % of the time (100 answers): it is too sure of "
    )
    assert verdict.runs == ["rash"]


def test_too_little_confidence_is_told() -> None:
    """It could be surer."""
    shy = replace_test_details(make_result("shy"), calibration=make_calibration(0.6, 0.9))
    [verdict] = probabilities.judge_calibration(make_case(shy))
    assert "it could be surer" in verdict.text


def test_calibration_within_chance_is_good() -> None:
    """An error that chance excuses is none, and the best method may be taken at its word."""
    good = make_case(
        replace_test_details(make_result("good"), calibration=make_calibration(0.99, 0.98))
    )
    rash = make_case(
        replace_test_details(make_result("rash"), calibration=make_calibration(0.99, 0.9))
    )
    assert not list(probabilities.judge_calibration(good))
    [verdict] = probabilities.judge_calibrated(good)
    assert replace_no_break_spaces(verdict.text).startswith(
        "good can be taken at its word: when it says 99.0 %, it "
    )
    assert not list(probabilities.judge_calibrated(rash))


def test_an_operating_point_is_told() -> None:
    """What it was chosen for, and what it gives on test."""
    [verdict] = probabilities.judge_operating_point(make_case(make_operating_run("best")))
    assert replace_no_break_spaces(verdict.text) == (
        "best says “b” from a probability of 20.0 % on, chosen on validation for a recall of at "
        "least 90.0 %: on test it finds 92.0 %, and is right in 82.0 % of the cases where it says "
        "so."
    )
    [free] = probabilities.judge_operating_point(
        make_case(make_operating_run("best", rule="best_f1", target=None))
    )
    assert "chosen on validation for the best F1" in free.text


def test_a_target_that_test_misses_is_told() -> None:
    """Validation promised more than test holds."""
    [verdict] = probabilities.judge_operating_point(
        make_case(make_operating_run("best", recall=0.85))
    )
    assert replace_no_break_spaces(verdict.text).endswith(
        "That is less than the 90.0 % that validation promised."
    )


def test_a_target_that_validation_cannot_reach_is_told() -> None:
    """With what could be reached, for each such run."""
    runs = [make_operating_run(n, rule="precision", reached=False) for n in ("one", "two")]
    [verdict] = probabilities.judge_operating_point(make_case(*runs))
    assert replace_no_break_spaces(verdict.text).startswith(
        "No threshold on validation gives one a precision of 90.0 % (nor for two): the highest is "
        "82.0 %."
    )
    assert verdict.runs == ["one", "two"]


def test_the_default_threshold_is_not_talked_about() -> None:
    """Nor a question without a threshold."""
    default = make_operating_run("best", rule="default", target=None)
    assert not list(probabilities.judge_operating_point(make_case(default)))
    assert not list(probabilities.judge_operating_point(make_case(make_result("many"))))


def test_nothing_is_said_of_a_threshold_that_is_not_defined() -> None:
    """Where no probability is a number, there is none to draw the line at."""
    away = make_operating_run("away", threshold=None, precision=None, recall=0.0)
    assert not list(probabilities.judge_operating_point(make_case(away)))
