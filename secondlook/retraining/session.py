"""What retrain, promote and rollback share: one at a time, a record, and an exit status.

A locked file says who is at it. The record is drafted while the work goes on: whatever goes wrong,
what is known is kept, told to people, and handed to `retrain.notify`.
"""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime
from types import FrameType
from typing import NoReturn

from pydantic import ConfigDict, Field

from secondlook.artifacts.files import explain_os_error
from secondlook.artifacts.retraining_history import (
    BUSY,
    FAILED,
    RetrainingFacts,
    RetrainingRecord,
)
from secondlook.config.errors import BusyError, SecondLookError
from secondlook.config.params import Params
from secondlook.config.processes import ENDING_SIGNALS, build_environment, handle_signals, hold_lock
from secondlook.retraining import log
from secondlook.retraining.log import RetrainingLog
from secondlook.tracking.provenance import NOTES_FOLDER

LOCK_FILE = NOTES_FOLDER / "retrain.lock"


@contextmanager
def hold_retraining_lock() -> Iterator[int]:
    """Hold the lock and give its file descriptor; BusyError, naming the holder, where it is held.

    The system lets go of the lock of a killed process. A child that is given the descriptor
    holds it too: what a killed retraining left running is waited for, not trampled on.
    """
    LOCK_FILE.parent.mkdir(parents=True, exist_ok=True)
    note = f"process {os.getpid()} on {socket.gethostname()}, since {_format_now()},"

    def refuse(holder: str) -> str:
        return f"{holder or 'another process'} is retraining; wait for it"

    with hold_lock(LOCK_FILE, refuse, note) as descriptor:
        yield descriptor


def _format_now() -> str:
    """Return the time as the history tells it: UTC, to the second."""
    return f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"


class RetrainingDraft(RetrainingFacts):
    """What will be the RetrainingRecord, so far. `force`: train everything again."""

    model_config = ConfigDict(frozen=False)

    model: str
    force: bool = False
    begun: float = Field(default_factory=time.monotonic)

    def make_record(self, outcome: str, reason: str) -> RetrainingRecord:
        """Return the record of it, as of now."""
        seconds = round(time.monotonic() - self.begun, 1)
        ending = {"time": _format_now(), "outcome": outcome, "reason": reason, "seconds": seconds}
        return RetrainingRecord.model_validate(dict(self) | ending)


NOTIFY_SECONDS = 60  # seconds that `retrain.notify` has
RetrainingWork = Callable[[RetrainingLog, RetrainingDraft], RetrainingRecord]


def run_session(
    params: Params, draft: RetrainingDraft, work: RetrainingWork, *, as_json: bool
) -> int:
    """Do the work alone, tell what came of it, and return the exit status of that.

    Whatever happens is told to people and to `retrain.notify`; a bug too, before its traceback.
    """
    record = draft.make_record(FAILED, "an error of Second Look itself; its traceback tells more")
    try:
        record = _run_alone(draft, work, as_json)
    finally:
        if as_json:
            print(record.line, flush=True)
        _notify(params.retrain.notify, record, quiet=as_json)
    return record.status


def _run_alone(draft: RetrainingDraft, work: RetrainingWork, as_json: bool) -> RetrainingRecord:
    try:
        with _raise_on_signals(), hold_retraining_lock() as descriptor:
            return work(RetrainingLog(as_json, descriptor), draft)
    except BusyError as error:
        return _print_record(draft.make_record(BUSY, str(error)), as_json)
    except SecondLookError as error:
        return _print_record(draft.make_record(FAILED, str(error)), as_json)
    except OSError as error:
        if (line := explain_os_error(error)) is None:
            raise
        return _print_record(draft.make_record(FAILED, str(line)), as_json)


def _raise_on_signals() -> AbstractContextManager[None]:
    """Turn a signal that ends us into a SecondLookError: it is recorded like any failure."""
    return handle_signals(_raise_ended_error, ENDING_SIGNALS)


def _raise_ended_error(number: int, _: FrameType | None) -> NoReturn:
    name = signal.Signals(number).name
    raise SecondLookError(f"ended by {name}; the champion stays, the next start goes on")


def _print_record(record: RetrainingRecord, as_json: bool) -> RetrainingRecord:
    if not as_json:
        print(*log.format_record(record), sep="\n", file=sys.stderr)
    return record


def _notify(command: str | None, record: RetrainingRecord, *, quiet: bool) -> None:
    """Hand the record to a shell command as JSON; that it fails changes nothing but this line."""
    if command is None:
        return
    try:
        subprocess.run(
            ["/bin/sh", "-c", command],
            input=f"{record.line}\n",
            stdout=sys.stderr,
            env=build_environment(),
            encoding="utf-8",
            timeout=NOTIFY_SECONDS,
            check=True,
        )
    except (OSError, subprocess.SubprocessError) as error:
        if not quiet:
            print(f"warning: params.yaml: retrain.notify: {error}", file=sys.stderr)
