"""The sqlite file behind MLflow, asked without MLflow: a glance instead of five seconds.

Whatever is not as this file expects it, MLflow itself is asked. The tables are those of
MLflow 3: experiments, runs, tags and logged_models have changed little since MLflow 1.
"""

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote, urlsplit

from stages.core.tracking.record import DATA, KEY, MIRROR, Record

RUNS = """
    SELECT experiments.experiment_id, runs.run_uuid, runs.status, runs.artifact_uri,
           models.artifact_location, tags.key, tags.value
    FROM experiments JOIN runs USING (experiment_id) JOIN tags USING (run_uuid)
    LEFT JOIN logged_models AS models
           ON models.source_run_id = run_uuid AND models.lifecycle_stage = 'active'
    WHERE experiments.name = ? AND experiments.lifecycle_stage = 'active'
      AND runs.lifecycle_stage = 'active' AND tags.key IN (?, ?, ?)
"""
LOCATIONS = "SELECT DISTINCT artifact_location FROM experiments"
PLACES = (
    ("experiments", "artifact_location"),
    ("runs", "artifact_uri"),
    ("logged_models", "artifact_location"),
    ("model_versions", "source"),
    ("model_versions", "storage_location"),
)


@dataclass
class Run:
    """What the glance sees of one run."""

    experiment: str
    status: str
    artifacts: str
    model: str | None
    tags: dict[str, str] = field(default_factory=dict)

    def mirrors(self, record: Record) -> bool:
        """Tell whether the run is finished, says what the record says, and has its files."""
        if self.status != "FINISHED" or self.tags.get(MIRROR) != record.digest:
            return False
        names = [*record.artifacts, *(f"pictures/{path.name}" for path in record.pictures.values())]
        kept = [_path(self.artifacts) / name for name in names]
        if record.model is not None:
            kept.append(_path(self.model or "") / "MLmodel")
        return all(path.is_file() for path in kept)


def current(
    database: Path, artifacts: Path, experiment: str, records: Iterable[Record]
) -> str | None:
    """Return the experiment's id if each record is in it exactly once, as it should be.

    `artifacts` is the folder where files have to be. None means: something is not as it should,
    or it cannot be told.
    """
    if not database.exists():
        return None
    try:
        with closing(sqlite3.connect(f"{database.as_uri()}?mode=ro", uri=True)) as store:
            if _elsewhere(store, artifacts.as_uri()):
                return None
            runs = list(_runs(store, experiment))
    except sqlite3.Error:
        return None
    return runs[0].experiment if all(_mirrored_once(runs, each) for each in records) else None


def _mirrored_once(runs: list[Run], record: Record) -> bool:
    same = [run for run in runs if run.tags.get(record.tag) == record.key]
    return len(same) == 1 and same[0].mirrors(record)


def _runs(store: sqlite3.Connection, experiment: str) -> Iterator[Run]:
    found: dict[str, Run] = {}
    rows = store.execute(RUNS, (experiment, KEY, DATA, MIRROR))
    for id_, run_id, status, artifacts, model, key, value in rows:
        run = found.setdefault(run_id, Run(str(id_), status, artifacts, model))
        run.tags[key] = value
    yield from found.values()


def relocate(database: Path, artifacts: Path) -> None:
    """Correct the absolute paths that MLflow stored, after the project was moved or copied.

    `artifacts` is the folder that now holds what the old one held. Raises sqlite3.Error.
    """
    new = artifacts.as_uri()
    with closing(sqlite3.connect(database)) as store, store:
        for old in _elsewhere(store, new):
            for table, column in PLACES:
                _replace_start(store, table, column, (old, new))


def _elsewhere(store: sqlite3.Connection, artifacts: str) -> list[str]:
    """Return the folders of other projects where experiments keep their files."""
    found = [location for (location,) in store.execute(LOCATIONS)]
    return [old for old in found if old.endswith("/mlruns") and old != artifacts]


def _replace_start(
    store: sqlite3.Connection, table: str, column: str, way: tuple[str, str]
) -> None:
    old, new = way
    store.execute(
        f"UPDATE {table} SET {column} = ? || substr({column}, ?) "  # noqa: S608 - names of ours
        f"WHERE substr({column}, 1, ?) = ?",
        (new, len(old) + 1, len(old) + 1, f"{old}/"),
    )
    store.execute(f"UPDATE {table} SET {column} = ? WHERE {column} = ?", (new, old))  # noqa: S608


def _path(uri: str) -> Path:
    parts = urlsplit(uri)
    return Path(unquote(parts.path) if parts.scheme == "file" else uri)
