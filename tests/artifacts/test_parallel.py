"""Work comes back in order, and little of it is under way at a time."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secondlook.artifacts.parallel import count_schedulable_cores, count_workers, map_in_order


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
    assert taken < 4 * (3 * count_workers() + 1)
    results.close()  # type: ignore[attr-defined] # it is a generator


def test_a_mistake_in_the_work_is_raised() -> None:
    """The error of one value ends the whole, after the results before it."""
    results = map_in_order(lambda value: 1 // value, [1, 0], 1)
    assert next(results) == 1
    with pytest.raises(ZeroDivisionError):
        next(results)


def write_files(root: Path, contents: dict[str, str]) -> Path:
    """Write files below a folder."""
    for name, text in contents.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


def test_a_process_bound_to_one_core_starts_one_worker() -> None:
    """As `taskset` and job schedulers bind it, however many cores the machine has."""
    first = min(os.sched_getaffinity(0))
    code = "from secondlook.artifacts.parallel import count_workers; print(count_workers())"
    bound = f"import os; os.sched_setaffinity(0, [{first}]); {code}"
    done = subprocess.run([sys.executable, "-c", bound], capture_output=True, text=True, check=True)
    assert done.stdout == "1\n"


@pytest.mark.parametrize(
    ("membership", "contents", "workers"),
    [
        ("0::/\n", {"cpu.max": "100000 100000\n"}, 1),
        ("0::/\n", {"cpu.max": "150000 100000\n"}, 2),
        ("0::/\n", {"cpu.max": "10000 100000\n"}, 1),
        ("0::/\n", {"cpu.max": "max 100000\n"}, None),
        ("0::/\n", {}, None),
        ("0::/a/b\n", {"a/b/cpu.max": "max 100000\n", "a/cpu.max": "100000 100000\n"}, 1),
        ("0::/../outside\n", {"cpu.max": "100000 100000\n"}, 1),
        (
            "3:cpu,cpuacct:/job\n2:memory:/job\n",
            {"cpu,cpuacct/job/cpu.cfs_quota_us": "100000\n"}
            | {"cpu,cpuacct/job/cpu.cfs_period_us": "100000\n"},
            1,
        ),
        (
            "3:cpu,cpuacct:/docker/1234\n",
            {"cpu/cpu.cfs_quota_us": "50000\n", "cpu/cpu.cfs_period_us": "100000\n"},
            1,
        ),
        (
            "3:cpu:/\n",
            {"cpu/cpu.cfs_quota_us": "-1\n", "cpu/cpu.cfs_period_us": "100000\n"},
            None,
        ),
        ("3:cpuset:/\n", {"cpuset/cpu.cfs_quota_us": "1\n"}, None),
    ],
)
def test_a_limit_of_the_control_group_is_kept(
    tmp_path: Path, membership: str, contents: dict[str, str], workers: int | None
) -> None:
    """Versions 1 and 2, of the group or one above it; None: every core that may be used."""
    root = write_files(tmp_path / "cgroup", contents)
    (tmp_path / "self").write_text(membership)
    every = count_schedulable_cores()
    assert count_workers(tmp_path / "self", root) == min(every, workers or every)


def test_a_machine_without_control_groups_uses_every_core(tmp_path: Path) -> None:
    """There are no such files then."""
    assert count_workers(tmp_path / "self", tmp_path / "cgroup") == count_schedulable_cores()
