"""MLflow itself: opened quietly, with bounded patience; our runs found by our tags.

What a registered version points to is never moved to MLflow's bin, which `mlflow gc` empties.
The project's own store is a sqlite file: made in one step, and its paths mended after the
project was moved or copied. Those tables are those of MLflow 3.
"""

import logging
import os
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from secondlook.config.processes import hold_lock
from secondlook.tracking.location import StoreLocation, format_sqlite_uri
from secondlook.tracking.run_spec import EXPERIMENT_TAGS, RunSpec

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Experiment, LoggedModel, Run

# Environment variables of MLflow; what the user has set is left alone.
QUIET_VARIABLES = {
    "MLFLOW_LOGGING_LEVEL": "CRITICAL",  # its errors reach us as exceptions; ours are one line
    "MLFLOW_DISABLE_AGENT_HINT": "true",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",  # a few small files
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    "MLFLOW_SKIP_PIP_REQUIREMENTS_CHECK": "true",  # it would ask a package index about our model
}
NOISY_LOGGERS = ("psycopg", "sqlalchemy.pool")  # likewise; they name the user of a database
# Unbounded, the client would try an unreachable server for minutes.
PATIENT_LIMITS = {"MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2", "MLFLOW_HTTP_REQUEST_TIMEOUT": "30"}
HASTY_LIMITS = {"MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0", "MLFLOW_HTTP_REQUEST_TIMEOUT": "3"}
MISSING_CODES = ("RESOURCE_DOES_NOT_EXIST", "NOT_FOUND")  # as MLflow says that something is gone
PARENT_TAG = "mlflow.parentRunId"
RETIRED_TAG = "second_look.retired"
RETIRED_NOTE = "a registered version needs it; the files in data/ say something else by now"


@dataclass(frozen=True)
class Store:
    """An open MLflow store, the experiment our runs are in, and a lock for finding and making.

    The lock keeps the processes of one project, or of one sqlite file, apart: none makes a run
    that another is making.
    """

    client: "MlflowClient"
    experiment: str
    lock_file: Path

    def hold_lock(self) -> AbstractContextManager[int]:
        """Return a context in which no other process finds or makes a run; it is waited for."""
        return hold_lock(self.lock_file)

    def find(self, record: RunSpec) -> "Run | None":
        """Return the run of the record; of several, the oldest: the others are retired."""
        found = self.find_by_tag(record.tag, record.key)
        for surplus in found[1:]:
            self.retire(surplus)
        return found[0] if found else None

    def find_by_tag(self, tag: str, key: str) -> "list[Run]":
        """Return the runs with that tag, the oldest first, less those retired."""
        found = self.client.search_runs(
            [self.experiment], f"tags.`{tag}` = '{key}'", order_by=["attributes.start_time ASC"]
        )
        return [run for run in found if RETIRED_TAG not in run.data.tags]

    def create(self, record: RunSpec, parent: str | None) -> "Run":
        """Return a new run for the record, below the run with the id `parent`.

        Where another project makes one at the same moment, both get the older.
        """
        tags = {record.tag: record.key, **record.tags} | ({PARENT_TAG: parent} if parent else {})
        made = self.client.create_run(
            self.experiment, start_time=record.started, tags=tags, run_name=record.title
        )
        return self.find(record) or made

    def retire(self, run: "Run") -> None:
        """Move a run and its models to MLflow's bin, or only out of the mirror.

        The latter where a version of any registered model needs it, its files or a run below it.
        """
        from mlflow.entities import ViewType

        run_id, models = run.info.run_id, [model.model_id for model in self.list_models(run)]
        query = f"tags.`{PARENT_TAG}` = '{run_id}'"
        below = self.client.search_runs([self.experiment], query, ViewType.ALL)
        if self.is_registered(run_id, *models, *(each.info.run_id for each in below)):
            self.client.set_tag(run_id, RETIRED_TAG, RETIRED_NOTE)
            return
        for model in models:
            self.client.delete_logged_model(model)
        self.client.delete_run(run_id)

    def is_registered(self, *ids: str) -> bool:
        """Tell whether a version names one of these, as its run or in the address of its files."""
        token: str | None = ""
        while token is not None:
            page = self.client.search_model_versions(page_token=token or None)
            if any(one in f"{each.run_id} {each.source}" for each in page for one in ids):
                return True
            token = page.token or None
        return False

    def list_models(self, run: "Run") -> "list[LoggedModel]":
        """Return the models that were logged with the run, less those deleted since."""
        query = f"source_run_id = '{run.info.run_id}'"
        return list(self.client.search_logged_models([self.experiment], query))


def find_run(client: "MlflowClient", run_id: str) -> "Run | None":
    """Return a run, be it in the bin; None where there is none of that id."""
    from mlflow.exceptions import MlflowException

    try:
        return client.get_run(run_id) if run_id else None
    except MlflowException as error:
        if error.error_code not in MISSING_CODES:
            raise
        return None


