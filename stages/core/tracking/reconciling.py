"""Making an MLflow run equal to its record: what is there stays, what is missing is added."""

import math
from typing import TYPE_CHECKING

from stages.core.tracking import writing
from stages.core.tracking.models import is_logged
from stages.core.tracking.provenance import Provenance
from stages.core.tracking.record import MIRROR, Record
from stages.core.tracking.store import PARENT, Store

if TYPE_CHECKING:
    from mlflow.entities import Run

THERE = "already there"
OURS = "second_look."  # tags of other names are MLflow's, or people's own
SAME = 1e-6  # relative and absolute: a number that was written to a file and read again


def reconciled(
    store: Store, record: Record, source: Provenance, parent: str | None
) -> tuple[str, str]:
    """Return the id of the one run that now says what the record says, and what was done.

    That is "already there", "brought up to date" or "logged". `parent` is the id of the run
    above it.
    """
    run = store.find(record)
    if run is not None and _is_current(store, run, record, parent):
        return run.info.run_id, THERE
    done = "logged" if run is None else "brought up to date"
    run = _usable(store, run, record) or store.create(record, parent)
    tags = {**record.tags, **source.tags(), **({PARENT: parent} if parent else {})}
    writing.write(store, run, record, source)
    _finish(store, run, record, tags)
    return run.info.run_id, done


def _is_current(store: Store, run: "Run", record: Record, parent: str | None) -> bool:
    tags, status = run.data.tags, run.info.status
    if (tags.get(MIRROR), tags.get(PARENT), status) != (record.digest, parent, "FINISHED"):
        return False
    files = {file.path for file in store.client.list_artifacts(run.info.run_id)}
    complete = record.model is None or is_logged(store, run, record.model)
    return complete and {*record.artifacts, *_folders(record)} <= files


def _folders(record: Record) -> set[str]:
    """Return the folders that a run has beside its files."""
    return writing.FOLDERS if record.pictures else writing.FOLDERS - {"images", "pictures"}


def _usable(store: Store, run: "Run | None", record: Record) -> "Run | None":
    """Return the run if it can become the record by adding alone; else it is deleted."""
    if run is not None and _contradicts(store, run, record):
        store.delete(run)
        return None
    return run


def _contradicts(store: Store, run: "Run", record: Record) -> bool:
    """Tell whether the run holds what the record does not say, or anything twice."""
    if any(run.data.params.get(key, text) != text for key, text in record.parameters.items()):
        return True
    wanted = {(p.key, p.step): p.value for p in record.points}
    logged = writing.logged(store, run, record)
    once = len(logged) == len({(p.key, p.step) for p in logged})
    return not once or any(_differs(p.value, wanted.get((p.key, p.step))) for p in logged)


def _differs(value: float, wanted: float | None) -> bool:
    if wanted is None or math.isnan(value) or math.isnan(wanted):
        return wanted is None or math.isnan(value) != math.isnan(wanted)
    return not math.isclose(value, wanted, rel_tol=SAME, abs_tol=SAME)


def _finish(store: Store, run: "Run", record: Record, tags: dict[str, str]) -> None:
    """End the run; the tag that says it is complete comes last."""
    run_id = run.info.run_id
    store.client.update_run(run_id, name=record.title)
    store.client.set_terminated(run_id, "FINISHED", record.ended or run.info.start_time)
    for key in run.data.tags.keys() - tags.keys() - {record.tag}:
        if key.startswith(OURS):
            store.client.delete_tag(run_id, key)
    for key, value in {**tags, MIRROR: record.digest}.items():
        store.client.set_tag(run_id, key, value)
