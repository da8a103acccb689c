"""Methods against each other: areas beside the other metrics, seeds among the images."""

import numpy as np
import pytest

from stages.core.outputs.comparison import Difference, Estimate
from stages.core.outputs.predictions import Predictions
from stages.core.outputs.results import Scalars
from stages.core.statistics import areas, contrast
from stages.core.statistics.answers import Truth
from stages.core.statistics.contrast import Entry
from tests.facts_builder import invented
from tests.results_builder import result

SIZE = 400


def given(skill: float, seed: int) -> Predictions:
    """Return predictions of SIZE images, a quarter of them positive: more skill, righter."""
    labels = (np.arange(SIZE) % 4 == 0).astype(np.int64)
    logits = np.random.default_rng(seed).normal(skill * (2 * labels - 1))
    scores = (1 / (1 + np.exp(-logits))).astype(np.float32)
    counts = {split: {"a": 300, "b": 100} for split in ("train", "validation", "test")}
    facts = invented(["a", "b"], counts, "b")
    return Predictions(facts, labels, np.stack([1 - scores, scores], axis=1))


def entry(skill: float, seed: int) -> Entry:
    """Return a run that answered so, with its scalars."""
    asked = given(skill, seed)
    parts = areas.contributions(asked.truth, asked.probabilities)
    scalars = {name: float(values.mean()) for name, values in parts.items()}
    found = result("run").metrics["test"].model_copy(update=scalars)
    run = result("run").model_copy(update={"metrics": {"test": found}})
    return Entry.of(run, "test", asked, 0)


TRUTH: Truth = given(0, 0).truth
SKILLS = [(0.5, 0), (0.8, 1), (1.1, 2), (1.4, 3)]  # of four seeds that differ by more than images


def test_areas_over_seeds_have_the_spread_of_seeds() -> None:
    """The estimate is their mean, the deviation theirs, and the interval holds them all."""
    method = [entry(*skill) for skill in SKILLS]
    found = contrast.estimates(TRUTH, method, 0)
    assert set(found) == set(Scalars.model_fields) - {"lazy_accuracy"}
    for name in areas.NAMES:
        values = [getattr(one.scalars, name) for one in method]
        assert found[name].value == pytest.approx(np.mean(values))
        assert found[name].deviation == pytest.approx(np.std(values, ddof=1))
        assert (found[name].low or 0) < min(values) < max(values) < (found[name].high or 0)


def test_areas_of_a_sample_reach_no_further(monkeypatch: pytest.MonkeyPatch) -> None:
    """An interval is that of all images, though half of them tell their spread."""
    whole = contrast.estimates(TRUTH, [entry(*skill) for skill in SKILLS], 0)["roc_auc"]
    monkeypatch.setattr(areas, "SAMPLE", SIZE // 2)
    part = contrast.estimates(TRUTH, [entry(*skill) for skill in SKILLS], 0)["roc_auc"]
    assert reach(part) == pytest.approx(reach(whole), rel=0.25)


def reach(found: Estimate) -> float:
    """Return how long an interval is."""
    return (found.high or 0.0) - (found.low or 0.0)


def test_better_methods_have_larger_areas() -> None:
    """One seed or several: what skill adds is distinguishable, what luck adds is not."""
    fair, good = [entry(1.0, 1)], [entry(2.0, 2)]
    again = [entry(1.0, seed) for seed in (3, 4, 5)]
    for second, apart in ((good, True), (again, False)):
        found = contrast.differences(TRUTH, fair, second, 0)["roc_auc"]
        assert found.distinguishable == apart
        assert found.includes_seeds == (second is again)


def test_the_gain_of_several_seeds_is_their_mean() -> None:
    """Less what the lazy baseline, which has no seeds, reaches."""
    lazy = given(0.0, 0)
    always_no = np.tile(np.array([0.75, 0.25], dtype=np.float32), (SIZE, 1))
    base = Predictions(lazy.facts, lazy.labels, always_no).answers
    method = [entry(2.0, seed) for seed in range(3)]
    rights = [(one.answers.predicted == TRUTH.labels).mean() for one in method]
    found = contrast.gain(TRUTH, base, method, 0)
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
        return contrast.disagree(found)

    assert disagree(0.01, 0.2)
    assert disagree(-0.01, -0.2)
    assert not disagree(0.01, -0.2)
    assert not disagree(0.0, 0.2)
    assert not disagree(0.01, 0.2, apart=False)
    assert not disagree(0.01, None)
