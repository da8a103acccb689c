"""Numbers and lists as people say them, in percent and points of a percent.

A number and its % stay on one line: the space between them does not break.
"""

from collections.abc import Iterable, Sequence

from stages.core.outputs.findings import Interval

LONGEST = 6  # names in a sentence; a table is better for more


def percent(share: float | None) -> str:
    """Return a share in 0..1 as percent; what is not quite all or nothing is not rounded to it."""
    if share is None:
        return "an undefined share"
    if 0.9995 <= share < 1:
        return "over 99.9\N{NO-BREAK SPACE}%"
    if 0 < share < 0.0005:
        return "under 0.1\N{NO-BREAK SPACE}%"
    return f"{100 * share:.1f}\N{NO-BREAK SPACE}%"


def points(share: float | None) -> str:
    """Return a difference of shares, whatever its sign, in points of a percent."""
    shown = f"{abs(100 * (share or 0.0)):.1f}"
    return f"{shown} point" if shown == "1.0" else f"{shown} points"


def span(found: Interval) -> str:
    """Return the ends of a difference's interval, in points: (95 %: +0.4 to +2.1)."""
    low, high = ((0.0 if end is None else 100 * end) for end in (found.low, found.high))
    return f"(95\N{NO-BREAK SPACE}%: {low:+.1f} to {high:+.1f})"


def listed(names: Iterable[str]) -> str:
    """Return names as a sentence lists them: a, b and c; beyond LONGEST, how many there are."""
    found = list(names)
    if len(found) > LONGEST:
        found[LONGEST - 1 :] = [f"{len(found) - LONGEST + 1} others"]
    *most, last = found
    return f"{', '.join(most)} and {last}" if most else last


def number(count: int, noun: str) -> str:
    """Return a count with its noun: 1 image, 1,200 images."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def verb(names: Sequence[str], singular: str, plural: str) -> str:
    """Return the form of a verb that goes with so many names."""
    return singular if len(names) == 1 else plural
