"""Adding to an MLflow run what its record has and it has not."""

import json
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from stages.core.tracking import held
from stages.core.tracking.models import log_model
from stages.core.tracking.place import place
from stages.core.tracking.provenance import Provenance
from stages.core.tracking.record import DATA, DataSet, Point, Record
from stages.core.tracking.store import Store

if TYPE_CHECKING:
    from mlflow.entities import Run

OURS = ("train/", "validation/", "test/")  # metrics of other names are people's own
FOLDERS = {"images", "pictures", "source"}  # made anew whenever a run is brought up to date
ENVIRONMENT = "environment.json"
DIGEST = 36  # characters of a data set's digest that MLflow has room for
BATCH = 500  # points in one request


def write(store: Store, run: "Run", record: Record, source: Provenance) -> None:
    """Log numbers, files, pictures, the data set and the model."""
    known = {(p.key, p.step) for p in logged(store, run, record)}
    missing = [p for p in record.points if (p.key, p.step) not in known]
    add_parameters(store, run, record.parameters)
    # The same time whoever logs them: MLflow keeps a point once that two computers log at once.
    add_points(store, run, missing, run.info.start_time)
    _add_data_set(store, run, record.data)
    _add_files(store, run, record, source)
    if record.model is not None:
        log_model(store, run, record.model)


def logged(store: Store, run: "Run", record: Record) -> list[Point]:
    """Return the points that the run has of our metrics."""
    ours = {p.key for p in record.points}
    return [
        Point(key, metric.step, metric.value)
        for key in run.data.metrics
        if key in ours or key.startswith(OURS)
        for metric in store.client.get_metric_history(run.info.run_id, key)
    ]


def add_parameters(store: Store, run: "Run", parameters: Mapping[str, str]) -> None:
    """Log the parameters that the run does not have yet."""
    from mlflow.entities import Param

    missing = sorted(parameters.items() - run.data.params.items())
    store.client.log_batch(run.info.run_id, params=[Param(*each) for each in missing])


def add_points(store: Store, run: "Run", points: Iterable[Point], time: int) -> None:
    """Log points as of `time`, in milliseconds."""
    from mlflow.entities import Metric

    metrics = [Metric(p.key, p.value, time, p.step) for p in points]
    for start in range(0, len(metrics), BATCH):
        store.client.log_batch(run.info.run_id, metrics=metrics[start : start + BATCH])


def _add_data_set(store: Store, run: "Run", data: DataSet) -> None:
    from mlflow.entities import Dataset, DatasetInput, InputTag

    source = json.dumps({"uri": data.source}, ensure_ascii=False)
    shown = Dataset(data.name, data.digest[:DIGEST], "local", source, profile=data.profile)
    purpose = [InputTag("mlflow.data.context", "training")]
    store.client.log_inputs(run.info.run_id, [DatasetInput(shown, purpose)])


def _add_files(store: Store, run: "Run", record: Record, source: Provenance) -> None:
    run_id: str = run.info.run_id
    _clear(store, run)
    for path in record.artifacts.values():
        store.client.log_artifact(run_id, str(path))
    if record.environment is not None:  # else what is known from before stays
        store.client.log_dict(run_id, dict(record.environment), ENVIRONMENT)
    for name, path in record.pictures.items():
        store.client.log_artifact(run_id, str(path), "pictures")
        _add_to_grid(store, run_id, name, path)
    with tempfile.TemporaryDirectory() as folder:
        source.write(Path(folder))
        _strike_out(Path(folder))
        if record.tag == DATA:
            held.write(Path(folder))
        store.client.log_artifacts(run_id, folder, "source")


def _strike_out(folder: Path) -> None:
    """Remove the credentials of the store from files that hold what people wrote."""
    address = place().address
    for file in folder.iterdir():
        text = file.read_bytes().decode(errors="surrogateescape")
        file.write_bytes(address.struck_out(text).encode(errors="surrogateescape"))


def _add_to_grid(store: Store, run_id: str, name: str, path: Path) -> None:
    """Log a picture by key and step: so the UI lays the runs' pictures side by side."""
    import mlflow

    store.client.log_image(run_id, mlflow.Image(str(path)), key=name, step=0)


def _clear(store: Store, run: "Run") -> None:
    """Remove what would pile up: a picture in the grid has another file name every time."""
    from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

    there = {file.path for file in store.client.list_artifacts(run.info.run_id)}
    repository = get_artifact_repository(run.info.artifact_uri, store.client.tracking_uri)
    for folder in sorted(FOLDERS & there):
        repository.delete_artifacts(folder)
