"""Each retraining as one MLflow run, in an experiment of its own.

It is written ahead: what was decided stands in record.json before the champion changes. So the
next start can tell how far a killed one came, and end it as what it was.
"""

import json
import socket
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from secondlook.artifacts.retraining_history import DECISIONS, PROMOTED, RetrainingRecord
from secondlook.config.params import Params
from secondlook.tracking.expected import format_experiment_name
from secondlook.tracking.location import StoreLocation, find_location
from secondlook.tracking.registry import CHAMPION, Registry
from secondlook.tracking.store import PATIENT_LIMITS, Store, convert_store_errors, open_store

if TYPE_CHECKING:
    from mlflow.entities import Run

OUTCOME_TAG, PROJECT_TAG, RECORD_FILE = "second_look.outcome", "second_look.project", "record.json"
RETRAINING_NOTE = (
    "One run for each `secondlook retrain`, `promote` and `rollback`, with its record and log."
)
RETRAINING_TAGS = {
    "mlflow.experimentKind": "custom_model_development",
    "mlflow.note.content": RETRAINING_NOTE,
}
LONGEST_TAG = 5000  # characters of a tag that every store takes
RUNS_PER_PAGE = 1000


@dataclass(frozen=True)
class TrackedRetraining:
    """An open retraining: the store, the run in it, and the registered model it is about."""

    where: StoreLocation
    store: Store
    run: str
    registry: Registry

    def write_decision(self, record: RetrainingRecord) -> None:
        """Write down what will be done, before it is."""
        with convert_store_errors(self.where, PATIENT_LIMITS):
            self.store.client.log_text(self.run, record.line, RECORD_FILE)

    def end(self, record: RetrainingRecord, log: Path, note: str) -> None:
        """End the run with its record, its numbers, its log, and a note for people."""
        with convert_store_errors(self.where, PATIENT_LIMITS):
            self.store.client.log_text(self.run, record.line, RECORD_FILE)
            if log.exists():
                self.store.client.log_artifact(self.run, str(log))
            _end_run(self.store, self.run, record, note)


def begin_retraining_run(params: Params, action: str, registry: Registry) -> TrackedRetraining:
    """Begin a retraining in MLflow; TrackingError where the store cannot be used."""
    where = find_location()
    with convert_store_errors(where, PATIENT_LIMITS):
        store = _open_retraining_store(where, params)
        tags = {PROJECT_TAG: _format_project(where)}
        made = store.client.create_run(store.experiment, tags=tags, run_name=action)
    return TrackedRetraining(where, store, made.info.run_id, registry)


def recover_killed_runs(params: Params, registry: Registry) -> list[str]:
    """End the retrainings of this project that were killed; return what was found, in words.

    One whose champion was set already is ended as promoted. Nobody else may be retraining.
    """
    where = find_location()
    with convert_store_errors(where, PATIENT_LIMITS):
        store, found = _open_retraining_store(where, params), []
        champion = registry.find_version(CHAMPION)
        for run in _find_running_runs(store, where):
            record = _load_record(store, run)
            found.append(
                _end_killed_run(store, run, record, champion.retraining if champion else None)
            )
    return found


def load_finished_retrainings(params: Params, known: set[str | None]) -> list[RetrainingRecord]:
    """Return the records of all retrainings that ended, less those known by the id of their run."""
    where = find_location()
    with convert_store_errors(where, PATIENT_LIMITS):
        store = _open_retraining_store(where, params)
        runs = _list_runs(store, f"tags.`{OUTCOME_TAG}` != ''")
        missing = [run for run in runs if run.info.run_id not in known]
        return [record for run in missing if (record := _load_record(store, run))]


def _open_retraining_store(where: StoreLocation, params: Params) -> Store:
    return open_store(where, f"{format_experiment_name(params)}, retraining", RETRAINING_TAGS)


def _format_project(where: StoreLocation) -> str:
    """Return where retrainings of this lock come from: a server may hear of several projects."""
    return f"{socket.gethostname()}:{where.root}"


def _find_running_runs(store: Store, where: StoreLocation) -> list["Run"]:
    """Return the retrainings of this project that have not ended.

    Which are its own is not asked of MLflow: a filter knows no escape for a quote in a path.
    """
    running, project = _list_runs(store, "attributes.status = 'RUNNING'"), _format_project(where)
    return [run for run in running if run.data.tags.get(PROJECT_TAG) == project]


def _list_runs(store: Store, query: str) -> "Iterator[Run]":
    """Yield all retrainings that a filter of MLflow finds, page by page."""
    token: str | None = ""
    while token is not None:
        page = store.client.search_runs(
            [store.experiment], query, max_results=RUNS_PER_PAGE, page_token=token or None
        )
        yield from page
        token = page.token or None


def _load_record(store: Store, run: "Run") -> RetrainingRecord | None:
    """Return what a run has of its record, None where it did not come to a decision."""
    there = {file.path for file in store.client.list_artifacts(run.info.run_id)}
    if RECORD_FILE not in there:
        return None
    with tempfile.TemporaryDirectory() as folder:
        path = store.client.download_artifacts(run.info.run_id, RECORD_FILE, folder)
        return RetrainingRecord.model_validate_json(Path(path).read_text(encoding="utf-8"))


def _end_killed_run(
    store: Store, run: "Run", record: RetrainingRecord | None, champion: str | None
) -> str:
    """End a run that was left behind, and say as what."""
    begun = f"the retraining {run.info.run_id}, which was killed,"
    done = record is not None and (record.outcome != PROMOTED or champion == run.info.run_id)
    if record is None or not done:
        store.client.set_terminated(run.info.run_id, "KILLED")
        return f"{begun} had changed nothing; going on from there"
    _end_run(store, run.info.run_id, record, f"{record.reason} (recorded by the next start)")
    return f"{begun} had come to its end: {record.outcome}; recording it"


def _end_run(store: Store, run_id: str, record: RetrainingRecord, note: str) -> None:
    from mlflow.entities import Metric, RunTag

    stamp = store.client.get_run(run_id).info.start_time
    metrics = [Metric(key, value, stamp, 0) for key, value in _list_numbers(record)]
    tags = [RunTag(key, text[:LONGEST_TAG]) for key, text in _list_tags(record, note)]
    store.client.log_batch(run_id, metrics=metrics, tags=tags)
    store.client.update_run(run_id, name=f"{record.action}: {record.outcome}")
    status = "FINISHED" if record.outcome in DECISIONS else "FAILED"
    store.client.set_terminated(run_id, status)


def _list_numbers(record: RetrainingRecord) -> Iterator[tuple[str, float]]:
    """Yield what a chart over the retrainings may show."""
    yield "seconds", record.seconds
    if record.data is not None:
        told = {"added": record.data.added, "removed": record.data.removed}
        counts = {"images": record.data.images, **told}
        yield from ((f"data/{key}", float(n)) for key, n in counts.items() if n is not None)
    for key, value in record.metrics.items():
        if value is not None:
            yield f"champion/{key}", value


def _list_tags(record: RetrainingRecord, note: str) -> Iterator[tuple[str, str]]:
    """Yield what the table of retrainings shows in words, with links to both runs."""
    yield "mlflow.note.content", note
    yield OUTCOME_TAG, record.outcome
    yield "second_look.reason", record.reason
    yield "second_look.action", record.action
    roles = {"champion": record.before, "challenger": record.challenger, "service": record.service}
    for role, model in roles.items():
        if model is not None:
            yield f"second_look.{role}", json.dumps(model.model_dump())
