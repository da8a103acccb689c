"""Rules about which run is best: when they speak, and when they keep silent."""

from secondlook.evaluation.run_artifacts import RunResult
from secondlook.verdicts import ranking
from tests.support.results import (
    make_calibration,
    make_case,
    make_result,
    replace_test_details,
)


def replace_validation_f1(found: RunResult, f1: float) -> RunResult:
    """Return the run with another F1 on validation."""
    scalars = found.metrics["validation"].model_copy(update={"f1": f1})
    return found.model_copy(update={"metrics": found.metrics | {"validation": scalars}})


def test_a_run_best_beyond_chance_is_the_best() -> None:
    """With how far it is ahead of the next, and the interval of that."""
    found = make_case(
        make_result("poor", f1=0.5), make_result("good", f1=0.9), make_result("fair", f1=0.8)
    )
    [verdict] = ranking.judge_best(found)
    assert verdict.text.startswith("good is the best run, on validation and on test")
    assert "10.0 points above that of the next, fair (95" in verdict.text
    assert "+8.0 to +12.0" in verdict.text
    assert verdict.runs == ["good"]


def test_a_lead_within_chance_is_not_distinguishable() -> None:
    """Runs it does beat are told; where there are none, nothing is said of them."""
    good, fair, poor = (
        make_result("good", f1=0.9),
        make_result("fair", f1=0.89),
        make_result("poor", f1=0.5),
    )
    [verdict] = ranking.judge_best(make_case(fair, poor, good))
    assert "good has the highest F1 on validation, but on test it is not disting" in verdict.text
    assert "; it is better than poor; by accuracy it is not distin" in verdict.text
    [level] = ranking.judge_best(make_case(fair, good))
    assert "better than" not in level.text
    assert level.text.endswith("from always answering “a”, by log loss better.")
    assert level.runs == ["good", "fair"]


def test_a_best_run_that_test_denies_is_told() -> None:
    """Validation chose it, but on test another is better beyond chance."""
    lucky = replace_validation_f1(make_result("lucky", f1=0.5), 0.95)
    [verdict] = ranking.judge_best(make_case(lucky, make_result("good", f1=0.9)))
    assert "lucky has the highest F1 on validation, but on test good is better" in verdict.text
    assert "200 validation images did not tell" in verdict.text


def test_the_best_run_may_be_worse_than_always_answering_the_same() -> None:
    """F1 ranks; what that costs, and what it is worth, is said in the same sentence."""
    costly = make_result("costly", f1=0.9, accuracy=0.6, lazy_accuracy=0.9)
    [verdict] = ranking.judge_best(make_case(costly, make_result("poor", f1=0.5)))
    assert verdict.text.startswith("costly is the best run, on validation and on test, by F1: its ")
    assert verdict.text.endswith(
        "; by accuracy it is worse than always answering “a”, by log loss better."
    )
    poor = make_result("poor", f1=0.6, accuracy=0.97, lazy_accuracy=0.9)
    [verdict] = ranking.judge_best(make_case(poor, make_result("poorer", f1=0.4)))
    assert verdict.text.replace("\N{NO-BREAK SPACE}", " ").endswith(
        "; by accuracy and log loss it is better than always answering “a”; its F1 is no higher "
        "than the 66.7 % of always answering “b”."
    )
    rash = replace_test_details(costly, calibration=make_calibration(0.99, 0.9))
    [verdict] = ranking.judge_best(make_case(rash, make_result("poor", f1=0.5)))
    assert verdict.text.endswith("; it is too sure of itself.")


def test_one_run_alone_is_not_called_best() -> None:
    """There is nothing to be better than."""
    assert not list(ranking.judge_best(make_case(make_result("only", f1=0.9))))


def test_what_no_metric_tells_from_the_reference_is_told() -> None:
    """A log loss that differs beyond chance is enough to be told apart."""
    plain, twin = make_result("plain"), make_result("twin", accuracy=0.51)
    sure = make_result("sure", log_loss=0.3)
    [verdict] = ranking.judge_not_distinguishable(make_case(plain, twin, sure))
    assert verdict.text.startswith("twin is not distinguishable from plain: on 200 test images")
    assert verdict.runs == ["plain", "twin"]
    assert not list(ranking.judge_not_distinguishable(make_case(plain, sure)))


def test_one_seed_each_is_told_where_runs_are_told_apart() -> None:
    """Without any real difference, or with a replicate, there is nothing to warn of."""
    plain, good = make_result("plain"), make_result("good", f1=0.9)
    [verdict] = ranking.judge_one_seed(make_case(plain, good))
    assert "one seed only" in verdict.text
    assert not list(ranking.judge_one_seed(make_case(plain, make_result("twin", f1=0.51))))
    again = make_result("again", seed=2)
    other = make_result("good", f1=0.9, epochs=20)
    assert not list(ranking.judge_one_seed(make_case(plain, again, other)))
