"""Making an MLflow run equal to its RunSpec: what is there stays, what is missing is added.

Numbers, files, pictures, the data set and the model; and, beside what mirrors the files, a page
that `secondlook inspect` made.
"""

import json
import math
import secrets
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from secondlook.artifacts import files
from secondlook.artifacts.schema import check_artifact
from secondlook.config.errors import TrackingError
from secondlook.config.params import Params
from secondlook.tracking import provenance
from secondlook.tracking.expected import format_experiment_name
from secondlook.tracking.location import find_location
from secondlook.tracking.models import has_model, log_model
from secondlook.tracking.provenance import Provenance
from secondlook.tracking.run_spec import (
    DATA_TAG,
    KEY_TAG,
    MIRROR_TAG,
    DataSpec,
    MetricPoint,
    RunSpec,
)
from secondlook.tracking.store import (
    PARENT_TAG,
    PATIENT_LIMITS,
    Store,
    convert_store_errors,
    open_store,
)

if TYPE_CHECKING:
    from mlflow.entities import Run

ALREADY_THERE = "already there"
UPDATED = "brought up to date"
WRITER_TAG = "second_look.writer"  # while a run is being written: by whom
TAG_PREFIX = "second_look."  # tags of other names are MLflow's, or people's own
TOLERANCE = 1e-6  # relative and absolute: a number that was written to a file and read again


def reconcile_run(
    store: Store, record: RunSpec, source: Provenance, parent: str | None
) -> tuple[str, str]:
    """Return the id of the one run that now says what the record says, and what was done.

    That is "already there", "brought up to date" or "logged". `parent` is the id of the run
    above it.
    """
    run = store.find(record)
    if run is not None and is_current(store, run, record, parent):
        return run.info.run_id, ALREADY_THERE
    done = "logged" if run is None else UPDATED
    if run is not None and _contradicts(store, run, record):  # adding alone cannot make it right
        store.retire(run)
        run = None
    run = run or store.create(record, parent)
    tags = {**record.tags, **source.make_tags(), **({PARENT_TAG: parent} if parent else {})}
    # Another project may write the same run to the same server: who begins last has the say, and
    # whoever finds at the end that somebody began meanwhile leaves the run to be looked at again.
    writer = secrets.token_hex(8)
    store.client.set_tag(run.info.run_id, WRITER_TAG, writer)
    _upload_run(store, run, record, source)
    _finish_run(store, run, record, tags)
    if store.client.get_run(run.info.run_id).data.tags.get(WRITER_TAG) == writer:
        store.client.set_tag(run.info.run_id, MIRROR_TAG, record.digest)
        store.client.delete_tag(run.info.run_id, WRITER_TAG)
    return run.info.run_id, done


def is_current(store: Store, run: "Run", record: RunSpec, parent: str | None) -> bool:
    """Tell whether the run says what the record says, is below `parent`, and has its files."""
    found = (run.data.tags.get(MIRROR_TAG), run.data.tags.get(PARENT_TAG), run.info.status)
    if found != (record.digest, parent, record.status):
        return False
    if record.numbers_only:
        return True
    files = {file.path for file in store.client.list_artifacts(run.info.run_id)}
    complete = record.model is None or has_model(store, run, record.model)
    return complete and {*record.artifacts, *_list_folders(record)} <= files


def _list_folders(record: RunSpec) -> set[str]:
    """Return the folders that a run has beside its files."""
    return RENEWED_FOLDERS if record.pictures else RENEWED_FOLDERS - {"images", "pictures"}


def _contradicts(store: Store, run: "Run", record: RunSpec) -> bool:
    """Tell whether the run holds what the record does not say, or anything twice."""
    if any(run.data.params.get(key, text) != text for key, text in record.parameters.items()):
        return True
    wanted = {(p.key, p.step): p.value for p in record.points}
    logged = list_logged_points(store, run, record)
    once = len(logged) == len({(p.key, p.step) for p in logged})
    return not once or any(_differs(p.value, wanted.get((p.key, p.step))) for p in logged)


def _differs(value: float, wanted: float | None) -> bool:
    if wanted is None or math.isnan(value) or math.isnan(wanted):
        return wanted is None or math.isnan(value) != math.isnan(wanted)
    return not math.isclose(value, wanted, rel_tol=TOLERANCE, abs_tol=TOLERANCE)


def _finish_run(store: Store, run: "Run", record: RunSpec, tags: dict[str, str]) -> None:
    """End the run, and tag it; that it is complete is for the caller to say, as the last thing."""
    from mlflow.entities import RunTag

    run_id = run.info.run_id
    store.client.update_run(run_id, name=record.title)
    store.client.set_terminated(run_id, record.status, record.ended or run.info.start_time)
    for key in run.data.tags.keys() - tags.keys() - {record.tag, MIRROR_TAG, WRITER_TAG}:
        if key.startswith(TAG_PREFIX):
            store.client.delete_tag(run_id, key)
    store.client.log_batch(run_id, tags=[RunTag(*each) for each in tags.items()])


METRIC_PREFIXES = ("train/", "validation/", "test/")  # metrics of other names are people's own
RENEWED_FOLDERS = {"images", "pictures", "source"}  # made anew whenever a run is brought up to date
ENVIRONMENT_FILE = "environment.json"
LONGEST_DIGEST = 36  # characters of a data set's digest that MLflow has room for
POINTS_PER_REQUEST = 500  # points in one request