@contextmanager
def convert_store_errors(place: StoreLocation, bounds: Mapping[str, str]) -> Iterator[None]:
    """Turn what goes wrong with the store into a TrackingError; mend its paths after a move."""
    place.check()
    for name, value in {**QUIET_VARIABLES, **bounds}.items():
        os.environ.setdefault(name, value)
    for name in NOISY_LOGGERS:
        logging.getLogger(name).setLevel(logging.CRITICAL)
    import requests
    import sqlalchemy.exc
    from mlflow.exceptions import MlflowException

    kinds = (MlflowException, requests.RequestException, sqlalchemy.exc.SQLAlchemyError)
    try:
        own, kept = place.database, place.artifacts
        if own and kept and kept.is_dir() and own.is_relative_to(place.root):
            relocate_artifacts(own, kept)
        yield
    except (*kinds, sqlite3.Error, OSError, ImportError) as error:
        raise place.build_error(str(error)) from error


def open_store(
    place: StoreLocation, experiment: str, tags: Mapping[str, str] = EXPERIMENT_TAGS
) -> Store:
    """Return the store with the experiment in it, both made where missing.

    Use it inside `convert_store_errors`. `tags` are what the experiment has at least. Processes
    that start at once wait for each other: MLflow itself would break a new sqlite file.
    """
    from mlflow import MlflowClient

    database = place.database or place.root / "mlflow.db"
    lock_file = database.with_name(f"{database.name}.lock")
    lock_file.parent.mkdir(parents=True, exist_ok=True)
    with hold_lock(lock_file):
        if place.database is not None and place.artifacts is not None:
            prepare_sqlite(place.database, place.artifacts)
        client = MlflowClient(place.uri)
        return Store(client, _open_experiment(client, place.artifacts, experiment, tags), lock_file)


def prepare_sqlite(database: Path, artifacts: Path) -> None:
    """Make a new sqlite store, or mend the paths of one whose folder was moved."""
    if database.exists() and database.stat().st_size:
        relocate_artifacts(database, artifacts)
        return
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

    # Whole or absent: MLflow cannot repair tables that were half made.
    partial = database.with_name(f"{database.name}.partial")
    partial.unlink(missing_ok=True)
    SqlAlchemyStore(format_sqlite_uri(partial), artifacts.as_uri()).engine.dispose()
    partial.replace(database)


def _open_experiment(
    client: "MlflowClient", artifacts: Path | None, name: str, tags: Mapping[str, str]
) -> str:
    """Return the experiment's id; where its artifacts go is fixed when it is made."""
    found = client.get_experiment_by_name(name) or _create_experiment(client, artifacts, name, tags)
    if found.lifecycle_stage == "deleted":
        client.restore_experiment(found.experiment_id)
    for key in tags.keys() - found.tags.keys():
        client.set_experiment_tag(found.experiment_id, key, tags[key])
    return str(found.experiment_id)


def _create_experiment(
    client: "MlflowClient", artifacts: Path | None, name: str, tags: Mapping[str, str]
) -> "Experiment":
    """Return a new experiment, or the one that another project made at the same moment."""
    from mlflow.exceptions import MlflowException

    try:
        made = client.create_experiment(name, artifacts and artifacts.as_uri(), dict(tags))
    except MlflowException as error:
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise
        return client.get_experiment_by_name(name)
    return client.get_experiment(made)


PATH_COLUMNS = (
    ("experiments", "artifact_location"),
    ("runs", "artifact_uri"),
    ("logged_models", "artifact_location"),
    ("model_versions", "source"),
    ("model_versions", "storage_location"),
)


def relocate_artifacts(database: Path, artifacts: Path) -> None:
    """Correct the paths that MLflow stored in files of another folder than `artifacts`, if any."""
    if not (database.exists() and database.stat().st_size):
        return
    new = artifacts.as_uri()
    with closing(sqlite3.connect(database)) as store, store:
        for old in _find_foreign_folders(store, new):
            for table, column in PATH_COLUMNS:
                _replace_prefix(store, table, column, (old, new))


def _find_foreign_folders(store: sqlite3.Connection, artifacts: str) -> list[str]:
    """Return the folders of other projects where experiments keep their files."""
    query = "SELECT DISTINCT artifact_location FROM experiments"
    found = [location for (location,) in store.execute(query)]
    return [old for old in found if old.endswith("/mlruns") and old != artifacts]


def _replace_prefix(
    store: sqlite3.Connection, table: str, column: str, way: tuple[str, str]
) -> None:
    old, new = way
    store.execute(
        f"UPDATE {table} SET {column} = ? || substr({column}, ?) "  # noqa: S608 - names of ours
        f"WHERE substr({column}, 1, ?) = ?",
        (new, len(old) + 1, len(old) + 1, f"{old}/"),
    )
    store.execute(f"UPDATE {table} SET {column} = ? WHERE {column} = ?", (new, old))  # noqa: S608
