"""Epochs into MLflow as they end, through a process of their own.

Not through a thread: importing MLflow takes 3 s of Python, in which a training would stand
still; and a process outlives a training that is killed, so it can say so in MLflow.
"""

import json
import math
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import asdict
from types import TracebackType

from stages.core.errors import TrackingError
from stages.core.params import Params
from stages.core.tracking import clock, whereabouts
from stages.core.tracking.place import place
from stages.core.tracking.reading import experiment, parent, training
from stages.core.tracking.record import Record

LogEpoch = Callable[[int, Mapping[str, float]], None]
FOLLOWER = (sys.executable, "-m", "stages.core.tracking.follower")
SETTING_UP = 20.0  # seconds that importing TensorFlow and compiling take at most
AT_MOST = 5.0  # seconds that the end of a training may wait for MLflow


def live(params: Params, run: str) -> "Following":
    """Return a context that gives `log_epoch(epoch, numbers)`; epochs count from 1.

    It neither fails nor slows a training: MLflow is started once the training has lasted
    track.live_after seconds, epochs go down a pipe, and at the end at most 5 s are waited. What
    is missing then is told on stderr; `track` brings it. A training that raises is FAILED in
    MLflow, one that is interrupted or killed KILLED. Raises DataError when there is no data.
    """
    record = training(params, run)
    subject = {"experiment": experiment(params), "parent": sent(parent(params))}
    return Following(run, record, subject | {"record": sent(record)}, params.track.live_after)


def sent(record: Record) -> dict[str, object]:
    """Return what is set of a record, as JSON takes it."""
    return {key: value for key, value in asdict(record).items() if value}


def warn(run: str, missing: str, error: TrackingError) -> None:
    """Say on stderr, in one line, what of the run MLflow lacks, why, and what brings it."""
    said = f"run {run} is not all in MLflow yet, {missing}: {error}"
    print(f"secondlook: warning: {said}", file=sys.stderr)


class Following:
    """A training, and the process that follows it once it has lasted `live_after` seconds."""

    def __init__(
        self, run: str, record: Record, subject: Mapping[str, object], live_after: float
    ) -> None:
        self.run, self.record, self.live_after = run, record, live_after
        self.waiting = bytearray()
        self.process: subprocess.Popen[bytes] | None = None
        self.entered, self.first_ended = time.monotonic(), math.inf
        self._tell({"run": run, **subject})

    def __enter__(self) -> LogEpoch:
        return self.log_epoch

    def log_epoch(self, epoch: int, numbers: Mapping[str, float]) -> None:
        """Pass on the numbers of an epoch, less those that are not finite."""
        known = {key: float(value) for key, value in numbers.items() if math.isfinite(value)}
        self._tell({"epoch": epoch, "time": clock.now(), "numbers": known})
        if self.process is None and self._lasts():
            self._start()
        self._send()

    def _tell(self, line: Mapping[str, object]) -> None:
        self.waiting += json.dumps(line).encode() + b"\n"

    def _lasts(self) -> bool:
        """Tell whether the training itself, without what precedes it, is no short one."""
        now = time.monotonic()
        self.first_ended = min(self.first_ended, now)
        return max(now - self.first_ended, now - self.entered - SETTING_UP) >= self.live_after

    def _start(self) -> None:
        """Start the follower, in a session of its own: Ctrl-C is for the training."""
        with suppress(OSError):  # no process to be had: `track` logs it all
            self.process = subprocess.Popen(FOLLOWER, stdin=subprocess.PIPE, start_new_session=True)
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
                clock.remember(self.record.key, self.record.started)
                whereabouts.remember(self.record.key, self.run)
        failed = kind is not None and issubclass(kind, Exception)
        status = "FINISHED" if kind is None else "FAILED" if failed else "KILLED"
        if self.process is not None:
            self._tell({"status": status})
            self._end(self.process)

    def _end(self, process: subprocess.Popen[bytes]) -> None:
        try:
            process.communicate(bytes(self.waiting), timeout=AT_MOST)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            error = place().error(f"no answer within {AT_MOST:.0f} s")
            warn(self.run, "epochs may be missing", error)
