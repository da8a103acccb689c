"""A stamp says in which state the project's own sqlite file was when MLflow was seen to have all.

While that and what data/ says are the same, MLflow need not be asked: it saves five seconds.
Whoever else writes to the file costs them once. It is worth no failure: where there is none, MLflow
is asked.
"""

import json
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from secondlook.artifacts import files
from secondlook.config.errors import SecondLookError
from secondlook.tracking.location import StoreLocation
from secondlook.tracking.provenance import NOTES_FOLDER
from secondlook.tracking.run_spec import RunSpec
from secondlook.tracking.store import Store

STAMP_FILE = NOTES_FOLDER / "synced.stamp"
HEADER_BYTES, VERSION_BYTE, COUNTER_BYTES = 28, 18, slice(24, 28)  # of a sqlite file, as documented
ROLLBACK_JOURNAL = 1  # the version in which every commit moves the counter; with WAL none does
Expected = dict[str, list[RunSpec]]  # by the name of the experiment


def read_stamp(where: StoreLocation, expected: Expected) -> list[str] | None:
    """Return the experiments' ids if the stamp says that each record is in them, as it should be.

    None means: something is not as it was then, or it cannot be told.
    """
    try:
        stamp = files.read_json(where.root / STAMP_FILE)
        known = stamp["said"] == describe_state(where, expected)
        return (
            list(map(str, stamp["ids"])) if known and all(map(_is_file, stamp["files"])) else None
        )
    except (OSError, ValueError, KeyError, TypeError):  # none, or half of one
        return None


def describe_state(where: StoreLocation, expected: Expected) -> dict[str, Any] | None:
    """Return what has to be as it was for MLflow to have all; None where that cannot be told."""
    if where.database is None or (state := _read_database_state(where.database)) is None:
        return None
    runs = {
        name: {f"{record.tag} {record.key}": record.digest for record in records}
        for name, records in expected.items()
    }
    return {"database": str(where.database), "state": state, "runs": runs}


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


def write_stamp(
    where: StoreLocation, stores: Iterable[Store], expected: Expected, before: dict[str, Any]
) -> None:
    """Note that MLflow has all, as `describe_state` told it; what is written since is not stamped.

    stores: the experiments, in the order of `expected`.
    """
    pairs = list(zip(stores, expected.values(), strict=True))
    kept = [
        str(path)
        for store, records in pairs
        for record in records
        for path in _list_files(store, record)
    ]
    stamp = {"said": before, "ids": [store.experiment for store, _ in pairs], "files": kept}
    if before == describe_state(where, expected) and all(map(_is_file, kept)):
        with suppress(OSError, SecondLookError):
            text = json.dumps(stamp)
            files.write_atomically(where.root / STAMP_FILE, [text.encode()])


def _list_files(store: Store, record: RunSpec) -> Iterator[Path]:
    """Yield where MLflow keeps the files of a record: each has to be there."""
    run = None if record.numbers_only else store.find(record)
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
