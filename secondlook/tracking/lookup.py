"""A run that was tracked, found again by its id or name: what MLflow knows of it, and its model."""

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING

from secondlook.config.errors import TrackingError
from secondlook.config.yaml_schema import format_choices
from secondlook.tracking.location import StoreLocation, find_location
from secondlook.tracking.models import MODEL_NAME, PARTS_PATH
from secondlook.tracking.run_spec import DATA_TAG, KEY_TAG, MIRROR_TAG
from secondlook.tracking.store import (
    MISSING_CODES,
    PATIENT_LIMITS,
    RETIRED_TAG,
    convert_store_errors,
    find_run,
)

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

RUN_ID = re.compile("[0-9a-f]{32}")
SOURCE_FOLDER = "source"  # what the run came from; the artifacts beside it are what came out
MOST_LISTED = 5  # runs or names of which an error tells
RUNS_PER_PAGE = 1000  # runs in one answer
RUNNING_STATES = ("RUNNING", "SCHEDULED")


@dataclass(frozen=True)
class TrackedRun:
    """One run: its id, title and names in params.yaml, its tags, and the folder of its files."""

    id: str
    title: str
    names: list[str]
    tags: Mapping[str, str]
    folder: Path


def look_up_run(wanted: str, folder: Path) -> TrackedRun:
    """Find the run with that id or name, in any experiment, and copy its files into `folder`.

    Nothing new is written to the store. Raises TrackingError for no such run, a name that several
    have, one that is still going, or a store that cannot be used.
    """
    with _open_for_reading() as (where, client):
        run = _find_run(client, where, wanted)
        _download_files(client, where, run, folder)
    names = run.data.tags["second_look.names"].split(", ")
    return TrackedRun(run.info.run_id, run.info.run_name, names, run.data.tags, folder)


@contextmanager
def _open_for_reading() -> "Iterator[tuple[StoreLocation, MlflowClient]]":
    """Give the store as it is, to be read; TrackingError where there is none to be used."""
    where = find_location()
    if where.database is not None and not where.database.exists():
        raise TrackingError(f"MLflow at {where.display_name}: no such file; `dvc repro` makes it")
    with convert_store_errors(where, PATIENT_LIMITS):
        from mlflow import MlflowClient

        yield where, MlflowClient(where.uri)


def _find_run(client: "MlflowClient", where: StoreLocation, wanted: str) -> "Run":
    """Return the finished run with that id or name; TrackingError as `look_up_run` says."""
    run = _find_by_id(client, where, wanted) if RUN_ID.fullmatch(wanted) else None
    run = run or _find_by_name(list(_list_tracked_runs(client)), where, wanted)
    _check_complete(run, where)
    return run


def _find_by_id(client: "MlflowClient", where: StoreLocation, wanted: str) -> "Run":
    run = find_run(client, wanted)
    if run is None:
        raise _build_error(where, f"no run with the id {wanted}; `make ui` shows the ids")
    if run.info.lifecycle_stage != "active":
        raise _build_error(
            where,
            f"the run {wanted} was deleted; `mlflow runs restore --run-id {wanted}` brings it back",
        )
    return run


def _find_by_name(runs: "list[Run]", where: StoreLocation, wanted: str) -> "Run":
    """Return the only run of that name; a run that stands for several entries has all names."""
    named = [run for run in runs if wanted in _list_names(run)]
    # What is only kept for a registered version is meant where no other has the name.
    named = [run for run in named if RETIRED_TAG not in run.data.tags] or named
    if len(named) == 1:
        return named[0]
    if named:
        listed = "; ".join(
            f"{run.info.run_id} of {_format_start(run)}" for run in named[:MOST_LISTED]
        )
        more = f" and {len(named) - MOST_LISTED} older" if len(named) > MOST_LISTED else ""
        raise _build_error(
            where, f"{len(named)} runs are named {wanted!r}; say which: {listed}{more}"
        )
    raise _build_error(where, f"no run {wanted!r}; {_suggest_name(wanted, runs)}")


def _suggest_name(wanted: str, runs: "Iterable[Run]") -> str:
    names = sorted({name for run in runs for name in _list_names(run)})
    near = get_close_matches(wanted, names, n=1)
    if near:
        return f"did you mean {near[0]}?"
    return (
        f"expected an id or {format_choices(names[:MOST_LISTED])}"
        if names
        else "`dvc repro` tracks runs"
    )


def _list_names(run: "Run") -> set[str]:
    return {run.info.run_name, *run.data.tags.get("second_look.names", "").split(", ")}


def _format_start(run: "Run") -> str:
    return f"{datetime.fromtimestamp(run.info.start_time / 1000, UTC):%Y-%m-%d %H:%M:%S}Z"


