"""Measuring things in turn, each in a process of its own where it must be."""

import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import ParamSpec, Self, TypeVar

P = ParamSpec("P")
R = TypeVar("R")


def in_turn(times: int, *measured: Callable[[], float]) -> list[list[float]]:
    """Measure one after the other, so many times over; return the values of each."""
    rounds = [[measure() for measure in measured] for _ in range(times)]
    return [list(values) for values in zip(*rounds, strict=True)]


def seconds(action: Callable[[], object]) -> float:
    """Return how long an action took."""
    start = time.perf_counter()
    action()
    return time.perf_counter() - start


class Apart:
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
