"""Which parameters the order of trials goes with: held against statsmodels and scipy."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from secondlook.evaluation.parameter_importance import compute_parameter_effects
from secondlook.evaluation.sweep_results import ParameterEffect

RANGE = {"low": 1e-4, "high": 1e-1, "log": True}
SEARCH: dict[str, Any] = {
    "learning_rate": RANGE,
    "dropout": [0.0, 0.25, 0.5],
    "augment": [None, {"rotation": 0.1}],
    "dense_units": {"low": 8, "high": 64},
}


def draw_trials(seed: int, count: int, effect: float = 1.0) -> tuple[list[Any], list[float]]:
    """Return points, and losses that go with the learning rate and a little with augment."""
    rng, points, losses = np.random.default_rng(seed), [], []
    for _ in range(count):
        rate = float(rng.uniform(-4, -1))
        augment = SEARCH["augment"][rng.integers(2)]
        points.append(
            {
                "learning_rate": 10**rate,
                "dropout": SEARCH["dropout"][rng.integers(3)],
                "augment": augment,
                "dense_units": int(rng.integers(8, 65)),
            }
        )
        bend = (rate + 2.5) ** 2 + 0.3 * (augment is None)
        losses.append(float(effect * bend + 0.3 * rng.normal()))
    return points, losses


def get_effects(*args: Any) -> dict[str, ParameterEffect]:  # noqa: ANN401 - passed on
    """Return the effects by the names of parameters."""
    return {each.name: each for each in compute_parameter_effects(*args)}


def test_numbers_as_statsmodels_fits_them() -> None:
    """The share is the adjusted R squared of a quadratic in the logarithm, fitted to the ranks."""
    import statsmodels.api as sm
    from scipy.stats import rankdata

    points, losses = draw_trials(0, 24)
    rate = np.log([each["learning_rate"] for each in points])
    fit = sm.OLS(rankdata(losses), sm.add_constant(np.stack([rate, rate**2], axis=1))).fit()
    found = get_effects(points, losses, SEARCH, 0)["learning_rate"].share
    assert found.value == pytest.approx(fit.rsquared_adj)
    assert found.floats[1] < found.floats[0] < found.floats[2]


def test_choices_as_epsilon_squared() -> None:
    """The share of groups is (between - (groups - 1) within) / total, of ranks by hand."""
    points = [{"dropout": value} for value in (0.0, 0.0, 0.0, 0.5, 0.5, 0.5)]
    found = get_effects(points, [1, 2, 4, 3, 5, 6], {"dropout": [0.0, 0.5]}, 0)["dropout"]
    means, total = (7 / 3, 14 / 3), 17.5
    between = sum(3 * (mean - 3.5) ** 2 for mean in means)
    assert found.share.value == pytest.approx((between - (total - between) / 4) / total)
    assert found.p == pytest.approx(4 / 20, abs=0.02)  # of 20 orders, by hand


def test_p_values_as_scipy_and_statsmodels_have_them() -> None:
    """A permutation test of each parameter, and Holm's adjustment for all."""
    from scipy.stats import permutation_test, rankdata
    from statsmodels.stats.multitest import multipletests

    points, losses = draw_trials(3, 16, effect=0.3)
    ranks, raw = rankdata(losses), []
    for name in SEARCH:
        keys = [str(each[name]) for each in points]
        if name in {"learning_rate", "dense_units"}:
            x = np.array([each[name] for each in points], dtype=float)
            columns = np.vander(np.log(x) if name == "learning_rate" else x, 3)
        else:
            columns = np.equal.outer(keys, np.unique(keys)).astype(float)
        hat = columns @ np.linalg.pinv(columns)
        told = permutation_test(
            (ranks,),
            lambda r, hat=hat: ((hat @ r - r.mean()) ** 2).sum(),
            permutation_type="pairings",
            n_resamples=4000,
            alternative="greater",
            rng=1,
        )
        raw.append(told.pvalue)
    adjusted = multipletests(raw, method="holm")[1]
    found = [each.p for each in compute_parameter_effects(points, losses, SEARCH, 0)]
    assert found == pytest.approx(adjusted, abs=0.06)


