"""How much too good the best of many trials is: known answers, properties, simulated sweeps."""

from itertools import product
from typing import cast

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from secondlook.evaluation.metrics import Labels, Probabilities, compute_scalars
from secondlook.evaluation.selection import estimate_selection_excess, find_best_trial
from secondlook.evaluation.sweep_results import SelectionExcess
from tests.support.sweeps import SimulatedSweep, simulate_excess

TrialAnswers = tuple[Labels, list[Probabilities]]


def make_answers(labels: Labels, *right: list[bool]) -> list[Probabilities]:
    """Return probabilities of two classes, of trials that are right about these images."""
    return [
        np.eye(2, dtype=np.float32)[np.where(np.array(each), labels, 1 - labels)] * 0.8 + 0.1
        for each in right
    ]


def draw_sweep(seed: int, trials: int = 5, classes: int = 3, images: int = 60) -> TrialAnswers:
    """Return labels and probabilities of a simulated sweep."""
    setting, rng = (
        SimulatedSweep(trials, classes=classes, images=images),
        np.random.default_rng(seed),
    )
    return setting.draw_predictions(rng, setting.draw_accuracies(rng))


def index_by_metric(found: list[SelectionExcess]) -> dict[str, SelectionExcess]:
    """Return each metric's by its name."""
    return {each.metric: each for each in found}


def get_excess(found: list[SelectionExcess], metric: str) -> float:
    """Return how much too good a number is."""
    return cast("float", index_by_metric(found)[metric].excess.value)


def test_all_resamples_of_four_images() -> None:
    """The mean over resamples is that of all 256 that four images have."""
    right = np.array([[1, 1, 1, 0], [0, 0, 1, 1], [0, 1, 0, 1]], dtype=bool)
    leads = []
    for drawn in product(range(4), repeat=4):
        chosen = right[:, drawn].sum(axis=1).argmax()
        out = [i for i in range(4) if i not in drawn]
        if out:
            leads.append(right[0, out].mean() - right[chosen, out].mean())
    labels = np.array([0, 1, 0, 1])
    found = estimate_selection_excess(
        labels, make_answers(labels, *right.tolist()), None, "accuracy", 3
    )
    assert get_excess(found, "accuracy") == pytest.approx(np.mean(leads), abs=0.03)
    assert np.mean(leads) > 0.1


@pytest.mark.parametrize("metric", ["log_loss", "accuracy", "macro_f1", "balanced_accuracy"])
@pytest.mark.parametrize("positive", [None, 2])
def test_values_are_those_of_the_best_trial(metric: str, positive: int | None) -> None:
    """Each value is what metrics.json would say of the trial that is best by the metric."""
    labels, given_ = draw_sweep(1)
    scores = [compute_scalars(labels, each, positive) for each in given_]
    sign = -1 if metric == "log_loss" else 1
    best = max(scores, key=lambda each: sign * each[metric])
    found = estimate_selection_excess(labels, given_, positive, metric, 0)
    assert found[0].metric == metric
    assert {each.metric for each in found} == {metric, "log_loss", "accuracy", "f1"}
    for each in found:
        assert each.value == pytest.approx(best[each.metric])


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 1000), copies=st.integers(2, 6))
def test_trials_that_answer_alike_were_not_chosen(seed: int, copies: int) -> None:
    """Of copies of one trial none is better by luck: the excess is 0 for every metric."""
    labels, (one, *_) = draw_sweep(seed)
    for each in estimate_selection_excess(labels, [one] * copies, 1, "log_loss", seed):
        assert each.excess.value == pytest.approx(0, abs=1e-12)


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 1000), place=st.integers(0, 5))
def test_a_hopeless_trial_changes_nothing(seed: int, place: int) -> None:
    """A trial that is always wrong is chosen on no resample, wherever it stands."""
    labels, given_ = draw_sweep(seed)
    wrong: Probabilities = (np.float32(1) - np.eye(3, dtype=np.float32)[labels]) / np.float32(2)
    more = given_.copy()
    more.insert(place, wrong)
    before, after = (estimate_selection_excess(labels, e, 1, "accuracy", 5) for e in (given_, more))
    for one, other in zip(before, after, strict=True):
        assert one.excess.floats == pytest.approx(other.excess.floats, abs=1e-9)


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 1000))
def test_the_order_of_images_says_nothing(seed: int) -> None:
    """Other images in each resample, the same excess within what a thousand resamples leave."""
    labels, given_ = draw_sweep(seed)
    order = np.random.default_rng(seed).permutation(len(labels))
    before = estimate_selection_excess(labels, given_, 1, "log_loss", 5)
    after = estimate_selection_excess(labels[order], [e[order] for e in given_], 1, "log_loss", 5)
    for one, other in zip(before, after, strict=True):
        assert one.value == pytest.approx(other.value)
        assert one.excess.value == pytest.approx(other.excess.value, abs=0.02)


