"""One process at a time: a locked file, which the system unlocks however its holder ends."""

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from secondlook.config.errors import BusyError

Refusal = Callable[[str], str]  # what the holder noted -> what is told to whoever comes second


@contextmanager
def hold_lock(path: Path, refuse: Refusal | None = None, note: str = "") -> Iterator[int]:
    """Hold the lock of a file, made where missing in a folder that is there; give its descriptor.

    Whoever comes second waits or, with `refuse`, gets a BusyError; `note` is for them, and stays
    in the file. A child that is given the descriptor holds the lock too. The file is left where
    it is. A holder may delete it as the last thing it does: who waited then locks the next one.
    """
    while True:
        with path.open("a+", encoding="utf-8") as file:
            if refuse is None:
                fcntl.flock(file, fcntl.LOCK_EX)
            else:
                _lock_or_refuse(file, refuse)
            if not _is_in_place(file, path):
                continue
            if note:
                file.truncate(0)
                file.write(note)
                file.flush()
            yield file.fileno()
            return


def _lock_or_refuse(file: TextIO, refuse: Refusal) -> None:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.seek(0)
        raise BusyError(refuse(file.read())) from None


def _is_in_place(file: TextIO, path: Path) -> bool:
    """Tell whether the open file is the one that others find, and lock."""
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    except FileNotFoundError:
        return False
