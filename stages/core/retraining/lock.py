"""One retraining at a time: a locked file that says who is at it."""

import fcntl
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from stages.core.errors import BusyError
from stages.core.tracking.clock import NOTES

LOCK = NOTES / "retrain.lock"


@contextmanager
def held() -> Iterator[int]:
    """Hold the lock and give its file descriptor; BusyError, naming the holder, where it is held.

    The system lets go of the lock of a killed process. A child that is given the descriptor
    holds it too: what a killed retraining left running is waited for, not trampled on.
    """
    LOCK.parent.mkdir(parents=True, exist_ok=True)
    with LOCK.open("a+", encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            raise BusyError(
                f"{file.read() or 'another process'} is retraining; wait for it"
            ) from None
        file.truncate(0)
        file.write(f"process {os.getpid()} on {socket.gethostname()}, since {now()},")
        file.flush()
        yield file.fileno()


def now() -> str:
    """Return the time as the history tells it: UTC, to the second."""
    return f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
