"""The process beside a training: reads its epochs from stdin, logs them, says how it ended.

The first line is the subject, then each line an epoch, the last the status. Where the pipe ends
without one, the training was killed.
"""

import json
import sys
import time
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from stages.core.errors import TrackingError
from stages.core.tracking import clock, writing
from stages.core.tracking.following import warn
from stages.core.tracking.place import place
from stages.core.tracking.record import MIRROR, DataSet, Point, Record
from stages.core.tracking.store import HASTY, Store, open_store, told

if TYPE_CHECKING:
    from mlflow.entities import Run

Line = Mapping[str, Any]
AGAIN = 10.0  # seconds before a store that failed is tried again


class Follower:
    """One training, its run in MLflow, and the epochs that are not there yet."""

    def __init__(self, subject: Line) -> None:
        self.name, self.experiment = subject["run"], subject["experiment"]
        self.record, self.parent = received(subject["record"]), received(subject["parent"])
        self.where, self.waiting = place(), list[Line]()
        self.found: tuple[Store, Run] | None = None
        self.known: set[tuple[str, int]] = set()
        self.error: TrackingError | None = None
        self.tried = -AGAIN

    def follow(self, lines: Iterable[Line]) -> None:
        """Log each epoch when it comes; a store that failed is tried again later."""
        status = "KILLED"
        for line in lines:
            if "status" in line:
                status = line["status"]
                break
            self.waiting.append(line)
            if not self.error or time.monotonic() - self.tried > AGAIN:
                self._try(None)
        self._try(status)

    def _try(self, status: str | None) -> None:
        self.tried = time.monotonic()
        try:
            with told(self.where, HASTY):
                self.found = self.found or self._find()
                self._log(*self.found, status)
                self.error = None
        except TrackingError as error:
            self.error = error

    def _find(self) -> "tuple[Store, Run]":
        """Return the store and the run in it, both made where missing."""
        store = open_store(self.where, self.experiment)
        with store.lock:
            above = store.find(self.parent) or _ended(store, store.create(self.parent, None))
            run = store.find(self.record) or store.create(self.record, above.info.run_id)
        self.known = {(p.key, p.step) for p in writing.logged(store, run, self.record)}
        if not _complete(run):
            store.client.update_run(run.info.run_id, status="RUNNING")
            writing.add_parameters(store, run, self.record.parameters)
        return store, run

    def _log(self, store: Store, run: "Run", status: str | None) -> None:
        """Log what is waiting; a run that was mirrored before has these very epochs."""
        while self.waiting and not _complete(run):
            line = self.waiting[0]
            points = [Point(key, line["epoch"], value) for key, value in line["numbers"].items()]
            new = [p for p in points if (p.key, p.step) not in self.known]
            writing.add_points(store, run, new, line["time"])
            self.waiting.pop(0)
        if status and not _complete(run):
            store.client.set_terminated(run.info.run_id, status, clock.now())


def received(sent: Mapping[str, Any]) -> Record:
    """Return the record that was sent as JSON."""
    return Record(**{**sent, "data": DataSet(**sent["data"])})


def _complete(run: "Run") -> bool:
    return MIRROR in run.data.tags


def _ended(store: Store, run: "Run") -> "Run":
    """End a parent at once: it does no work of its own that could be running."""
    store.client.set_terminated(run.info.run_id)
    return run


def main() -> None:
    """Follow one training to its end; exit with 1 when MLflow lacks something of it."""
    lines = map(json.loads, sys.stdin.buffer)
    follower = Follower(next(lines))
    follower.follow(lines)
    if follower.error:
        warn(follower.name, follower.error)
        sys.exit(1)


if __name__ == "__main__":
    main()