def test_what_mattered_is_told_from_what_did_not() -> None:
    """Of forty trials the learning rate is found, and nothing else is called certain."""
    found = get_effects(*draw_trials(1, 40), SEARCH, 0)
    assert list(found) == list(SEARCH)
    assert (found["learning_rate"].share.low or 0) > 0.3
    assert (found["learning_rate"].p or 1) < 0.001
    assert min(found[name].p or 0 for name in ("dropout", "dense_units")) > 0.05


def test_a_diverged_trial_is_the_worst() -> None:
    """Infinite, not a number, or merely a huge loss: the order is the same."""
    points, losses = draw_trials(2, 12)
    worst = int(np.argmax(losses))
    ways = [[*losses[:worst], bad, *losses[worst + 1 :]] for bad in (np.inf, np.nan, 1e9)]
    told = [compute_parameter_effects(points, each, SEARCH, 0) for each in ways]
    assert told[0] == told[1] == told[2]


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 1000), scale=st.floats(0.1, 50), shift=st.floats(-5, 5))
def test_only_the_order_counts(seed: int, scale: float, shift: float) -> None:
    """Losses on another scale, and ranges in other units, tell the same."""
    points, losses = draw_trials(seed, 10)
    moved = [{**each, "dense_units": each["dense_units"] * 3} for each in points]
    rescaled = [float(np.exp(loss / 10) * scale + shift) for loss in losses]
    for one, other in zip(
        compute_parameter_effects(points, losses, SEARCH, 0),
        compute_parameter_effects(moved, rescaled, SEARCH, 0),
        strict=True,
    ):
        assert one.share.floats == pytest.approx(other.share.floats, abs=1e-9, nan_ok=True)
        assert one.p == pytest.approx(other.p)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 1000), count=st.integers(6, 30))
def test_shares_and_p_values_lie_in_their_ranges(seed: int, count: int) -> None:
    """0 <= low <= share <= high <= 1, and p within 0..1."""
    for each in compute_parameter_effects(*draw_trials(seed, count), SEARCH, seed):
        if each.share.value is None:  # six trials may hold one value alone
            assert each.p is None
            continue
        value, low, high = each.share.floats
        assert 0 <= low <= value <= high <= 1
        assert each.p is not None
        assert 0 < each.p <= 1


def test_of_too_little_nothing_is_told() -> None:
    """Five trials, a parameter that never varied, losses that are all the same: no share, no p."""
    points, losses = draw_trials(4, 12)
    five = compute_parameter_effects(points[:5], losses[:5], SEARCH, 0)
    assert all(each.share.value is None and each.p is None for each in five)
    still = [{**each, "dropout": 0.25, "dense_units": 8} for each in points]
    found = get_effects(still, losses, SEARCH, 0)
    assert found["dropout"].share.value is found["dense_units"].share.value is None
    assert found["learning_rate"].share.value is not None
    level = compute_parameter_effects(points, [0.5] * 12, SEARCH, 0)
    assert all(each.share.value is None for each in level)
    own = [{"augment": {"rotation": i}} for i in range(12)]
    assert get_effects(own, losses, {"augment": []}, 0)["augment"].share.value is None


@pytest.mark.slow
def test_chance_is_told_as_chance() -> None:
    """Where nothing matters, one sweep in twenty or fewer calls any parameter certain."""
    found = [
        compute_parameter_effects(*draw_trials(seed, 12, effect=0), SEARCH, seed)
        for seed in range(60)
    ]
    certain = [min(each.p or 1 for each in effects) < 0.05 for effects in found]
    assert np.mean(certain) < 0.12
    assert np.mean([each.share.value for effects in found for each in effects]) < 0.1
