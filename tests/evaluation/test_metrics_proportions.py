"""Shares, and tests of them, against statsmodels."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from secondlook.evaluation.metrics import compute_mcnemar, compute_wilson_interval


@given(st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=60))
def test_mcnemar_agrees_with_statsmodels(pairs: list[tuple[bool, bool]]) -> None:
    """The exact p-value and both counts are those of statsmodels."""
    from statsmodels.stats.contingency_tables import mcnemar as statsmodels_mcnemar

    found = compute_mcnemar(*(np.array(column, np.bool_) for column in zip(*pairs, strict=True)))
    table = [[pairs.count((a, b)) for b in (True, False)] for a in (True, False)]
    assert (found.first_only, found.second_only) == (table[0][1], table[1][0])
    if found.first_only + found.second_only:
        assert found.p == pytest.approx(statsmodels_mcnemar(table, exact=True).pvalue)
    else:
        assert found.p == 1


@given(st.integers(1, 200), st.floats(0, 1))
def test_proportions_agree_with_statsmodels(total: int, share: float) -> None:
    """The interval of a proportion is statsmodels' Wilson interval."""
    from statsmodels.stats.proportion import proportion_confint

    successes = round(share * total)
    found = compute_wilson_interval(successes, total)
    expected = proportion_confint(successes, total, method="wilson")
    assert (found.low, found.high) == pytest.approx(expected, abs=1e-6)


def test_a_share_has_wilsons_interval() -> None:
    """45 of 50, as the textbooks have it."""
    found = compute_wilson_interval(45, 50)
    assert found.value == 0.9
    assert (found.low, found.high) == pytest.approx((0.786, 0.957), abs=5e-4)
