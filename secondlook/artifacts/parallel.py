"""Work on all cores, in order, with little of it in memory."""

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")


def map_in_order(function: Callable[[T], R], values: Iterable[T], batch: int) -> Iterator[R]:
    """Yield function(value) for each value, in order, computed by one thread per core.

    Pillow and hashlib let other threads run while they work. At most three batches a core are
    taken from `values` ahead of what is yielded, so memory does not grow with their number.
    """
    cores, stream = os.cpu_count() or 1, iter(values)
    waiting: deque[Future[list[R]]] = deque()
    pool = ThreadPoolExecutor(cores)
    try:
        while chunk := list(islice(stream, batch)):
            waiting.append(pool.submit(_map_chunk, function, chunk))
            if len(waiting) > 2 * cores:
                yield from waiting.popleft().result()
        while waiting:
            yield from waiting.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)


def _map_chunk(function: Callable[[T], R], values: list[T]) -> list[R]:
    return [function(value) for value in values]
