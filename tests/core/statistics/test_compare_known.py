"""Comparisons whose answer others have worked out: closed formulas and statsmodels."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.stats.contingency_tables import mcnemar as statsmodels_mcnemar
from statsmodels.stats.proportion import proportion_confint

from stages.core.statistics import compare
from stages.core.statistics.answers import Answers, Truth


def test_accuracy_agrees_with_agresti_and_min() -> None:
    """On a table of 90, 12, 4, 14 the interval is that of the closed formula of 2005."""
    both, only_first, only_second, neither = 90, 12, 4, 14
    count = both + only_first + only_second + neither
    labels = np.zeros(count, dtype=np.int64)
    first = np.repeat([0, 0, 1, 1], [both, only_first, only_second, neither])
    second = np.repeat([0, 1, 0, 1], [both, only_first, only_second, neither])
    truth, none = Truth(labels, 2, None), np.zeros(count)
    found = compare.differences(truth, Answers(first, none), Answers(second, none))["accuracy"]
    b, c, total = only_first + 0.5, only_second + 0.5, count + 2
    reach = 1.96 * (b + c - (c - b) ** 2 / total) ** 0.5 / total
    assert found.value == pytest.approx((only_second - only_first) / count)
    assert (found.low, found.high) == pytest.approx(
        ((c - b) / total - reach, (c - b) / total + reach), abs=0.009
    )


@given(st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=60))
def test_mcnemar_agrees_with_statsmodels(pairs: list[tuple[bool, bool]]) -> None:
    """The exact p-value and both counts are those of statsmodels."""
    labels = np.zeros(len(pairs), dtype=np.int64)
    one, other = (1 - np.array(column, dtype=np.int64) for column in zip(*pairs, strict=True))
    none = np.zeros(len(pairs))
    truth = Truth(labels, 2, None)
    found = compare.mcnemar(truth, Answers(one, none), Answers(other, none))
    table = [[pairs.count((a, b)) for b in (True, False)] for a in (True, False)]
    assert (found.first_only, found.second_only) == (table[0][1], table[1][0])
    if found.first_only + found.second_only:
        assert found.p == pytest.approx(statsmodels_mcnemar(table, exact=True).pvalue)
    else:
        assert found.p == 1


@given(st.integers(1, 200), st.floats(0, 1))
def test_proportions_agree_with_statsmodels(total: int, share: float) -> None:
    """The interval of a proportion is statsmodels' Wilson interval."""
    successes = round(share * total)
    found = compare.proportion(successes, total)
    expected = proportion_confint(successes, total, method="wilson")
    assert (found.low, found.high) == pytest.approx(expected, abs=1e-6)


def test_a_single_image_says_nothing_of_its_loss() -> None:
    """The spread of one loss is unknown, and so are the ends of its interval."""
    found = compare.mean_interval(np.array([0.3]))
    assert found.value == 0.3
    assert np.isnan([found.low, found.high]).all()
