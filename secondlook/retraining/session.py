"""What retrain, promote and rollback share: one at a time, a record, and an exit status.

A locked file says who is at it. The record is drafted while the work goes on: whatever goes wrong,
what is known is kept, told to people, and handed to `retrain.notify`. What is decided is carried
out, and recorded in MLflow, in data/retrain/history.jsonl and on the page.
"""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from types import FrameType
from typing import TYPE_CHECKING, NoReturn

from pydantic import ConfigDict, Field

from secondlook.artifacts import retraining_history
from secondlook.artifacts.files import explain_os_error
from secondlook.artifacts.retraining_history import (
    BUSY,
    FAILED,
    PROMOTED,
    RetrainingFacts,
    RetrainingRecord,
)
from secondlook.config.errors import BusyError, SecondLookError, TrackingError
from secondlook.config.params import Params
from secondlook.config.processes import (
    ENDING_SIGNALS,
    build_environment,
    handle_signals,
    hold_lock,
    ignore_signals,
)
from secondlook.retraining import log
from secondlook.retraining.log import REPORT_LOG_FILE, RetrainingLog
from secondlook.tracking import retraining_runs
from secondlook.tracking.provenance import NOTES_FOLDER
from secondlook.tracking.registry import CHAMPION, REASON_TAG, RETRAINING_TAG, Registry
from secondlook.tracking.retraining_runs import TrackedRetraining

if TYPE_CHECKING:
    from secondlook.retraining.decide import Decision

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


@dataclass(frozen=True)
class RetrainingRun:
    """Where a retraining is recorded: `ledger` is its run in MLflow, once that is begun."""

    params: Params
    registry: Registry
    transcript: RetrainingLog
    tracked_run: TrackedRetraining

    @classmethod
    def open(
        cls, params: Params, registry: Registry, transcript: RetrainingLog, draft: RetrainingDraft
    ) -> "RetrainingRun":
        """End what was killed, and begin a retraining; `draft` learns who is in service.

        Raises TrackingError where MLflow is away.
        """
        for line in retraining_runs.recover_killed_runs(params, registry):
            transcript.say(line)
        if champion := registry.find_version(CHAMPION):
            draft.service = draft.before = champion.model
        ledger = retraining_runs.begin_retraining_run(params, draft.action, registry)
        draft.retraining = ledger.run
        return cls(params, registry, transcript, ledger)

    def carry_out(self, decision: "Decision", draft: RetrainingDraft) -> RetrainingRecord:
        """Promote the candidate if that was decided; whatever was is recorded.

        What is decided stands in MLflow before the champion changes, and the alias that changes
        it is one step. A kill before it leaves the champion; the next start records one after it.
        """
        with ignore_signals():
            record = draft.make_record(decision.outcome, decision.reason)
            self.tracked_run.write_decision(record)
            if decision.outcome == PROMOTED and decision.candidate is not None:
                tags = _list_version_tags(record, self.tracked_run)
                version = self.registry.register(decision.candidate, tags)
                self.registry.promote(version)
                draft.service, draft.challenger = version.model, version.model
                record = draft.make_record(decision.outcome, decision.reason)
            self.record_outcome(record)
        return record

    def record_outcome(self, record: RetrainingRecord) -> None:
        """Record what came of it; where MLflow is away, in the file alone."""
        for line in log.format_record(record):
            self.transcript.say(line)
        try:
            self.tracked_run.end(record, self.transcript.path, log.format_note(record))
        except TrackingError as error:
            self.transcript.say(f"warning: not recorded in MLflow: {error}")
        _add_to_history(self.params, record)

    def update_report(self) -> None:
        """Let report and MLflow show the new history; the decision does not depend on it.

        Unless it fails nothing is said: the last lines that people read are those of the record.
        """
        silent = RetrainingLog(quiet=True, lock=self.transcript.lock, path=REPORT_LOG_FILE)
        try:
            silent.run_dvc("repro")
        except SecondLookError as error:
            self.transcript.say(f"warning: the report does not show it yet: {error}")


def _add_to_history(params: Params, record: RetrainingRecord) -> None:
    """Add a record to the history, and what other clones recorded in the same MLflow."""
    known = {each.retraining for each in retraining_history.load_history()} | {record.retraining}
    others: list[RetrainingRecord] = []
    with suppress(TrackingError):
        others = retraining_runs.load_finished_retrainings(params, known)
    retraining_history.add_to_history([*others, record])


def _list_version_tags(record: RetrainingRecord, ledger: TrackedRetraining) -> dict[str, str]:
    """Return what the registered version carries: the data, the gate's numbers and the reason.

    One that comes back keeps what it had, but for the retraining that it belongs to.
    """
    gate = [check.model_dump(exclude={"told"}) for check in record.gate]
    told = {
        REASON_TAG: record.reason if record.action != "rollback" else None,
        "second_look.gate": json.dumps(gate) if gate else None,
        "second_look.data": record.data.digest if record.data else None,
    }
    return {RETRAINING_TAG: ledger.run, **{key: text for key, text in told.items() if text}}
