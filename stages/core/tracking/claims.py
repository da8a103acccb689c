"""Which runs are being followed: a locked file each, so that a follower who died is noticed.

The system lets go of the lock of a process that ends, however it ends; the file stays.
"""

import hashlib
from contextlib import suppress
from pathlib import Path

from filelock import FileLock, Timeout

from stages.core.tracking.clock import NOTES
from stages.core.tracking.place import Place


class Claim:
    """The right to log the epochs of one MLflow run, while this process lives."""

    def __init__(self, where: Place, run_id: str) -> None:
        """Take the right; raises TrackingError where another process has it."""
        self.path = _folder(where) / run_id
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.lock = FileLock(self.path)
        try:
            self.lock.acquire(timeout=0)
        except Timeout:
            raise where.error("another training is logged to this run") from None

    def renew(self) -> None:
        """Note that the training goes on."""
        self.path.touch()

    def settle(self) -> None:
        """Give the right back: MLflow knows how the training ended."""
        self.path.unlink(missing_ok=True)
        self.lock.release()


def abandoned(where: Place) -> dict[str, int]:
    """Return the ids of runs whose follower died, and when (ms) it was last known to live."""
    found = {}
    for path in sorted(_folder(where).glob("*")):
        with suppress(OSError):  # held by a follower that lives, or given back just now
            last = path.stat().st_mtime_ns // 1_000_000
            with FileLock(path).acquire(timeout=0):
                found[path.name] = last
    return found


def forget(where: Place, run_id: str) -> None:
    """Remove the claim of a follower who died."""
    (_folder(where) / run_id).unlink(missing_ok=True)


def _folder(where: Place) -> Path:
    """Return where claims lie: a folder for each store, for run ids mean nothing in another."""
    store = hashlib.sha256(where.shown.encode()).hexdigest()[:16]
    return where.root / NOTES / "followed" / store
