"""Epochs into MLflow as they end, through a process of their own (live_worker.py).

Not through a thread: importing MLflow takes 3 s of Python, in which a training would stand
still; and a process outlives a training that is killed, so it can say so in MLflow. A locked
file for each run tells whether its worker lives: the system lets go of the lock of a process
that ends, however it ends; the file stays.
"""

import hashlib
import json
import math
import os
import subprocess
import sys
import time
from collections.abc import Collection, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict
from pathlib import Path
from types import TracebackType

from secondlook.config.errors import BusyError, TrackingError
from secondlook.config.params import Params
from secondlook.config.processes import hold_lock
from secondlook.tracking import provenance
from secondlook.tracking.expected import (
    format_experiment_name,
    load_parent_spec,
    load_training_spec,
)
from secondlook.tracking.location import StoreLocation, find_location
from secondlook.tracking.provenance import NOTES_FOLDER
from secondlook.tracking.run_spec import RunSpec
from secondlook.training.epoch_metrics import LogEpoch

WORKER_COMMAND = (sys.executable, "-m", "secondlook.tracking.live_worker")
SETUP_SECONDS = 20.0  # seconds that importing TensorFlow and compiling take at most
LONGEST_WAIT = 5.0  # seconds that the end of a training may wait for MLflow


def follow_training(params: Params, run: str) -> "LiveTraining":
    """Return a context that gives `log_epoch(epoch, numbers)`; epochs count from 1.

    It neither fails nor slows a training: MLflow is started once the training has lasted
    track.live_after seconds, epochs go down a pipe, and at the end at most 5 s are waited. What
    is missing then is told on stderr; `track` brings it. A training that raises is FAILED in
    MLflow, one that is interrupted or killed KILLED. Raises DataError when there is no data.
    """
    record = load_training_spec(params, run)
    subject = {
        "experiment": format_experiment_name(params),
        "parent": _serialize_spec(load_parent_spec(params)),
    }
    return LiveTraining(
        run, record, subject | {"record": _serialize_spec(record)}, params.track.live_after
    )


def _serialize_spec(record: RunSpec) -> dict[str, object]:
    """Return what is set of a record, as JSON takes it."""
    return {key: value for key, value in asdict(record).items() if value}


def warn_incomplete(run: str, missing: str, error: TrackingError) -> None:
    """Say on stderr, in one line, what of the run MLflow lacks, why, and what brings it."""
    said = f"run {run} is not all in MLflow yet, {missing}: {error}"
    print(f"secondlook: warning: {said}", file=sys.stderr)


class LiveTraining:
    """A training, and the process that follows it once it has lasted `live_after` seconds."""

    def __init__(
        self, run: str, record: RunSpec, subject: Mapping[str, object], live_after: float
    ) -> None:
        self.run, self.record, self.live_after = run, record, live_after
        self.waiting = bytearray()
        self.process: subprocess.Popen[bytes] | None = None
        self.entered, self.first_ended = time.monotonic(), math.inf
        self._queue_line({"run": run, **subject})

    def __enter__(self) -> LogEpoch:
        return self.log_epoch

    def log_epoch(self, epoch: int, numbers: Mapping[str, float]) -> None:
        """Pass on the numbers of an epoch, less those that are not finite."""
        known = {key: float(value) for key, value in numbers.items() if math.isfinite(value)}
        self._queue_line({"epoch": epoch, "time": provenance.read_clock(), "numbers": known})
        if self.process is None and self._is_long():
            self._start()
        self._send()

    def _queue_line(self, line: Mapping[str, object]) -> None:
        self.waiting += json.dumps(line).encode() + b"\n"

    def _is_long(self) -> bool:
        """Tell whether the training itself, without what precedes it, is no short one."""
        now = time.monotonic()
        self.first_ended = min(self.first_ended, now)
        return max(now - self.first_ended, now - self.entered - SETUP_SECONDS) >= self.live_after

    def _start(self) -> None:
        """Start the follower, in a session of its own: Ctrl-C is for the training."""
        with suppress(OSError):  # no process to be had: `track` logs it all
            self.process = subprocess.Popen(
                WORKER_COMMAND, stdin=subprocess.PIPE, start_new_session=True
            )
            os.set_blocking(self._pipe(), False)

    def _pipe(self) -> int:
        return self.process.stdin.fileno() if self.process and self.process.stdin else -1

    def _send(self) -> None:
        """Write as much as the pipe takes now."""
        while self.waiting and self.process:
            try:
                del self.waiting[: os.write(self._pipe(), self.waiting)]
            except (BlockingIOError, BrokenPipeError):
                return

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is None:
            with suppress(OSError):  # when and where it ran is worth no failure
                provenance.write_training_times(self.record.key, self.record.started)
                provenance.write_training_environment(self.record.key, self.run)
        failed = kind is not None and issubclass(kind, Exception)
        status = "FINISHED" if kind is None else "FAILED" if failed else "KILLED"
        if self.process is not None:
            self._queue_line({"status": status})
            self._end(self.process)

    def _end(self, process: subprocess.Popen[bytes]) -> None:
        try:
            process.communicate(bytes(self.waiting), timeout=LONGEST_WAIT)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            error = find_location().build_error(f"no answer within {LONGEST_WAIT:.0f} s")
            warn_incomplete(self.run, "epochs may be missing", error)


