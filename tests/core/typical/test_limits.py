"""Limits: few validation pictures are beyond any of them, and constants are no trap."""

import numpy as np
import pytest

from stages.core.typical.features import Features
from stages.core.typical.limits import described, ends, exceeded, off, quantiles

CELLS = np.zeros(4)


def drawn(seed: int, count: int) -> Features:
    """Return features of independent normal numbers."""
    random = np.random.default_rng(seed)
    return Features(*random.normal(50, 20, (len(Features._fields), count)))


def test_few_pictures_like_training_are_beyond_any_limit() -> None:
    """2.5 % of validation at most, and about that of others, with all features judged."""
    found = described(drawn(0, 5000), drawn(1, 1000), CELLS)
    assert 0.02 < found.unusual <= 0.025
    others = np.abs(off(drawn(2, 20_000).table(), ends(found))).max(axis=1)
    assert (others > 1).mean() == pytest.approx(0.025, abs=0.015)


def test_a_constant_feature_allows_what_nobody_sees() -> None:
    """Where all borders are black, 8 levels of grey are usual, and white is far off."""
    same = Features(*np.zeros((len(Features._fields), 100)))
    found = described(same, same, CELLS)
    assert found.unusual == 0
    border = found.features["border"]
    assert (border.low, border.high) == pytest.approx((-8, 8))
    row = np.zeros((2, len(Features._fields)))
    row[:, 0] = 4, 255
    assert off(row, ends(found))[:, 0].tolist() == pytest.approx([0.5, 255 / 8], rel=1e-3)


def test_quantiles_know_equal_values() -> None:
    """Of three quarters zeros and a quarter tens, the share up to 0 is three quarters."""
    values, shares = quantiles(np.repeat([0.0, 10.0], [75, 25]))
    assert (values.tolist(), shares.tolist()) == ([0, 10], [0.75, 1])


@pytest.mark.parametrize(("share", "value"), [(0.025, 98), (0.0, 100), (1.0, 1), (0.5, 50)])
def test_at_most_a_share_exceeds(share: float, value: float) -> None:
    """Of the numbers 1 to 100, two are above 98, which is not more than 2.5 %."""
    assert exceeded(np.arange(1.0, 101), share) == value
