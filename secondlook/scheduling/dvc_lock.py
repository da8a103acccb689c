"""The entries of dvc.lock as text: put in order, and carried from one project to another.

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


def load_lock_entries() -> dict[str, str]:
    """Return the entries of dvc.lock by the names of their stages, in its order."""
    return _load_lock()[1]


def parse_lock_entries(text: str) -> dict[str, str]:
    """Return the entries that the text of a dvc.lock holds, by the names of their stages."""
    _, *entries = _split_entries(text)
    return {entry.partition(":\n")[0].strip(): entry for entry in entries}


def _split_entries(text: str) -> list[str]:
    return re.split(r"(?m)^(?=  \S)", text)


def _load_lock() -> tuple[str, dict[str, str]]:
    """Return the head of dvc.lock, and its entries."""
    text = EMPTY_LOCK
    with suppress(FileNotFoundError):
        text = LOCK_FILE.read_text(encoding="utf-8")
    return _split_entries(text)[0], parse_lock_entries(text)


def _is_whole(entries: Mapping[str, str]) -> bool:
    """Tell whether nothing but stages comes after the head."""
    return not re.search(r"(?m)^\S", "".join(entries.values()))


def check_lock() -> None:
    """Raise SecondLookError where dvc.lock holds what is no stage: nothing could be added to it."""
    if not _is_whole(load_lock_entries()):
        raise SecondLookError(
            f"{LOCK_FILE}: found more than stages in it; expected the form that dvc writes: "
            "`git checkout dvc.lock`, or delete it"
        )


def add_lock_entries(new: Mapping[str, str]) -> None:
    """Write entries into dvc.lock, in the place of those of the same names or at the end.

    Raises SecondLookError where `check_lock` does.
    """
    check_lock()
    head, found = _load_lock()
    write_atomically(LOCK_FILE, [(head + "".join({**found, **new}.values())).encode()])


def order_lock_entries(before: Collection[str], order: Iterable[str]) -> None:
    """Let those of the stages that are new in dvc.lock stand in this order.

    `before` names the entries that were there: they keep their places. So what several dvc at
    once have written is what one would write.
    """
    head, found = _load_lock()
    new = [name for name in order if name in found and name not in before]
    names = [*(name for name in found if name not in new), *new]
    if names != list(found) and _is_whole(found):
        text = head + "".join(found[name] for name in names)
        write_atomically(LOCK_FILE, [text.encode()])
