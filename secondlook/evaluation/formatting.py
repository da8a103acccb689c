"""Numbers as people read them: percent, points of a percent, ratios, counts and lists.

It lies in evaluation/ because verdicts, report, serving and retraining all may import it, and no
training is stale for a change of words. Each function says how it rounds, and how it treats what
is not quite all, or nothing.
"""

from collections.abc import Callable, Iterable, Sequence

from secondlook.evaluation.intervals import Difference

NO_BREAK = "\N{NO-BREAK SPACE}"  # so that no line ends before the sign


def _write_percent(share: float, digits: int, space: str = " ") -> str:
    """Return a share in 0..1 as percent with so many digits: the core of all below."""
    return f"{100 * share:.{digits}f}{space}%"


def format_rounded_percent(share: float) -> str:
    """Return a share with one digit, rounded also to 0.0 % and 100.0 %."""
    return _write_percent(share, 1)


def format_whole_percent(share: float | None) -> str:
    """Return a share as a whole percentage: 0.318 is "32 %"; 99.5 % and more keep a digit."""
    if share is None:
        return "an unknown share"
    return _write_percent(share, 1 if 0.995 <= share < 1 else 0)


def format_coarse_percent(share: float) -> str:
    """Return a share as a whole percentage, rounded also to 0 % and 100 %."""
    return _write_percent(share, 0)


def format_percent(share: float | None, digits: int = 1) -> str:
    """Return a share with one digit; what is not quite all or nothing is not rounded to it."""
    if share is None:
        return "an undefined share"
    least = 10.0 ** -(digits + 2)
    if 1 - least / 2 <= share < 1:
        return f"over {_write_percent(1 - least, digits, NO_BREAK)}"
    if 0 < share < least / 2:
        return f"under {_write_percent(least, digits, NO_BREAK)}"
    return _write_percent(share, digits, NO_BREAK)


def format_percents_apart(first: float | None, *others: float | None) -> list[str]:
    """Return shares with the digits that tell each of the others from the first."""
    return _tell_apart(format_percent, 1, first, *others)


def format_losses_apart(first: float | None, *others: float | None) -> list[str]:
    """Return log losses with four digits, or those that tell each of the others from the first."""
    return _tell_apart(_format_loss, 4, first, *others)


def _format_loss(loss: float | None, digits: int) -> str:
    return "undefined" if loss is None else f"{loss:.{digits}f}"


MORE_DIGITS = 4  # than usual, to tell numbers apart; what is equal then is shown as equal


def _tell_apart(
    write: Callable[[float | None, int], str], digits: int, *numbers: float | None
) -> list[str]:
    """Return numbers with so many digits, or more where the first would look like another."""
    least = 10.0 ** -(digits + MORE_DIGITS + 2)
    first, *others = numbers
    apart = [k for k, other in enumerate(others) if abs((other or 0.0) - (first or 0.0)) > least]
    for more in range(MORE_DIGITS):
        said, *rest = (write(number, digits + more) for number in numbers)
        if all(rest[k] != said for k in apart):
            return [said, *rest]
    return [write(number, digits + MORE_DIGITS) for number in numbers]


def format_probability(probability: float) -> str:
    """Return a probability with as many digits, up to five, as tell it from certainty."""
    tried = (_write_percent(probability, digits) for digits in range(1, 6))
    return next((text for text in tried if not text.startswith("100")), "over 99.99999 %")


def format_percent_below_all(share: float) -> str:
    """Return a share with the digits, up to two, that tell it from all; never all."""
    digits = 0 if share < 0.985 else 1 if share < 0.999 else 2
    return _write_percent(min(share, 0.9999), digits)


def format_whole_points(change: float) -> str:
    """Return a change of a probability in whole points, at least one."""
    return f"{100 * change:.0f} percentage points" if change >= 0.015 else "1 percentage point"


def format_p_value(p: float, below: str = "< ", equal: str = "= ") -> str:
    """Return a p-value with three digits; what would round to none is below 0.001."""
    return f"{below}0.001" if p < 0.001 else f"{equal}{p:.3f}"


def format_short_fraction(number: float) -> str:
    """Return a number with three digits and no zero before the point, where space is dear."""
    return f"{number:.3f}".removeprefix("0")


def format_compact_count(count: int) -> str:
    """Return a count in at most four letters: 872, 12k, 3M."""
    if count < 1000:
        return str(count)
    return f"{count / 1e3:.0f}k" if count < 999_500 else f"{count / 1e6:.0f}M"


def format_ratio(kept: float) -> str:
    """Return how many values there are for each of the image's: 27.6 x, 8 %, 0.04 %."""
    if kept > 1:
        return f"{kept:.1f} x" if kept < 100 else f"{kept:,.0f} x"
    digits = ".0f" if kept >= 0.01 else ".1g"
    return f"{100 * kept:{digits}} %"


MAX_NAMES = 6  # names in a sentence; a table is better for more


def format_points(share: float | None) -> str:
    """Return a difference of shares, whatever its sign, in points of a percent; not 0.0 if any."""
    size = abs(100 * (share or 0.0))
    shown = f"{size:.{_count_digits(size)}f}"
    return f"{shown} point" if shown == "1.0" else f"{shown} points"


def format_points_interval(found: Difference) -> str:
    """Return the ends of a difference's interval, in points: (95 %: +0.4 to +2.1).

    Where it excludes zero, no end is shown as that.
    """
    low, high = ((0.0 if end is None else 100 * end) for end in found.ends)
    digits = max(map(_count_digits, (low, high))) if found.distinguishable else 1
    return f"(95{NO_BREAK}%: {low:+.{digits}f} to {high:+.{digits}f})"


def _count_digits(points: float) -> int:
    """Return how many digits show that it is not zero: one, or up to three where it is not."""
    return next((digits for digits in (1, 2, 3) if float(f"{points:.{digits}f}")), 1)


def join_names(names: Iterable[str]) -> str:
    """Return names as a sentence lists them: a, b and c; beyond MAX_NAMES, how many there are."""
    found = list(names)
    if len(found) > MAX_NAMES:
        found[MAX_NAMES - 1 :] = [f"{len(found) - MAX_NAMES + 1} others"]
    *most, last = found
    return f"{', '.join(most)} and {last}" if most else last


def format_count(count: int, noun: str) -> str:
    """Return a count with its noun: 1 image, 1,200 images."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def choose_verb(names: Sequence[str], singular: str, plural: str) -> str:
    """Return the form of a verb that goes with so many names."""
    return singular if len(names) == 1 else plural


def format_metric_name(metric: str) -> str:
    """Return a metric's name as people write it."""
    return metric.replace("_", " ")
