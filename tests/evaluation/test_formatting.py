"""Numbers as people say them."""

import pytest

from secondlook.artifacts.schema import Interval
from secondlook.evaluation.formatting import (
    choose_verb,
    format_count,
    format_percent,
    format_points,
    format_points_interval,
    join_names,
)


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
    found = format_points_interval(Interval(value=0.01, low=-0.004, high=0.021))
    assert found == "(95\N{NO-BREAK SPACE}%: -0.4 to +2.1)"


def test_lists_and_counts_are_as_in_a_sentence() -> None:
    """With an and before the last, and nouns and verbs that go with the number."""
    assert [join_names("a"), join_names("ab"), join_names("abc")] == ["a", "a and b", "a, b and c"]
    assert join_names("abcdef") == "a, b, c, d, e and f"
    assert join_names("abcdefgh") == "a, b, c, d, e and 3 others"
    assert [format_count(1, "image"), format_count(1200, "image")] == ["1 image", "1,200 images"]
    assert [choose_verb(names, "is", "are") for names in (["a"], ["a", "b"])] == ["is", "are"]
