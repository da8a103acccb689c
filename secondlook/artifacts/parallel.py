"""Work on all cores that the process may use, in order, with little of it in memory."""

import math
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")
CGROUP_FILE = Path("/proc/self/cgroup")
CGROUP_ROOT = Path("/sys/fs/cgroup")


def count_schedulable_cores() -> int:
    """Return how many cores the process may run on: `taskset` and schedulers of jobs limit them."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def count_workers(membership: Path = CGROUP_FILE, root: Path = CGROUP_ROOT) -> int:
    """Return how many threads are worth starting: one a core, as far as there is time for them.

    A container may run on all cores, but only for so long: with a limit of 1.5 cores, two threads
    use it up. `membership` says in which control groups the process is, `root` is where they lie.
    """
    limits = _find_cgroup_limits(membership, root)
    return max(1, min([count_schedulable_cores(), *map(math.ceil, limits)]))


def _find_cgroup_limits(membership: Path, root: Path) -> Iterator[float]:
    """Yield the cores that each control group of the process, and those above it, may use."""
    for line in _read_lines(membership):
        _, controllers, path = line.split(":", 2)
        if not controllers:  # version 2: one tree for all
            for folder in _list_upwards(root, path):
                yield from _read_limit(folder)
        elif "cpu" in controllers.split(","):  # version 1: a tree for each, by either name
            for tree in {root / controllers, root / "cpu"}:
                for folder in _list_upwards(tree, path):
                    yield from _read_old_limit(folder)


def _list_upwards(tree: Path, path: str) -> Iterator[Path]:
    """Yield the folder of a group and those above it; in a container some are not to be seen."""
    group = Path(path.lstrip("/"))
    yield from (tree / part for part in (group, *group.parents))


def _read_limit(folder: Path) -> Iterator[float]:
    """Yield the cores that cpu.max of version 2 grants, as in `150000 100000`; nothing for max."""
    for line in _read_lines(folder / "cpu.max"):
        quota, period = line.split()
        if quota != "max":
            yield int(quota) / int(period)


def _read_old_limit(folder: Path) -> Iterator[float]:
    """Yield the cores that the two files of version 1 grant; a quota of -1 is no limit."""
    quotas, periods = (_read_lines(folder / f"cpu.cfs_{name}_us") for name in ("quota", "period"))
    for quota, period in zip(quotas, periods, strict=False):
        if int(quota) > 0:
            yield int(quota) / int(period)


def _read_lines(path: Path) -> list[str]:
    """Return the lines of a file of the system; none where it is not there or not for us."""
    try:
        return path.read_text(encoding="utf-8").splitlines()
    except OSError:
        return []


def map_in_order(function: Callable[[T], R], values: Iterable[T], batch: int) -> Iterator[R]:
    """Yield function(value) for each value, in order, computed by one thread per core.

    Pillow and hashlib let other threads run while they work. At most three batches a core are
    taken from `values` ahead of what is yielded, so memory does not grow with their number.
    """
    workers, stream = count_workers(), iter(values)
    waiting: deque[Future[list[R]]] = deque()
    pool = ThreadPoolExecutor(workers)
    try:
        while chunk := list(islice(stream, batch)):
            waiting.append(pool.submit(_map_chunk, function, chunk))
            if len(waiting) > 2 * workers:
                yield from waiting.popleft().result()
        while waiting:
            yield from waiting.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)


def _map_chunk(function: Callable[[T], R], values: list[T]) -> list[R]:
    return [function(value) for value in values]
