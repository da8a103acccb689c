"""All of data/ into MLflow, as often as one likes: what is there already is left alone.

A glance at the project's own sqlite file, without MLflow, tells whether all is there already: it
saves five seconds. Whatever is not as the glance expects it, MLflow itself is asked.
"""

import random
import sqlite3
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote, urlsplit

from secondlook.config.params import Params
from secondlook.tracking import live, ui
from secondlook.tracking.expected import format_experiment_name, load_expected_runs
from secondlook.tracking.location import StoreLocation, find_location
from secondlook.tracking.provenance import Provenance, read_provenance
from secondlook.tracking.run_spec import DATA_TAG, KEY_TAG, MIRROR_TAG, RunSpec
from secondlook.tracking.store import (
    PATIENT_LIMITS,
    RETIRED_TAG,
    Store,
    convert_store_errors,
    find_foreign_folders,
    open_store,
)
from secondlook.tracking.upload import ALREADY_THERE, reconcile_run

RUNS_QUERY = """
    SELECT experiments.experiment_id, runs.run_uuid, runs.status, runs.artifact_uri,
           models.artifact_location, tags.key, tags.value
    FROM experiments JOIN runs USING (experiment_id) JOIN tags USING (run_uuid)
    LEFT JOIN logged_models AS models
           ON models.source_run_id = run_uuid AND models.lifecycle_stage = 'active'
    WHERE experiments.name = ? AND experiments.lifecycle_stage = 'active'
      AND runs.lifecycle_stage = 'active' AND tags.key IN (?, ?, ?, ?)
"""


@dataclass
class StoredRun:
    """What the glance sees of one run."""

    experiment: str
    status: str
    artifacts: str
    model: str | None
    tags: dict[str, str] = field(default_factory=dict)

    def is_mirror_of(self, record: RunSpec) -> bool:
        """Tell whether the run is finished, says what the record says, and has its files."""
        if self.status != "FINISHED" or self.tags.get(MIRROR_TAG) != record.digest:
            return False
        names = [*record.artifacts, *(f"pictures/{path.name}" for path in record.pictures.values())]
        kept = [_parse_file_uri(self.artifacts) / name for name in names]
        if record.model is not None:
            kept.append(_parse_file_uri(self.model or "") / "MLmodel")
        return all(path.is_file() for path in kept)


def _query_synced_experiment(
    database: Path, artifacts: Path, experiment: str, records: Iterable[RunSpec]
) -> str | None:
    """Return the experiment's id if each record is in it exactly once, as it should be.

    `artifacts` is the folder where files have to be. None means: something is not as it should,
    or it cannot be told.
    """
    if not database.exists():
        return None
    try:
        with closing(sqlite3.connect(f"{database.as_uri()}?mode=ro", uri=True)) as store:
            if find_foreign_folders(store, artifacts.as_uri()):
                return None
            runs = list(_query_runs(store, experiment))
    except sqlite3.Error:
        return None
    return runs[0].experiment if all(_is_synced_once(runs, each) for each in records) else None


def _is_synced_once(runs: list[StoredRun], record: RunSpec) -> bool:
    active = [run for run in runs if RETIRED_TAG not in run.tags]
    same = [run for run in active if run.tags.get(record.tag) == record.key]
    return len(same) == 1 and same[0].is_mirror_of(record)


def _query_runs(store: sqlite3.Connection, experiment: str) -> Iterator[StoredRun]:
    found: dict[str, StoredRun] = {}
    rows = store.execute(RUNS_QUERY, (experiment, KEY_TAG, DATA_TAG, MIRROR_TAG, RETIRED_TAG))
    for id_, run_id, status, artifacts, model, key, value in rows:
        run = found.setdefault(run_id, StoredRun(str(id_), status, artifacts, model))
        run.tags[key] = value
    yield from found.values()


def _parse_file_uri(uri: str) -> Path:
    parts = urlsplit(uri)
    return Path(unquote(parts.path) if parts.scheme == "file" else uri)