def _list_tracked_runs(client: "MlflowClient") -> "Iterator[Run]":
    """Yield the runs that the pipeline tracked, in all experiments, the newest first."""
    ids = [experiment.experiment_id for experiment in client.search_experiments()]
    token: str | None = ""
    while token is not None:
        query = f"tags.`{KEY_TAG}` != ''"
        page = client.search_runs(ids, query, max_results=RUNS_PER_PAGE, page_token=token or None)
        yield from page
        token = page.token or None


def _check_complete(run: "Run", where: StoreLocation) -> None:
    """Raise TrackingError unless the run is one of a training that was tracked whole."""
    tags, status, named = run.data.tags, run.info.status, f"the run {run.info.run_id}"
    if DATA_TAG in tags:
        raise _build_error(where, f"{named} stands for a data set; give one of the runs below it")
    if KEY_TAG not in tags:
        raise _build_error(where, f"{named} was not tracked by this pipeline; give one that was")
    if status in RUNNING_STATES:
        raise _build_error(
            where, f"{named} is still going, since {_format_start(run)}; wait for its end"
        )
    if MIRROR_TAG not in tags:
        raise _build_error(
            where, f"{named} ({status}) was never tracked whole; `dvc repro` does that, if it can"
        )


def _download_files(client: "MlflowClient", where: StoreLocation, run: "Run", folder: Path) -> None:
    """Copy what came out of the run and what it came from; pictures are not needed."""
    listed = list(client.list_artifacts(run.info.run_id))
    if SOURCE_FOLDER not in {each.path for each in listed}:
        lost = f"the files of the run {run.info.run_id} are gone from there"
        raise _build_error(where, f"{lost}; `secondlook track` brings back those of a run in data/")
    for kept in listed:
        if not kept.is_dir or kept.path == SOURCE_FOLDER:
            client.download_artifacts(run.info.run_id, kept.path, str(folder))


def _build_error(where: StoreLocation, told: str) -> TrackingError:
    return TrackingError(f"MLflow at {where.display_name}: {told}")


URI_VARIABLE = "MLFLOW_TRACKING_URI"
MODEL_SCHEMES = ("models:/", "runs:/")


def fetch_model(wanted: str, folder: Path) -> Path:
    """Copy the model into `folder`; return where its network, facts and operating point lie.

    wanted: a run's id or name, or an address as `models:/name@alias` or `models:/name/3`. Raises
    TrackingError for no such run or model, or one that was not logged by this pipeline.
    """
    with _open_for_reading() as (where, client):
        address = wanted
        if not wanted.startswith(MODEL_SCHEMES):
            address = f"runs:/{_find_run(client, where, wanted).info.run_id}/{MODEL_NAME}"
        found = download_model(where, address, folder)
    if found is None:
        raise _build_error(where, f"{wanted}: {_suggest_model(wanted)}")
    path = found.joinpath(*PARTS_PATH)
    if not (path / "operating.json").exists():
        told = f"{wanted}: no model of this version of Second Look; `dvc repro` logs the runs of"
        promoted = ", and `secondlook promote RUN` puts one into service"
        served = promoted if wanted.startswith(MODEL_SCHEMES) else ""
        raise _build_error(where, f"{told} the workspace{served}")
    return path


def _suggest_model(wanted: str) -> str:
    """Return what to do about a model that is not there, and may have been."""
    gone = "no such model, or its files are gone from there (as by `mlflow gc`)"
    if wanted.startswith(MODEL_SCHEMES):
        return (
            f"{gone}; `secondlook promote RUN` puts another run into service, `secondlook predict "
            "--run NAME` asks one of the workspace"
        )
    return f"{gone}; `secondlook track` brings back that of a run in data/"


def download_model(where: StoreLocation, address: str, folder: Path) -> Path | None:
    """Copy a logged model into a folder; None where the store answers, and has no files of it.

    Use it inside `convert_store_errors`.
    """
    from mlflow.artifacts import download_artifacts

    if not has_model_files(where, address):
        return None
    folder.mkdir(parents=True, exist_ok=True)
    with _set_default_store(where):
        target = {"dst_path": str(folder), "tracking_uri": where.uri}
        return Path(download_artifacts(artifact_uri=address, **target))


def has_model_files(where: StoreLocation, address: str) -> bool:
    """Tell whether the files of a model are there; inside `convert_store_errors`."""
    from mlflow.artifacts import list_artifacts
    from mlflow.exceptions import MlflowException

    try:
        with _set_default_store(where):
            listed = list_artifacts(artifact_uri=address, tracking_uri=where.uri)
            return "MLmodel" in {Path(file.path).name for file in listed}
    except MlflowException as error:
        if error.error_code in MISSING_CODES:
            return False
        raise


@contextmanager
def _set_default_store(where: StoreLocation) -> Iterator[None]:
    """Let MLflow resolve addresses in this store for a while, registry and all."""
    before = os.environ.get(URI_VARIABLE)
    os.environ[URI_VARIABLE] = where.uri
    try:
        yield
    finally:
        del os.environ[URI_VARIABLE]
        os.environ.update({} if before is None else {URI_VARIABLE: before})
