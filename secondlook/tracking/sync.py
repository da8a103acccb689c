"""All of data/ into MLflow, as often as one likes: what is there already is left alone.

Where MLflow was seen to have all of it, a stamp says in which state the project's own sqlite file
was then. While that and what data/ says are the same, MLflow need not be asked: it saves five
seconds. Whoever else writes to the file costs them once.
"""

import json
import random
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from secondlook.artifacts import files
from secondlook.config.errors import SecondLookError
from secondlook.config.params import Params
from secondlook.tracking import live, run_spec
from secondlook.tracking.expected import format_experiment_name, load_expected_runs
from secondlook.tracking.location import StoreLocation, find_location
from secondlook.tracking.provenance import NOTES_FOLDER, Provenance, read_provenance
from secondlook.tracking.run_spec import RunSpec
from secondlook.tracking.store import (
    PATIENT_LIMITS,
    Store,
    convert_store_errors,
    find_run,
    open_store,
)
from secondlook.tracking.upload import ALREADY_THERE, reconcile_run

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
    known = _find_stamped_experiment(where, name, [parent, *runs])
    if known and not live.find_abandoned_runs(where):
        outcome = _SyncOutcome(known, {ALREADY_THERE: [run.title for run in runs]})
    else:
        outcome = _sync_store(where, name, parent, runs)
    print(_format_summary(where, name, outcome))


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
            once = partial(_sync_once, store, parent, runs, source)
            done = _repeat_until_stable(where, once)
            _end_abandoned_runs(store, where)
            _stamp_if_current(where, name, store, [parent, *runs], once)
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
        run = find_run(store.client, run_id)
        if run and (run.info.status, run.info.lifecycle_stage) == ("RUNNING", "active"):
            store.client.set_terminated(run_id, "KILLED", last)
        live.remove_abandoned_lock(where, run_id)


def _format_summary(where: StoreLocation, name: str, outcome: _SyncOutcome) -> str:
    lines = [f'MLflow: experiment "{name}" in {where.display_name}']
    lines += [f"  {done}: {', '.join(titles)}" for done, titles in outcome.runs.items()]
    if link := run_spec.format_experiment_link(where, outcome.experiment):
        lines.append(f"  look: {link}")
    return "\n".join(lines)


STAMP_FILE = NOTES_FOLDER / "synced.stamp"
HEADER_BYTES, VERSION_BYTE, COUNTER_BYTES = 28, 18, slice(24, 28)  # of a sqlite file, as documented
ROLLBACK_JOURNAL = 1  # the version in which every commit moves the counter; with WAL none does


def _find_stamped_experiment(where: StoreLocation, name: str, records: list[RunSpec]) -> str | None:
    """Return the experiment's id if the stamp says that each record is in it, as it should be.

    None means: something is not as it was then, or it cannot be told.
    """
    try:
        stamp = files.read_json(where.root / STAMP_FILE)
        known = stamp["said"] == _describe_state(where, name, records)
        return str(stamp["id"]) if known and all(map(_is_file, stamp["files"])) else None
    except (OSError, ValueError, KeyError, TypeError):  # none, or half of one
        return None


def _describe_state(
    where: StoreLocation, name: str, records: list[RunSpec]
) -> dict[str, Any] | None:
    """Return what has to be as it was for MLflow to have all; None where that cannot be told."""
    if where.database is None or (state := _read_database_state(where.database)) is None:
        return None
    runs = {f"{record.tag} {record.key}": record.digest for record in records}
    return {"database": str(where.database), "state": state, "experiment": name, "runs": runs}


def _read_database_state(database: Path) -> list[int] | None:
    """Return size, time (ns) and change counter of a sqlite file; None where they tell nothing.

    Time alone moves in steps of milliseconds, and an update keeps the size: it is the counter
    that moves with every commit, whoever makes it. Reading, as `mlflow ui` does, leaves it.
    """
    with database.open("rb") as file:
        head = file.read(HEADER_BYTES)
    told = database.stat()
    if len(head) < HEADER_BYTES or head[VERSION_BYTE] != ROLLBACK_JOURNAL:
        return None
    return [told.st_size, told.st_mtime_ns, int.from_bytes(head[COUNTER_BYTES])]


def _stamp_if_current(
    where: StoreLocation,
    name: str,
    store: Store,
    records: list[RunSpec],
    once: Callable[[], dict[str, str]],
) -> None:
    """Note in which state of the file MLflow has all; what is written meanwhile is not stamped.

    A stamp is worth no failure: where there is none, MLflow is asked.
    """
    if where.database is None:
        return
    before = _describe_state(where, name, records)
    if before is None or set(once().values()) != {ALREADY_THERE}:
        return
    kept = [str(path) for record in records for path in _list_files(store, record)]
    stamp = {"said": before, "id": store.experiment, "files": kept}
    if before == _describe_state(where, name, records) and all(map(_is_file, kept)):
        with suppress(OSError, SecondLookError):
            text = json.dumps(stamp)
            files.write_atomically(where.root / STAMP_FILE, [text.encode()])


def _list_files(store: Store, record: RunSpec) -> Iterator[Path]:
    """Yield where MLflow keeps the files of a record: each has to be there."""
    run = store.find(record)
    if run is None:
        return
    folder = _parse_file_uri(run.info.artifact_uri)
    yield from (folder / name for name in record.artifacts)
    yield from (folder / "pictures" / path.name for path in record.pictures.values())
    for model in store.list_models(run):
        yield _parse_file_uri(model.artifact_location) / "MLmodel"


def _parse_file_uri(uri: str) -> Path:
    parts = urlsplit(uri)
    return Path(unquote(parts.path) if parts.scheme == "file" else uri)


def _is_file(path: str) -> bool:
    return Path(path).is_file()
