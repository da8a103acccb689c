"""Measuring in turns and in fresh processes, and the line of the table that comes of it."""

import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from multiprocessing import get_context
from statistics import median
from typing import ParamSpec, Self, TypeVar


@dataclass(frozen=True)
class Measurement:
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

    def format_cells(self) -> tuple[str, str, str, str]:
        """Return median, spread, target, and whether it is met, as text."""
        low, middle, high = (
            f"{value:,.{self.digits}f}"
            for value in (min(self.values), self.median, max(self.values))
        )
        unit = f" {self.unit}".rstrip()
        words = {True: "met", False: "MISSED", None: ""}
        return f"{middle}{unit}", f"{low} .. {high}", self._format_target(), words[self.met]

    def _format_target(self) -> str:
        if self.at_least is not None:
            return f"at least {self.at_least:.{self.digits}f}"
        return "" if self.at_most is None else f"at most {self.at_most:.{self.digits}f}"

    def as_json(self) -> dict[str, object]:
        """Return all there is to know, as JSON takes it."""
        low, high = min(self.values), max(self.values)
        return {**asdict(self), "median": self.median, "min": low, "max": high, "met": self.met}


def compute_ratio(
    what: str,
    of: list[float],
    to: list[float],
    at_least: float | None = None,
    at_most: float | None = None,
) -> Measurement:
    """Return the line of `of` divided by `to`, turn by turn: what slowed both cancels out."""
    values = [one / other for one, other in zip(of, to, strict=True)]
    return Measurement(what, values, "", at_least, at_most, digits=2)


P = ParamSpec("P")
R = TypeVar("R")


def measure_in_turn(times: int, *measured: Callable[[], float]) -> list[list[float]]:
    """Measure one after the other, so many times over; return the values of each."""
    rounds = [[measure() for measure in measured] for _ in range(times)]
    return [list(values) for values in zip(*rounds, strict=True)]


def time_action(action: Callable[[], object]) -> float:
    """Return how long an action took."""
    start = time.perf_counter()
    action()
    return time.perf_counter() - start


class FreshProcess:
    """A fresh process that calls functions of this package, and keeps what they cached."""

    def __init__(self) -> None:
        self._process = ProcessPoolExecutor(1, mp_context=get_context("spawn"))

    def call(self, function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Return function(...), computed over there."""
        return self._process.submit(function, *args, **kwargs).result()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.shutdown()