MAX_PASSES = 10  # two, unless somebody else writes at the same time
MAX_PAUSE = 2.0  # seconds at most, by chance: else two that disturb each other go on in step


@dataclass
class _SyncOutcome:
    """The id of the experiment, and which runs are as they are by what was done."""

    experiment: str
    runs: dict[str, list[str]] = field(default_factory=dict)


def sync_runs(params: Params) -> None:
    """Make MLflow equal to the files, and print what that took.

    Raises DataError when a stage before `track` has not run, TrackingError when the store
    cannot be used.
    """
    where, name = find_location(), format_experiment_name(params)
    parent, runs = load_expected_runs(params)
    known = _find_synced_experiment(where, name, [parent, *runs])
    if known and not live.find_abandoned_runs(where):
        outcome = _SyncOutcome(known, {ALREADY_THERE: [run.title for run in runs]})
    else:
        outcome = _sync_store(where, name, parent, runs)
    print(_format_summary(where, name, outcome))


def _find_synced_experiment(where: StoreLocation, name: str, records: list[RunSpec]) -> str | None:
    """Return the experiment's id if a glance at the project's own store shows that all is there."""
    if where.database is None or where.artifacts is None:
        return None
    return _query_synced_experiment(where.database, where.artifacts, name, records)


def _sync_store(
    where: StoreLocation, name: str, parent: RunSpec, runs: list[RunSpec]
) -> _SyncOutcome:
    with convert_store_errors(where, PATIENT_LIMITS):
        store, source = open_store(where, name), read_provenance()
        if source.problem:
            print(
                "warning: what is tracked now cannot be reproduced, for its code is not known: "
                f"{source.problem}",
                file=sys.stderr,
            )
        with store.hold_lock():
            done = _repeat_until_stable(where, lambda: _sync_once(store, parent, runs, source))
            _end_abandoned_runs(store, where)
    outcome = _SyncOutcome(store.experiment)
    for run in runs:
        outcome.runs.setdefault(done[run.key], []).append(run.title)
    return outcome


def _repeat_until_stable(
    where: StoreLocation, once: Callable[[], dict[str, str]]
) -> dict[str, str]:
    """Return what was done to each record, by its key, in as many passes as it takes.

    The lock keeps no other project away that writes the same runs to the same server: two may
    make one run at once, and one of them then loses it. A second look finds what is left to do.
    """
    from mlflow.exceptions import MlflowException

    done: dict[str, str] = {}
    for left in reversed(range(MAX_PASSES if where.database is None else 1)):
        try:
            now = once()
        except MlflowException:
            if not left:
                raise
            where.check()
            time.sleep(random.uniform(0, MAX_PAUSE))  # noqa: S311 - no secret
            continue
        done = {
            key: done.get(key, what) if what == ALREADY_THERE else what for key, what in now.items()
        }
        if set(now.values()) == {ALREADY_THERE}:
            break
    return done


def _sync_once(
    store: Store, parent: RunSpec, runs: list[RunSpec], source: Provenance
) -> dict[str, str]:
    parent_id, done = reconcile_run(store, parent, source, None)
    made = {run.key: reconcile_run(store, run, source, parent_id)[1] for run in runs}
    return {parent.key: done, **made}


def _end_abandoned_runs(store: Store, where: StoreLocation) -> None:
    """End the runs whose training and follower died together: nobody else would."""
    for run_id, last in live.find_abandoned_runs(where).items():
        store.end(run_id, last)
        live.remove_abandoned_lock(where, run_id)


def _format_summary(where: StoreLocation, name: str, outcome: _SyncOutcome) -> str:
    lines = [f'MLflow: experiment "{name}" in {where.display_name}']
    lines += [f"  {done}: {', '.join(titles)}" for done, titles in outcome.runs.items()]
    if link := ui.format_experiment_link(where, outcome.experiment):
        lines.append(f"  look: {link}")
    return "\n".join(lines)
