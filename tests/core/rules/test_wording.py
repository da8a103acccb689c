"""Numbers as people say them."""

import pytest

from stages.core.outputs.findings import Interval
from stages.core.rules.wording import listed, number, percent, points, span, verb


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
    assert percent(share) == said.replace(" %", "\N{NO-BREAK SPACE}%")


def test_differences_are_points() -> None:
    """One is singular, signs are left to the words around, and the interval has them."""
    assert [points(share) for share in (0.081, -0.081, 0.01, None)] == [
        *("8.1 points", "8.1 points", "1.0 point", "0.0 points")
    ]
    found = span(Interval(value=0.01, low=-0.004, high=0.021))
    assert found == "(95\N{NO-BREAK SPACE}%: -0.4 to +2.1)"


def test_lists_and_counts_are_as_in_a_sentence() -> None:
    """With an and before the last, and nouns and verbs that go with the number."""
    assert [listed("a"), listed("ab"), listed("abc")] == ["a", "a and b", "a, b and c"]
    assert listed("abcdef") == "a, b, c, d, e and f"
    assert listed("abcdefgh") == "a, b, c, d, e and 3 others"
    assert [number(1, "image"), number(1200, "image")] == ["1 image", "1,200 images"]
    assert [verb(names, "is", "are") for names in (["a"], ["a", "b"])] == ["is", "are"]
