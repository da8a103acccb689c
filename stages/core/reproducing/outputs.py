"""Two outputs side by side, one made then and one now: the first number that differs."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stages.core import files

DIGEST = re.compile(r"[0-9a-f]{32,}(\.dir)?")
Value = float | str | bool | None


@dataclass(frozen=True)
class Difference:
    """One value that is not the same: where it stands, what it was and what it is."""

    where: str
    then: Value
    now: Value

    def __str__(self) -> str:
        """Return it in words, for numbers with how far they are apart."""
        told = f"{self.where}: {_shown(self.then)} then, {_shown(self.now)} now"
        if _is_number(self.then) and _is_number(self.now):
            return f"{told} ({float(self.now or 0) - float(self.then or 0):+.3g})"
        return told


def first(then: Path, now: Path) -> Difference | None:
    """Return the first value that differs between two JSON, CSV or NPZ files of one name.

    JSON in the order of its keys, CSV row by row, NPZ array by array. None where no byte differs.
    """
    if not now.exists():
        return Difference(then.name, "a file", "none")
    if files.digest(then) == files.digest(now):
        return None
    found = next(DIFFERENCES[then.suffix](then, now), None)
    return found or Difference(then.name, files.digest(then), files.digest(now))


def _in_json(then: Path, now: Path) -> Iterator[Difference]:
    old, new = (dict(_leaves(files.read_json(path), then.name)) for path in (then, now))
    for where in [*old, *(key for key in new if key not in old)]:
        one, other = old.get(where, "absent"), new.get(where, "absent")
        if one != other:
            yield Difference(where, one, other)


def _leaves(tree: Any, where: str) -> Iterator[tuple[str, Value]]:  # noqa: ANN401 - any JSON
    """Yield each scalar of a JSON tree, and where it stands."""
    if isinstance(tree, dict):
        for key, value in sorted(tree.items()):
            yield from _leaves(value, f"{where}: {key}")
    elif isinstance(tree, list):
        for number, value in enumerate(tree):
            yield from _leaves(value, f"{where}[{number}]")
    else:
        yield where, tree


def _in_csv(then: Path, now: Path) -> Iterator[Difference]:
    """Rows of a history are epochs."""
    rows = zip_longest(files.read_csv(then), files.read_csv(now), fillvalue=dict[str, str]())
    for number, (old, new) in enumerate(rows, start=1):
        for column in [*old, *(key for key in new if key not in old)]:
            one, other = old.get(column, "absent"), new.get(column, "absent")
            if one != other:
                yield Difference(f"{then.name}: row {number}: {column}", _read(one), _read(other))


def _in_arrays(then: Path, now: Path) -> Iterator[Difference]:
    with np.load(then) as old, np.load(now) as new:
        for name in old.files:
            if name not in new.files:
                yield Difference(f"{then.name}: {name}", "an array", "none")
            else:
                yield from _in_array(f"{then.name}: {name}", old[name], new[name])


def _in_array(where: str, then: NDArray[Any], now: NDArray[Any]) -> Iterator[Difference]:
    if then.shape != now.shape:
        yield Difference(f"{where}: shape", str(then.shape), str(now.shape))
        return
    for index in np.argwhere(then != now)[:1]:
        place = tuple(int(i) for i in index)
        yield Difference(f"{where}{list(place)}", float(then[place]), float(now[place]))


DIFFERENCES = {".json": _in_json, ".csv": _in_csv, ".npz": _in_arrays}


def _read(cell: str) -> Value:
    try:
        return float(cell)
    except ValueError:
        return cell or "nothing"


def _is_number(value: Value) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _shown(value: Value) -> str:
    if isinstance(value, str):
        return f"{value[:12]}..." if DIGEST.fullmatch(value) else value
    return json.dumps(value)
