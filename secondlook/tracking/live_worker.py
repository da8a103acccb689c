"""The process beside a training: reads its epochs from stdin, logs them, says how it ended.

The first line is the subject, then each line an epoch, the last the status. Where the pipe ends
without one, the training was killed.
"""

import json
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from secondlook.config.errors import TrackingError
from secondlook.tracking import provenance, upload
from secondlook.tracking.live import RunLock, warn_incomplete
from secondlook.tracking.location import find_location
from secondlook.tracking.run_spec import MIRROR_TAG, DataSpec, MetricPoint, RunSpec
from secondlook.tracking.store import HASTY_LIMITS, Store, convert_store_errors, open_store

if TYPE_CHECKING:
    from mlflow.entities import Run

WorkerMessage = Mapping[str, Any]
RETRY_SECONDS = 10.0  # seconds before a store that failed is tried again


class LiveWorker:
    """One training, its run in MLflow, and the epochs that are not there yet."""

    def __init__(self, subject: WorkerMessage) -> None:
        self.name, self.experiment = subject["run"], subject["experiment"]
        self.record, self.parent = (
            _deserialize_spec(subject["record"]),
            _deserialize_spec(subject["parent"]),
        )
        self.where, self.waiting = find_location(), list[WorkerMessage]()
        self.found: tuple[Store, str] | None = None
        self.claims: dict[str, RunLock] = {}
        self.known: set[tuple[str, int]] = set()
        self.error: TrackingError | None = None
        self.tried = -RETRY_SECONDS

    def follow(self, lines: Iterable[WorkerMessage]) -> None:
        """Log each epoch when it comes; a store that failed is tried again later."""
        status = "KILLED"
        for line in lines:
            if "status" in line:
                status = line["status"]
                break
            self.waiting.append(line)
            if not self.error or time.monotonic() - self.tried > RETRY_SECONDS:
                self._try_to_log(None)
        self._try_to_log(status)

    def describe_missing(self) -> str:
        """Return in words which epochs MLflow lacks."""
        epochs = [line["epoch"] for line in self.waiting]
        if not epochs:
            return "its end is missing"
        first, last = min(epochs), max(epochs)
        if first == last:
            return f"epoch {first} is missing"
        return f"epochs {first} to {last} are missing"

    def _try_to_log(self, status: str | None) -> None:
        self.tried = time.monotonic()
        try:
            with convert_store_errors(self.where, HASTY_LIMITS):
                self.found = self.found or self._find()
                self._log(*self.found, status)
                self.error = None
        except TrackingError as error:
            # Whether the last request arrived is unknown: find out, before anything is repeated.
            self.error, self.found = error, None

    def _find(self) -> tuple[Store, str]:
        """Return the store and the id of the run in it, both made where missing."""
        store = open_store(self.where, self.experiment)
        with store.hold_lock():
            above = store.find(self.parent) or _end_parent(store, store.create(self.parent, None))
            run = store.find(self.record) or store.create(self.record, above.info.run_id)
            run_id: str = run.info.run_id
            if not _is_complete(run):
                self._resume(store, run)
        return store, run_id

    def _resume(self, store: Store, run: "Run") -> None:
        """Go on with a run that may hold epochs of an earlier attempt."""
        run_id = run.info.run_id
        if run_id not in self.claims:
            self.claims[run_id] = RunLock(self.where, run_id)
        self.known = {(p.key, p.step) for p in upload.list_logged_points(store, run, self.record)}
        store.client.update_run(run_id, status="RUNNING")
        upload.log_parameters(store, run, self.record.parameters)

    def _log(self, store: Store, run_id: str, status: str | None) -> None:
        """Log what is waiting; a run that `track` has mirrored meanwhile has these very epochs."""
        with store.hold_lock():
            run = store.client.get_run(run_id)
            if _is_complete(run):
                self.waiting.clear()
            while self.waiting:
                self._add(store, run, self.waiting[0])
                self.waiting.pop(0)
            if status and not _is_complete(run):
                store.client.set_terminated(run_id, status, provenance.read_clock())
        self._renew(status)

    def _add(self, store: Store, run: "Run", line: WorkerMessage) -> None:
        """Log what is new of an epoch: one that is trained again is not logged again."""
        points = [MetricPoint(key, line["epoch"], value) for key, value in line["numbers"].items()]
        new = [p for p in points if (p.key, p.step) not in self.known]
        upload.log_points(store, run, new, line["time"])
        self.known |= {(p.key, p.step) for p in new}

    def _renew(self, status: str | None) -> None:
        for claim in self.claims.values():
            if status:
                claim.release()
            else:
                claim.renew()


def _parse_lines(lines: Iterable[bytes]) -> Iterator[WorkerMessage]:
    """Yield what was sent; a training that is killed may leave half a line."""
    return (json.loads(line) for line in lines if line.endswith(b"\n"))


def _deserialize_spec(sent: Mapping[str, Any]) -> RunSpec:
    """Return the record that was sent as JSON."""
    return RunSpec(**{**sent, "data": DataSpec(**sent["data"])})


def _is_complete(run: "Run") -> bool:
    return MIRROR_TAG in run.data.tags


def _end_parent(store: Store, run: "Run") -> "Run":
    """End a parent at once: it does no work of its own that could be running."""
    store.client.set_terminated(run.info.run_id)
    return run


def main() -> None:
    """Follow one training to its end; exit with 1 when MLflow lacks something of it."""
    lines = _parse_lines(sys.stdin.buffer)
    follower = LiveWorker(next(lines))
    follower.follow(lines)
    if follower.error:
        warn_incomplete(follower.name, follower.describe_missing(), follower.error)
        sys.exit(1)


if __name__ == "__main__":
    main()
