"""The entries of a dvc.lock as text: put in order, and carried from one project to another.

As text, because dvc's own parser takes seconds to read a long one, and because what is carried
has to be the same bytes.
"""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from secondlook.artifacts.files import write_atomically
from secondlook.config.errors import SecondLookError

LOCK_FILE = Path("dvc.lock")
EMPTY_LOCK = "schema: '2.0'\nstages:\n"


def name_stages(runs: Sequence[str]) -> list[str]:
    """Return the stages of runs in the order of dvc.lock: all trainings, then all evaluations."""
    return [f"{stage}@{run}" for stage in ("train", "evaluate") for run in runs]


def load_lock_entries(lock: Path = LOCK_FILE) -> dict[str, str]:
    """Return the entries of a dvc.lock by the names of their stages, in its order."""
    return _load_lock(lock)[1]


def parse_lock_entries(text: str) -> dict[str, str]:
    """Return the entries that the text of a dvc.lock holds, by the names of their stages."""
    _, *entries = _split_entries(text)
    return {entry.partition(":\n")[0].strip(): entry for entry in entries}


def _split_entries(text: str) -> list[str]:
    return re.split(r"(?m)^(?=  \S)", text)


def _load_lock(lock: Path) -> tuple[str, dict[str, str]]:
    """Return the head of a dvc.lock, and its entries."""
    text = EMPTY_LOCK
    with suppress(FileNotFoundError):
        text = lock.read_text(encoding="utf-8")
    return _split_entries(text)[0], parse_lock_entries(text)


def _is_whole(entries: Mapping[str, str]) -> bool:
    """Tell whether nothing but stages comes after the head."""
    return not re.search(r"(?m)^\S", "".join(entries.values()))


def check_lock(lock: Path = LOCK_FILE) -> None:
    """Raise SecondLookError where it holds what is no stage: nothing could be added to it."""
    if not _is_whole(load_lock_entries(lock)):
        raise SecondLookError(
            f"{lock}: found more than stages in it; expected the form that dvc writes: "
            f"`git checkout {lock}`, or delete it"
        )


def add_lock_entries(new: Mapping[str, str], lock: Path = LOCK_FILE) -> None:
    """Write entries into a dvc.lock, in the place of those of the same names or at the end.

    Raises SecondLookError where `check_lock` does.
    """
    check_lock(lock)
    head, found = _load_lock(lock)
    write_atomically(lock, [(head + "".join({**found, **new}.values())).encode()])


def arrange_lock_entries(stages: Sequence[str], lock: Path) -> None:
    """Let a dvc.lock hold the entries of these stages alone, in this order.

    dvc leaves those of stages that are none any more, and writes others as they end.
    """
    head, found = _load_lock(lock)
    left = [name for name in stages if name in found]
    if left == list(found) or not _is_whole(found):
        return
    if left:
        write_atomically(lock, [(head + "".join(found[name] for name in left)).encode()])
    else:
        lock.unlink()


def order_lock_entries(
    before: Collection[str], order: Iterable[str], lock: Path = LOCK_FILE
) -> None:
    """Let those of the stages that are new in a dvc.lock stand in this order.

    `before` names the entries that were there: they keep their places. So what several dvc at
    once have written is what one would write.
    """
    head, found = _load_lock(lock)
    new = [name for name in order if name in found and name not in before]
    names = [*(name for name in found if name not in new), *new]
    if names != list(found) and _is_whole(found):
        text = head + "".join(found[name] for name in names)
        write_atomically(lock, [text.encode()])
