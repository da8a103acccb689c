"""The curves of a yes-or-no question, drawn with few points."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from stages.core import curves


@given(st.integers(10, 40), st.integers(1, 500))
def test_thinning_keeps_the_ends_and_the_number(points: int, size: int) -> None:
    """At most `points` stay, in order, the first and the last among them."""
    x = np.linspace(0, 1, size)
    kept = curves.thinned(x, x**2, points)
    assert len(kept) == len(set(kept)) <= points
    assert (kept[0], kept[-1]) == (0, size - 1)
    assert (np.diff(kept) > 0).all()


def test_thinning_follows_the_curve() -> None:
    """No point is left out that would move the curve by much more than its share."""
    x = np.linspace(0, 1, 100_000)
    kept = curves.thinned(x, np.sqrt(x), 200)
    assert np.abs(np.interp(x, x[kept], np.sqrt(x)[kept]) - np.sqrt(x)).max() < 0.01