def _upload_run(store: Store, run: "Run", record: RunSpec, source: Provenance) -> None:
    """Log numbers, files, pictures, the data set and the model."""
    known = {(p.key, p.step) for p in list_logged_points(store, run, record)}
    missing = [p for p in record.points if (p.key, p.step) not in known]
    log_parameters(store, run, record.parameters)
    # The same time whoever logs them: MLflow keeps a point once that two computers log at once.
    log_points(store, run, missing, run.info.start_time)
    _log_data_set(store, run, record.data)
    if not record.numbers_only:
        log_files(store, run, record, source)
    if record.model is not None:
        log_model(store, run, record.model)


def list_logged_points(store: Store, run: "Run", record: RunSpec) -> list[MetricPoint]:
    """Return the points that the run has of our metrics."""
    ours = {p.key for p in record.points}
    return [
        MetricPoint(key, metric.step, metric.value)
        for key in run.data.metrics
        if key in ours or key.startswith(METRIC_PREFIXES)
        for metric in store.client.get_metric_history(run.info.run_id, key)
    ]


def log_parameters(store: Store, run: "Run", parameters: Mapping[str, str]) -> None:
    """Log the parameters that the run does not have yet."""
    from mlflow.entities import Param

    missing = sorted(parameters.items() - run.data.params.items())
    store.client.log_batch(run.info.run_id, params=[Param(*each) for each in missing])


def log_points(store: Store, run: "Run", points: Iterable[MetricPoint], time: int) -> None:
    """Log points as of `time`, in milliseconds."""
    from mlflow.entities import Metric

    metrics = [Metric(p.key, p.value, time, p.step) for p in points]
    for start in range(0, len(metrics), POINTS_PER_REQUEST):
        store.client.log_batch(run.info.run_id, metrics=metrics[start : start + POINTS_PER_REQUEST])


def _log_data_set(store: Store, run: "Run", data: DataSpec) -> None:
    from mlflow.entities import Dataset, DatasetInput, InputTag

    source = json.dumps({"uri": data.source}, ensure_ascii=False)
    shown = Dataset(data.name, data.digest[:LONGEST_DIGEST], "local", source, profile=data.profile)
    purpose = [InputTag("mlflow.data.context", "training")]
    store.client.log_inputs(run.info.run_id, [DatasetInput(shown, purpose)])


def log_files(store: Store, run: "Run", record: RunSpec, source: Provenance) -> None:
    """Log files, pictures, and what the run came from; what would pile up is removed before."""
    run_id: str = run.info.run_id
    _clear_folders(store, run)
    for path in record.artifacts.values():
        store.client.log_artifact(run_id, str(path))
    if record.environment is not None:  # else what is known from before stays
        store.client.log_dict(run_id, dict(record.environment), ENVIRONMENT_FILE)
    for name, path in record.pictures.items():
        store.client.log_artifact(run_id, str(path), "pictures")
        _log_to_grid(store, run_id, name, path)
    with tempfile.TemporaryDirectory() as folder:
        source.write(Path(folder))
        _remove_credentials(Path(folder))
        if record.tag == DATA_TAG:
            provenance.write_image_digests(Path(folder))
        store.client.log_artifacts(run_id, folder, "source")


def _remove_credentials(folder: Path) -> None:
    """Remove the credentials of the store from files that hold what people wrote."""
    address = find_location().uri_parts
    for file in folder.iterdir():
        text = file.read_bytes().decode(errors="surrogateescape")
        file.write_bytes(address.remove_credentials(text).encode(errors="surrogateescape"))


def _log_to_grid(store: Store, run_id: str, name: str, path: Path) -> None:
    """Log a picture by key and step: so the UI lays the runs' pictures side by side."""
    import mlflow

    store.client.log_image(run_id, mlflow.Image(str(path)), key=name, step=0)


def _clear_folders(store: Store, run: "Run") -> None:
    """Remove what would pile up: a picture in the grid has another file name every time."""
    from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

    there = {file.path for file in store.client.list_artifacts(run.info.run_id)}
    repository = get_artifact_repository(run.info.artifact_uri, store.client.tracking_uri)
    for folder in sorted(RENEWED_FOLDERS & there):
        repository.delete_artifacts(folder)


PAGES_FOLDER = "inspect"  # `track` leaves it alone


def attach_page(params: Params, run: str, page: Path) -> None:
    """Keep a file among the artifacts of the run `run`, under its own name in the folder inspect.

    Raises TrackingError when there is no store, the store cannot be used, or the run, as it lies
    in data/train, was never tracked.
    """
    where = find_location()
    if where.database is not None and not where.database.exists():
        raise TrackingError(
            f"MLflow at {where.display_name}: no such file; `secondlook track` makes it"
        )
    with check_artifact(files.stage_folder("train", run) / "run.json") as path:
        key = files.read_json(path)["key"]
    with convert_store_errors(where, PATIENT_LIMITS):
        store = open_store(where, format_experiment_name(params))
        found = store.find_by_tag(KEY_TAG, key)
        if not found:
            raise TrackingError(
                f"MLflow at {where.display_name}: {run} is not there; `secondlook track` brings it"
            )
        store.client.log_artifact(found[0].info.run_id, str(page), PAGES_FOLDER)
