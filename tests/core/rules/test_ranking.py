"""Rules about which run is best: when they speak, and when they keep silent."""

from stages.core.outputs.results import Result
from stages.core.rules import ranking
from tests.case_builder import case
from tests.results_builder import result


def on_validation(found: Result, f1: float) -> Result:
    """Return the run with another F1 on validation."""
    scalars = found.metrics["validation"].model_copy(update={"f1": f1})
    return found.model_copy(update={"metrics": found.metrics | {"validation": scalars}})


def test_a_run_best_beyond_chance_is_the_best() -> None:
    """With how far it is ahead of the next, and the interval of that."""
    found = case(result("poor", f1=0.5), result("good", f1=0.9), result("fair", f1=0.8))
    [verdict] = ranking.best(found)
    assert verdict.text.startswith("good is the best run, on validation and on test")
    assert "10.0 points above that of the next, fair (95" in verdict.text
    assert "+8.0 to +12.0" in verdict.text
    assert verdict.runs == ["good"]


def test_a_lead_within_chance_is_not_distinguishable() -> None:
    """Runs it does beat are told; where there are none, nothing is said of them."""
    good, fair, poor = result("good", f1=0.9), result("fair", f1=0.89), result("poor", f1=0.5)
    [verdict] = ranking.best(case(fair, poor, good))
    assert "good has the highest F1 on validation, but on test it is not disting" in verdict.text
    assert verdict.text.endswith("; it is better than poor.")
    [level] = ranking.best(case(fair, good))
    assert "better" not in level.text
    assert level.runs == ["good", "fair"]


def test_a_best_run_that_test_denies_is_told() -> None:
    """Validation chose it, but on test another is better beyond chance."""
    lucky = on_validation(result("lucky", f1=0.5), 0.95)
    [verdict] = ranking.best(case(lucky, result("good", f1=0.9)))
    assert "lucky has the highest F1 on validation, but on test good is better" in verdict.text
    assert "200 validation images did not tell" in verdict.text


def test_one_run_alone_is_not_called_best() -> None:
    """There is nothing to be better than."""
    assert not list(ranking.best(case(result("only", f1=0.9))))


def test_what_no_metric_tells_from_the_reference_is_told() -> None:
    """A log loss that differs beyond chance is enough to be told apart."""
    plain, twin = result("plain"), result("twin", accuracy=0.51)
    sure = result("sure", log_loss=0.3)
    [verdict] = ranking.not_distinguishable(case(plain, twin, sure))
    assert verdict.text.startswith("twin is not distinguishable from plain: on 200 test images")
    assert verdict.runs == ["plain", "twin"]
    assert not list(ranking.not_distinguishable(case(plain, sure)))


def test_one_seed_each_is_told_where_runs_are_told_apart() -> None:
    """Without any real difference, or with a replicate, there is nothing to warn of."""
    plain, good = result("plain"), result("good", f1=0.9)
    [verdict] = ranking.one_seed(case(plain, good))
    assert "one seed only" in verdict.text
    assert not list(ranking.one_seed(case(plain, result("twin", f1=0.51))))
    again = result("again", seed=2)
    other = result("good", f1=0.9, epochs=20)
    assert not list(ranking.one_seed(case(plain, again, other)))
