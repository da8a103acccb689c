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

from stages.core.outputs.retrainings import DECIDED, PROMOTED, Retraining
from stages.core.params import Params
from stages.core.tracking.place import Place, place
from stages.core.tracking.reading import experiment
from stages.core.tracking.registry import CHAMPION, Registry
from stages.core.tracking.store import PATIENT, Store, open_store, told

if TYPE_CHECKING:
    from mlflow.entities import Run

OUTCOME, PROJECT, RECORD = "second_look.outcome", "second_look.project", "record.json"
NOTE = "One run for each `secondlook retrain`, `promote` and `rollback`, with its record and log."
TAGS = {"mlflow.experimentKind": "custom_model_development", "mlflow.note.content": NOTE}
LONGEST = 5000  # characters of a tag that every store takes


@dataclass(frozen=True)
class Ledger:
    """An open retraining: the store, the run in it, and the registered model it is about."""

    where: Place
    store: Store
    run: str
    registry: Registry

    def decide(self, record: Retraining) -> None:
        """Write down what will be done, before it is."""
        with told(self.where, PATIENT):
            self.store.client.log_text(self.run, record.line, RECORD)

    def settle(self, record: Retraining, log: Path, note: str) -> None:
        """End the run with its record, its numbers, its log, and a note for people."""
        with told(self.where, PATIENT):
            self.store.client.log_text(self.run, record.line, RECORD)
            if log.exists():
                self.store.client.log_artifact(self.run, str(log))
            _end(self.store, self.run, record, note)


def begin(params: Params, action: str, registry: Registry) -> Ledger:
    """Begin a retraining in MLflow; TrackingError where the store cannot be used."""
    where = place()
    with told(where, PATIENT):
        store = _open(where, params)
        tags = {PROJECT: _project(where)}
        made = store.client.create_run(store.experiment, tags=tags, run_name=action)
    return Ledger(where, store, made.info.run_id, registry)


def recover(params: Params, registry: Registry) -> list[str]:
    """End the retrainings of this project that were killed; return what was found, in words.

    One whose champion was set already is ended as promoted. Nobody else may be retraining.
    """
    where = place()
    with told(where, PATIENT):
        store, found = _open(where, params), []
        champion = registry.version(CHAMPION)
        for run in _left(store, where):
            record = _record(store, run)
            found.append(_ended(store, run, record, champion.retraining if champion else None))
    return found


def finished(params: Params, known: set[str | None]) -> list[Retraining]:
    """Return the records of all retrainings that ended, less those known by the id of their run."""
    where = place()
    with told(where, PATIENT):
        store = _open(where, params)
        runs = store.client.search_runs([store.experiment], f"tags.`{OUTCOME}` != ''")
        missing = [run for run in runs if run.info.run_id not in known]
        return [record for run in missing if (record := _record(store, run))]


def _open(where: Place, params: Params) -> Store:
    return open_store(where, f"{experiment(params)}, retraining", TAGS)


def _project(where: Place) -> str:
    """Return where retrainings of this lock come from: a server may hear of several projects."""
    return f"{socket.gethostname()}:{where.root}"


def _left(store: Store, where: Place) -> "Iterator[Run]":
    query = f"attributes.status = 'RUNNING' and tags.`{PROJECT}` = '{_project(where)}'"
    yield from store.client.search_runs([store.experiment], query)


def _record(store: Store, run: "Run") -> Retraining | None:
    """Return what a run has of its record, None where it did not come to a decision."""
    there = {file.path for file in store.client.list_artifacts(run.info.run_id)}
    if RECORD not in there:
        return None
    with tempfile.TemporaryDirectory() as folder:
        path = store.client.download_artifacts(run.info.run_id, RECORD, folder)
        return Retraining.model_validate_json(Path(path).read_text(encoding="utf-8"))


def _ended(store: Store, run: "Run", record: Retraining | None, champion: str | None) -> str:
    """End a run that was left behind, and say as what."""
    begun = f"the retraining {run.info.run_id}, which was killed,"
    done = record is not None and (record.outcome != PROMOTED or champion == run.info.run_id)
    if record is None or not done:
        store.client.set_terminated(run.info.run_id, "KILLED")
        return f"{begun} had changed nothing; going on from there"
    _end(store, run.info.run_id, record, f"{record.reason} (recorded by the next start)")
    return f"{begun} had come to its end: {record.outcome}; recording it"


def _end(store: Store, run_id: str, record: Retraining, note: str) -> None:
    from mlflow.entities import Metric, RunTag

    stamp = store.client.get_run(run_id).info.start_time
    metrics = [Metric(key, value, stamp, 0) for key, value in _numbers(record)]
    tags = [RunTag(key, text[:LONGEST]) for key, text in _tags(record, note)]
    store.client.log_batch(run_id, metrics=metrics, tags=tags)
    store.client.update_run(run_id, name=f"{record.action}: {record.outcome}")
    status = "FINISHED" if record.outcome in DECIDED else "FAILED"
    store.client.set_terminated(run_id, status)


def _numbers(record: Retraining) -> Iterator[tuple[str, float]]:
    """Yield what a chart over the retrainings may show."""
    yield "seconds", record.seconds
    if record.data is not None:
        told = {"added": record.data.added, "removed": record.data.removed}
        counts = {"images": record.data.images, **told}
        yield from ((f"data/{key}", float(n)) for key, n in counts.items() if n is not None)
    for key, value in record.metrics.items():
        if value is not None:
            yield f"champion/{key}", value


def _tags(record: Retraining, note: str) -> Iterator[tuple[str, str]]:
    """Yield what the table of retrainings shows in words, with links to both runs."""
    yield "mlflow.note.content", note
    yield OUTCOME, record.outcome
    yield "second_look.reason", record.reason
    yield "second_look.action", record.action
    roles = {"champion": record.before, "challenger": record.challenger, "service": record.service}
    for role, model in roles.items():
        if model is not None:
            yield f"second_look.{role}", json.dumps(model.model_dump())
