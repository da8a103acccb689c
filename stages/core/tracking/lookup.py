"""A run that was tracked, found again by its id or name: what MLflow knows of it."""

import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING

from stages.core.errors import TrackingError
from stages.core.tracking.place import Place, place
from stages.core.tracking.record import DATA, KEY, MIRROR
from stages.core.tracking.store import PATIENT, told
from stages.core.validation import one_of

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

ID = re.compile("[0-9a-f]{32}")
FOLDER = "source"  # what the run came from; the artifacts beside it are what came out
SHOWN = 5  # runs or names of which an error tells
PAGE = 1000  # runs in one answer
GOING = ("RUNNING", "SCHEDULED")


@dataclass(frozen=True)
class Tracked:
    """One run: its id, title and names in params.yaml, its tags, and the folder of its files."""

    id: str
    title: str
    names: list[str]
    tags: Mapping[str, str]
    folder: Path


def look_up(wanted: str, folder: Path) -> Tracked:
    """Find the run with that id or name, in any experiment, and copy its files into `folder`.

    Nothing is written to the store. Raises TrackingError for no such run, a name that several
    have, one that is still going, or a store that cannot be used.
    """
    with opened() as (where, client):
        run = found(client, where, wanted)
        _download(client, run, folder)
    names = run.data.tags["second_look.names"].split(", ")
    return Tracked(run.info.run_id, run.info.run_name, names, run.data.tags, folder)


@contextmanager
def opened() -> "Iterator[tuple[Place, MlflowClient]]":
    """Give the store as it is, to be read; TrackingError where there is none to be used."""
    where = place()
    if where.database is not None and not where.database.exists():
        raise TrackingError(f"MLflow at {where.shown}: no such file; `dvc repro` makes it")
    with told(where, PATIENT):
        from mlflow import MlflowClient

        yield where, MlflowClient(where.uri)


def found(client: "MlflowClient", where: Place, wanted: str) -> "Run":
    """Return the finished run with that id or name; TrackingError as `look_up` says."""
    run = _by_id(client, where, wanted) if ID.fullmatch(wanted) else None
    run = run or _by_name(list(_ours(client)), where, wanted)
    _check(run, where)
    return run


def _by_id(client: "MlflowClient", where: Place, wanted: str) -> "Run":
    from mlflow.exceptions import MlflowException

    try:
        run = client.get_run(wanted)
    except MlflowException as error:
        if error.error_code != "RESOURCE_DOES_NOT_EXIST":
            raise
        raise _error(where, f"no run with the id {wanted}; `make ui` shows the ids") from None
    if run.info.lifecycle_stage != "active":
        raise _error(where, f"the run {wanted} was deleted; `mlflow runs restore` brings it back")
    return run


def _by_name(runs: "list[Run]", where: Place, wanted: str) -> "Run":
    """Return the only run of that name; a run that stands for several entries has all names."""
    named = [run for run in runs if wanted in _names(run)]
    if len(named) == 1:
        return named[0]
    if named:
        listed = "; ".join(f"{run.info.run_id} of {_begun(run)}" for run in named[:SHOWN])
        more = f" and {len(named) - SHOWN} older" if len(named) > SHOWN else ""
        raise _error(where, f"{len(named)} runs are named {wanted!r}; say which: {listed}{more}")
    raise _error(where, f"no run {wanted!r}; {_hint(wanted, runs)}")


def _hint(wanted: str, runs: "Iterable[Run]") -> str:
    names = sorted({name for run in runs for name in _names(run)})
    near = get_close_matches(wanted, names, n=1)
    if near:
        return f"did you mean {near[0]}?"
    return f"expected an id or {one_of(names[:SHOWN])}" if names else "`dvc repro` tracks runs"


def _names(run: "Run") -> set[str]:
    return {run.info.run_name, *run.data.tags.get("second_look.names", "").split(", ")}


def _begun(run: "Run") -> str:
    return f"{datetime.fromtimestamp(run.info.start_time / 1000, UTC):%Y-%m-%d %H:%M:%S}Z"


def _ours(client: "MlflowClient") -> "Iterator[Run]":
    """Yield the runs that the pipeline tracked, in all experiments, the newest first."""
    ids = [experiment.experiment_id for experiment in client.search_experiments()]
    token: str | None = ""
    while token is not None:
        query = f"tags.`{KEY}` != ''"
        page = client.search_runs(ids, query, max_results=PAGE, page_token=token or None)
        yield from page
        token = page.token or None


def _check(run: "Run", where: Place) -> None:
    """Raise TrackingError unless the run is one of a training that was tracked whole."""
    tags, status, named = run.data.tags, run.info.status, f"the run {run.info.run_id}"
    if DATA in tags:
        raise _error(where, f"{named} stands for a data set; give one of the runs below it")
    if KEY not in tags:
        raise _error(where, f"{named} was not tracked by this pipeline; give one that was")
    if status in GOING:
        raise _error(where, f"{named} is still going, since {_begun(run)}; wait for its end")
    if MIRROR not in tags:
        raise _error(
            where, f"{named} ({status}) was never tracked whole; `dvc repro` does that, if it can"
        )


def _download(client: "MlflowClient", run: "Run", folder: Path) -> None:
    """Copy what came out of the run and what it came from; pictures are not needed."""
    for kept in client.list_artifacts(run.info.run_id):
        if not kept.is_dir or kept.path == FOLDER:
            client.download_artifacts(run.info.run_id, kept.path, str(folder))


def _error(where: Place, told: str) -> TrackingError:
    return TrackingError(f"MLflow at {where.shown}: {told}")