@contextmanager
def end_lost_trainings(params: Params, runs: Collection[str]) -> Iterator[None]:
    """Say in MLflow, whatever happens inside, that those of the runs that still go on were killed.

    They were begun on other machines: where one dies, nobody there says so. `runs` is read at the
    end. Only servers know of them; one that does not answer is no failure.
    """
    try:
        yield
    finally:
        where = find_location()
        if runs and where.database is None:
            with suppress(TrackingError):
                _end_trainings(params, where, runs)


def _end_trainings(params: Params, where: StoreLocation, runs: Collection[str]) -> None:
    from secondlook.tracking.store import HASTY_LIMITS, convert_store_errors, open_store

    with convert_store_errors(where, HASTY_LIMITS):
        store = open_store(where, format_experiment_name(params))
        for run in runs:
            found = store.find(load_training_spec(params, run))
            if found and found.info.status == "RUNNING":
                store.client.set_terminated(found.info.run_id, "KILLED", provenance.read_clock())


class RunLock:
    """The right to log the epochs of one MLflow run, while this process lives."""

    def __init__(self, where: StoreLocation, run_id: str) -> None:
        """Take the right; raises TrackingError where another process has it."""
        self.path, self.lock = _find_lock_folder(where) / run_id, ExitStack()
        self.path.parent.mkdir(parents=True, exist_ok=True)
        try:
            self.lock.enter_context(hold_lock(self.path, refuse=_refuse_claim))
        except BusyError as error:
            raise where.build_error(str(error)) from None

    def renew(self) -> None:
        """Note that the training goes on."""
        self.path.touch()

    def release(self) -> None:
        """Give the right back: MLflow knows how the training ended."""
        self.path.unlink(missing_ok=True)
        self.lock.close()


def _refuse_claim(_: str) -> str:
    return "another training is logged to this run"


def find_abandoned_runs(where: StoreLocation) -> dict[str, int]:
    """Return the ids of runs whose follower died, and when (ms) it was last known to live."""
    found = {}
    for path in sorted(_find_lock_folder(where).glob("*")):
        # Held by a follower that lives, or given back just now.
        with suppress(BusyError, OSError):
            last = path.stat().st_mtime_ns // 1_000_000
            with hold_lock(path, refuse=_refuse_claim):
                found[path.name] = last
    return found


def remove_abandoned_lock(where: StoreLocation, run_id: str) -> None:
    """Remove the claim of a follower who died."""
    (_find_lock_folder(where) / run_id).unlink(missing_ok=True)


def _find_lock_folder(where: StoreLocation) -> Path:
    """Return where claims lie: a folder for each store, for run ids mean nothing in another."""
    store = hashlib.sha256(where.display_name.encode()).hexdigest()[:16]
    return where.root / NOTES_FOLDER / "followed" / store