def test_the_same_seed_gives_the_same_bytes() -> None:
    """Nothing but labels, answers and the seed decides."""
    labels, given_ = draw_sweep(2)
    first, again, other = (
        estimate_selection_excess(labels, given_, None, "f1", seed) for seed in (1, 1, 2)
    )
    assert first == again != other


def test_one_trial_was_not_chosen() -> None:
    """The number of a single trial is no more than itself, and has no interval."""
    labels, given_ = draw_sweep(3, trials=1)
    for each in estimate_selection_excess(labels, given_, None, "log_loss", 0):
        assert each.excess.model_dump() == {"value": 0.0, "low": None, "high": None}


def test_where_a_metric_is_not_defined() -> None:
    """One image leaves no resample anything to measure on: null, and no warning of numpy's."""
    labels = np.array([1])
    found = estimate_selection_excess(labels, make_answers(labels, [True], [False]), 1, "f1", 0)
    assert index_by_metric(found)["f1"].value == 1
    assert index_by_metric(found)["f1"].excess.value is None


def test_a_trial_whose_number_is_nowhere_defined_hides_no_interval() -> None:
    """One that never answers yes has no precision; that of the best keeps what is known of it."""
    labels, answers = draw_sweep(3, classes=2)
    never = np.tile(np.array([0.9, 0.1], dtype=np.float32), (len(labels), 1))
    alone = index_by_metric(estimate_selection_excess(labels, answers, 1, "precision", 1))
    found = index_by_metric(estimate_selection_excess(labels, [*answers, never], 1, "precision", 1))
    assert found["precision"] == alone["precision"]
    assert np.isfinite(found["precision"].excess.floats).all()


def test_the_first_of_several_is_the_best() -> None:
    """Lowest log loss or highest score; of equals the first, and what is not defined never."""
    assert find_best_trial(np.array([0.5, 0.2, 0.2]), "log_loss") == 1
    assert find_best_trial(np.array([0.5, 0.7, 0.7]), "f1") == 1
    assert find_best_trial(np.array([np.nan, 0.7]), "f1") == 1
    assert find_best_trial(np.array([np.nan, 0.7]), "log_loss") == 1
    assert find_best_trial(np.array([[0.5, 0.2], [0.1, 0.2]]), "log_loss").tolist() == [1, 0]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("setting", "metric", "reported"),
    [
        (SimulatedSweep(24), "accuracy", "accuracy"),
        (SimulatedSweep(24, shared=0.5), "log_loss", "log_loss"),
        (SimulatedSweep(24, hopeless=0.5, classes=4), "macro_f1", "f1"),
        (SimulatedSweep(12, spread=0), "log_loss", "accuracy"),
    ],
)
def test_the_excess_of_simulated_sweeps(
    setting: SimulatedSweep, metric: str, reported: str
) -> None:
    """On average it is the true one within a quarter, and the interval holds that of each sweep."""
    found = simulate_excess(setting, metric, reported, range(60))
    true, estimated = (
        np.mean([each.true for each in found]),
        np.mean([each.estimated for each in found]),
    )
    assert 0.75 * true < estimated < 1.25 * true
    assert np.mean([each.low <= each.true <= each.high for each in found]) > 0.88
