"""Numbers as people say them."""

import pytest

from secondlook.evaluation.formatting import (
    choose_verb,
    format_count,
    format_p_value,
    format_percent,
    format_percent_below_all,
    format_points,
    format_points_interval,
    format_probability,
    join_names,
)
from secondlook.evaluation.intervals import Difference


@pytest.mark.parametrize(
    ("share", "said"),
    [
        (0.9546, "95.5 %"),
        (1.0, "100.0 %"),
        (0.99951, "over 99.9 %"),
        (0.0, "0.0 %"),
        (0.0002, "under 0.1 %"),
        (None, "an undefined share"),
    ],
)
def test_shares_are_percent(share: float | None, said: str) -> None:
    """What is not quite all or nothing is not rounded to it, and no line ends before the sign."""
    assert format_percent(share) == said.replace(" %", "\N{NO-BREAK SPACE}%")


def test_differences_are_points() -> None:
    """One is singular, signs are left to the words around, and the interval has them."""
    assert [format_points(share) for share in (0.081, -0.081, 0.01, None)] == [
        *("8.1 points", "8.1 points", "1.0 point", "0.0 points")
    ]
    alone = Difference.from_floats(0.01, -0.004, 0.021)
    assert format_points_interval(alone) == "(95\N{NO-BREAK SPACE}%: -0.4 to +2.1)"
    joint = alone.widen(-0.01, 0.03)
    assert format_points_interval(joint) == "(95\N{NO-BREAK SPACE}%: -1.0 to +3.0)"


def test_lists_and_counts_are_as_in_a_sentence() -> None:
    """With an and before the last, and nouns and verbs that go with the number."""
    assert [join_names("a"), join_names("ab"), join_names("abc")] == ["a", "a and b", "a, b and c"]
    assert join_names("abcdef") == "a, b, c, d, e and f"
    assert join_names("abcdefgh") == "a, b, c, d, e and 3 others"
    assert [format_count(1, "image"), format_count(1200, "image")] == ["1 image", "1,200 images"]
    assert [choose_verb(names, "is", "are") for names in (["a"], ["a", "b"])] == ["is", "are"]


@pytest.mark.parametrize(
    ("share", "text"),
    [(0.5, "50 %"), (0.9801, "98 %"), (0.987, "98.7 %"), (0.9999, "99.99 %"), (1.0, "99.99 %")],
)
def test_a_share_is_never_said_to_be_all(share: float, text: str) -> None:
    """Digits come where they tell it from a hundred."""
    assert format_percent_below_all(share) == text


@pytest.mark.parametrize(
    ("share", "text"),
    [(0.0, "0.0 %"), (0.5, "50.0 %"), (0.9996, "99.96 %"), (0.999999, "99.9999 %")],
)
def test_a_probability_is_told_from_certainty(share: float, text: str) -> None:
    """Digits are added until it does not read one hundred; there are at most five."""
    assert format_probability(share) == text
    assert format_probability(1.0) == format_probability(1 - 1e-9) == "over 99.99999 %"


def test_p_values_never_read_zero() -> None:
    """They have three digits, and words that suit the sentence around."""
    assert [format_p_value(p) for p in (0.0004, 0.001, 0.0123)] == ["< 0.001", "= 0.001", "= 0.012"]
    assert format_p_value(0.0, below="below ", equal="") == "below 0.001"
