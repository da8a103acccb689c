"""Methods against each other: areas beside the other metrics, seeds among the images."""

import numpy as np
import pytest

from secondlook.artifacts.manifest import SPLITS
from secondlook.evaluation import auc_intervals, comparison
from secondlook.evaluation.comparison import ComparedRun
from secondlook.evaluation.intervals import Difference
from secondlook.evaluation.predictions import GroundTruth, SplitPredictions
from secondlook.evaluation.run_artifacts import Scalars
from secondlook.evaluation.seeds import Estimate
from tests.support.datasets import make_dataset_card
from tests.support.results import make_result

SIZE = 400


def draw_predictions(skill: float, seed: int) -> SplitPredictions:
    """Return predictions of SIZE images, a quarter of them positive: more skill, righter."""
    labels = (np.arange(SIZE) % 4 == 0).astype(np.int64)
    logits = np.random.default_rng(seed).normal(skill * (2 * labels - 1))
    scores = (1 / (1 + np.exp(-logits))).astype(np.float32)
    counts = {split: {"a": 300, "b": 100} for split in SPLITS}
    facts = make_dataset_card(["a", "b"], counts, "b")
    return SplitPredictions(facts, labels, np.stack([1 - scores, scores], axis=1))


def draw_compared_run(skill: float, seed: int) -> ComparedRun:
    """Return a run that answered so, with its scalars."""
    asked = draw_predictions(skill, seed)
    parts = auc_intervals.compute_area_contributions(asked.truth, asked.probabilities)
    scalars = {name: float(values.mean()) for name, values in parts.items()}
    found = make_result("run").metrics["test"].model_copy(update=scalars)
    run = make_result("run").model_copy(update={"metrics": {"test": found}})
    return ComparedRun.from_result(run, "test", asked, 0)


TRUTH: GroundTruth = draw_predictions(0, 0).truth
SKILLS = [(0.5, 0), (0.8, 1), (1.1, 2), (1.4, 3)]  # of four seeds that differ by more than images


def test_areas_over_seeds_have_the_spread_of_seeds() -> None:
    """The estimate is their mean, the deviation theirs, and the interval holds them all."""
    method = [draw_compared_run(*skill) for skill in SKILLS]
    found = comparison.compute_estimates(TRUTH, method, 0)
    assert set(found) == set(Scalars.model_fields) - {"lazy_accuracy"}
    for name in auc_intervals.AREA_METRICS:
        values = [getattr(one.scalars, name) for one in method]
        assert found[name].value == pytest.approx(np.mean(values))
        assert found[name].deviation == pytest.approx(np.std(values, ddof=1))
        assert (found[name].low or 0) < min(values) < max(values) < (found[name].high or 0)


def test_areas_of_a_sample_reach_no_further(monkeypatch: pytest.MonkeyPatch) -> None:
    """An interval is that of all images, though half of them tell their spread."""
    whole = comparison.compute_estimates(TRUTH, [draw_compared_run(*skill) for skill in SKILLS], 0)[
        "roc_auc"
    ]
    monkeypatch.setattr(auc_intervals, "SAMPLED_IMAGES", SIZE // 2)
    part = comparison.compute_estimates(TRUTH, [draw_compared_run(*skill) for skill in SKILLS], 0)[
        "roc_auc"
    ]
    assert compute_length(part) == pytest.approx(compute_length(whole), rel=0.25)


def compute_length(found: Estimate) -> float:
    """Return how long an interval is."""
    return (found.high or 0.0) - (found.low or 0.0)


def test_better_methods_have_larger_areas() -> None:
    """One seed or several: what skill adds is distinguishable, what luck adds is not."""
    fair, good = [draw_compared_run(1.0, 1)], [draw_compared_run(2.0, 2)]
    again = [draw_compared_run(1.0, seed) for seed in (3, 4, 5)]
    for second, apart in ((good, True), (again, False)):
        found = comparison.compute_method_differences(TRUTH, fair, second, 0)["roc_auc"]
        assert found.distinguishable == apart
        assert found.includes_seeds == (second is again)


def test_the_gain_of_several_seeds_is_their_mean() -> None:
    """Less what the lazy baseline, which has no seeds, reaches."""
    lazy = draw_predictions(0.0, 0)
    always_no = np.tile(np.array([0.75, 0.25], dtype=np.float32), (SIZE, 1))
    base = SplitPredictions(lazy.facts, lazy.labels, always_no).image_predictions
    method = [draw_compared_run(2.0, seed) for seed in range(3)]
    rights = [(one.answers.predicted == TRUTH.labels).mean() for one in method]
    found = comparison.compute_lazy_gain(TRUTH, base, method, 0)
    assert found["accuracy"].value == pytest.approx(np.mean(rights) - 0.75)
    assert found["accuracy"].up
    assert found["log_loss"].down
    assert found["accuracy"].includes_seeds


def test_accuracy_and_loss_disagree_beyond_chance_only() -> None:
    """Both up or both down disagree (less loss is better), where the loss is distinguishable."""

    def difference(value: float | None, *, apart: bool = True) -> Difference:
        ends = {"value": value, "low": value, "high": value}
        return Difference(**ends, distinguishable=apart, includes_seeds=False)

    def disagree(accuracy: float | None, loss: float | None, *, apart: bool = True) -> bool:
        found = {"accuracy": difference(accuracy), "log_loss": difference(loss, apart=apart)}
        return comparison.detect_disagreement(found)

    assert disagree(0.01, 0.2)
    assert disagree(-0.01, -0.2)
    assert not disagree(0.01, -0.2)
    assert not disagree(0.0, 0.2)
    assert not disagree(0.01, 0.2, apart=False)
    assert not disagree(0.01, None)
