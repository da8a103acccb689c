"""Work comes back in order, and little of it is under way at a time."""

import os
import time
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secondlook.artifacts.parallel import map_in_order


@given(values=st.lists(st.integers(), max_size=50), batch=st.integers(1, 9))
def test_results_come_in_the_order_of_the_values(values: list[int], batch: int) -> None:
    """However the work is cut, each result stands where its value stood."""
    assert list(map_in_order(lambda value: 2 * value, values, batch)) == [2 * v for v in values]


def test_slow_work_does_not_lose_its_place() -> None:
    """The first takes longest and still comes first."""
    waits = [0.05, 0.0, 0.02, 0.0]

    def slow(wait: float) -> float:
        time.sleep(wait)
        return wait

    assert list(map_in_order(slow, waits, 1)) == waits


def test_values_are_taken_only_shortly_before_they_are_needed() -> None:
    """Of a million values, few are taken before the first result is."""
    taken = 0

    def values() -> Iterator[int]:
        nonlocal taken
        for value in range(1_000_000):
            taken += 1
            yield value

    results = map_in_order(lambda value: value, values(), 4)
    assert next(results) == 0
    assert taken < 4 * (3 * (os.cpu_count() or 1) + 1)
    results.close()  # type: ignore[attr-defined] # it is a generator


def test_a_mistake_in_the_work_is_raised() -> None:
    """The error of one value ends the whole, after the results before it."""
    results = map_in_order(lambda value: 1 // value, [1, 0], 1)
    assert next(results) == 1
    with pytest.raises(ZeroDivisionError):
        next(results)
