"""Limits: few validation pictures are beyond any of them, and constants are no trap."""

import numpy as np
import pytest

from secondlook.artifacts.dataset_card import find_conformal_bound
from secondlook.data.image_features import ImageFeatures
from secondlook.data.profile import (
    build_profile_from_features,
    compute_deviations,
    compute_limits,
    compute_quantiles,
)

CELLS = np.zeros(4)


def draw_features(seed: int, count: int) -> ImageFeatures:
    """Return features of independent normal numbers."""
    random = np.random.default_rng(seed)
    return ImageFeatures(*random.normal(50, 20, (len(ImageFeatures._fields), count)))


def test_few_pictures_like_training_are_beyond_any_limit() -> None:
    """2.5 % of validation at most, and about that of others, with all features judged."""
    found = build_profile_from_features(draw_features(0, 5000), draw_features(1, 1000), CELLS)
    assert 0.02 < found.unusual <= 0.025
    others = np.abs(
        compute_deviations(draw_features(2, 20_000).to_table(), compute_limits(found))
    ).max(axis=1)
    assert (others > 1).mean() == pytest.approx(0.025, abs=0.015)


def test_a_constant_feature_allows_what_nobody_sees() -> None:
    """Where all borders are black, 8 levels of grey are usual, and white is far off."""
    same = ImageFeatures(*np.zeros((len(ImageFeatures._fields), 100)))
    found = build_profile_from_features(same, same, CELLS)
    assert found.unusual == 0
    border = found.features["border"]
    assert (border.low, border.high) == pytest.approx((-8, 8))
    row = np.zeros((2, len(ImageFeatures._fields)))
    row[:, 0] = 4, 255
    assert compute_deviations(row, compute_limits(found))[:, 0].tolist() == pytest.approx(
        [0.5, 255 / 8], rel=1e-3
    )


def test_quantiles_know_equal_values() -> None:
    """Of three quarters zeros and a quarter tens, the share up to 0 is three quarters."""
    values, shares = compute_quantiles(np.repeat([0.0, 10.0], [75, 25]))
    assert (values.tolist(), shares.tolist()) == ([0, 10], [0.75, 1])


@pytest.mark.parametrize(("share", "value"), [(0.025, 98), (0.0, 100), (1.0, 1), (0.5, 50)])
def test_at_most_a_share_exceeds(share: float, value: float) -> None:
    """Of the numbers 1 to 100, two are above 98, which is not more than 2.5 %."""
    assert find_conformal_bound(np.arange(1.0, 101), share) == value
