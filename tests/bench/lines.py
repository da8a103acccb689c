"""A line of the table: what was measured, how it spread, and whether it is good enough."""

from dataclasses import asdict, dataclass
from statistics import median


@dataclass(frozen=True)
class Line:
    """Values of one thing, measured several times; a target, where there is one, is of the median.

    `digits` are those after the point, in the table.
    """

    what: str
    values: list[float]
    unit: str
    at_least: float | None = None
    at_most: float | None = None
    digits: int = 1

    @property
    def median(self) -> float:
        """Return the middle value."""
        return median(self.values)

    @property
    def met(self) -> bool | None:
        """Tell whether the median meets the target; None without one."""
        if self.at_least is not None:
            return self.median >= self.at_least
        return None if self.at_most is None else self.median <= self.at_most

    def cells(self) -> tuple[str, str, str, str]:
        """Return median, spread, target, and whether it is met, as text."""
        low, middle, high = (
            f"{value:,.{self.digits}f}"
            for value in (min(self.values), self.median, max(self.values))
        )
        unit = f" {self.unit}".rstrip()
        words = {True: "met", False: "MISSED", None: ""}
        return f"{middle}{unit}", f"{low} .. {high}", self._target(), words[self.met]

    def _target(self) -> str:
        if self.at_least is not None:
            return f"at least {self.at_least:.{self.digits}f}"
        return "" if self.at_most is None else f"at most {self.at_most:.{self.digits}f}"

    def described(self) -> dict[str, object]:
        """Return all there is to know, as JSON takes it."""
        low, high = min(self.values), max(self.values)
        return {**asdict(self), "median": self.median, "min": low, "max": high, "met": self.met}


def ratio(
    what: str,
    of: list[float],
    to: list[float],
    at_least: float | None = None,
    at_most: float | None = None,
) -> Line:
    """Return the line of `of` divided by `to`, turn by turn: what slowed both cancels out."""
    values = [one / other for one, other in zip(of, to, strict=True)]
    return Line(what, values, "", at_least, at_most, digits=2)
