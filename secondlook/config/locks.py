"""What one process has to itself: a lock, and a temporary folder, however it ends.

The system unlocks the file of a process that is gone; a folder is known by such a file in it.
"""

import fcntl
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import TextIO

from secondlook.config.errors import BusyError
from secondlook.config.processes import ignore_signals

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


OWNER_LOCK = "owner.lock"  # in a temporary folder, locked as long as its process lives


def _ignore_users(_: Path) -> None:
    """Do nothing about what may still work in an abandoned folder."""


@contextmanager
def make_temporary_folder(
    prefix: str, end_users: Callable[[Path], None] = _ignore_users
) -> Iterator[Path]:
    """Give an empty folder, named with the prefix, that is removed afterwards.

    What killed processes left of that prefix is removed first, after `end_users` has ended what
    still works there. One without a lock is of a process killed while it made or cleared it.
    """
    for abandoned in Path(tempfile.gettempdir()).resolve().glob(f"{prefix}*"):
        with suppress(OSError, BusyError):  # it was cleared just now, or its process lives
            if abandoned.lstat().st_uid == os.getuid():
                with hold_lock(abandoned / OWNER_LOCK, refuse=str):
                    end_users(abandoned)
                    _clear_folder(abandoned)
    with ExitStack() as owned:
        folder = _make_locked_folder(prefix, owned)
        try:
            yield folder
        finally:
            with ignore_signals():  # an impatient second Ctrl-C
                _clear_folder(folder)


def _make_locked_folder(prefix: str, owned: ExitStack) -> Path:
    """Return a new folder, whose lock is held until `owned` is closed; children do not hold it."""
    while True:
        folder = Path(tempfile.mkdtemp(prefix=prefix)).resolve()
        with suppress(FileNotFoundError):  # another start cleared it, before it was locked
            owned.enter_context(hold_lock(folder / OWNER_LOCK))
            return folder


def _clear_folder(folder: Path) -> None:
    """Remove a folder whose lock is held, and the lock last: as long as it is there it counts."""
    for path in list(folder.iterdir()) if folder.is_dir() else ():
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        elif path.name != OWNER_LOCK:
            with suppress(OSError):
                path.unlink()
    (folder / OWNER_LOCK).unlink(missing_ok=True)
    with suppress(OSError):  # what cannot be removed now is left to the next start
        folder.rmdir()
