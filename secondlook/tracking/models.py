"""Logging a model so that `mlflow.pyfunc` loads it, without loading it here; finding it again.

MLflow's own Keras flavour would import TensorFlow and run the model to find its requirements;
ours are known: the loader is `secondlook.serving.pyfunc`, the code travels with the weights.
"""

import os
import shutil
import tempfile
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from modulefinder import ModuleFinder
from pathlib import Path
from typing import TYPE_CHECKING

from secondlook.artifacts.retraining_history import ServiceModel
from secondlook.config.errors import TrackingError
from secondlook.tracking.location import find_location
from secondlook.tracking.run_spec import KEY_TAG, NAMES_TAG, ModelSpec
from secondlook.tracking.store import PATIENT_LIMITS, RETIRED_TAG, Store, convert_store_errors

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run
    from mlflow.models import Model as MlflowModel
    from mlflow.models import ModelSignature

MODEL_NAME = "model"
WEIGHTS_TAG = "second_look.weights"
# What the loader and its imports need; the lock file holds more than a server wants to install.
PARTS_PATH = ("data", "parts")  # where a logged model holds what the loader is given
LOADER_MODULE = "secondlook.serving.pyfunc"
COLUMN_NOTES = {  # of the signature's inputs, which has no room for them
    "image": "a picture file's bytes; over HTTP in base64",
    "path": "a file in the folder that SECOND_LOOK_SERVED_FOLDER names for the server, or refused",
}
REQUIREMENTS = (
    "keras",
    "numpy",
    "pandas",
    "pillow",
    "pydantic",
    "ruamel.yaml",
    "scipy",
    "tensorflow",
)


def has_model(store: Store, run: "Run", model: ModelSpec) -> bool:
    """Tell whether the run has a model with these weights and its files, and none too many."""
    kept = _find_model(store, run, model)
    return kept is not None and not _list_surplus(store, run, kept)


def log_model(store: Store, run: "Run", model: ModelSpec) -> None:
    """Log the model, unless its weights are there already; others of the run are deleted.

    Others go last: of two projects that log the same model at once, one fails, and finds the
    other's when it tries again. One that a registered version points to stays.
    """
    kept = _find_model(store, run, model) or _log_files(store, run, model)
    for other in _list_surplus(store, run, kept):
        store.client.delete_logged_model(other)


def _list_surplus(store: Store, run: "Run", kept: str) -> list[str]:
    """Return the ids of the run's other models, less those that a registered version needs."""
    others = [each.model_id for each in store.list_models(run) if each.model_id != kept]
    of_run = f"runs:/{run.info.run_id}/"
    return [other for other in others if not store.is_registered(other, of_run)]


def _find_model(store: Store, run: "Run", model: ModelSpec) -> str | None:
    """Return the id of the oldest model that has these weights and its files."""
    same = _list_models_with_weights(store, run, model)
    return next((each for each in same if _has_files(store.client, each)), None)


def _list_models_with_weights(store: Store, run: "Run", model: ModelSpec) -> list[str]:
    """Return the ids of models that were logged whole with these weights, the oldest first."""
    found = sorted(store.list_models(run), key=lambda one: (one.creation_timestamp, one.model_id))
    ready = [each for each in found if each.status == "READY"]
    return [each.model_id for each in ready if each.tags.get(WEIGHTS_TAG) == model.digest]


def _has_files(client: "MlflowClient", model_id: str) -> bool:
    """Tell whether the files of a logged model are there, or only its entry."""
    return "MLmodel" in {file.path for file in client.list_logged_model_artifacts(model_id)}


def _log_files(store: Store, run: "Run", model: ModelSpec) -> str:
    """Return the id of the model, logged anew; one that has lost its files gets them back.

    A registered version may point to it: it answers again.
    """
    for lost in _list_models_with_weights(store, run, model):
        _upload_model_files(store, run.info.run_id, lost, model)
        return lost
    run = store.client.get_run(run.info.run_id)
    made = store.client.create_logged_model(
        store.experiment, MODEL_NAME, run.info.run_id, {WEIGHTS_TAG: model.digest}, run.data.params
    )
    _upload_model_files(store, run.info.run_id, made.model_id, model)
    _link_model_to_run(store, run, made.model_id, model)
    return str(made.model_id)


def _upload_model_files(store: Store, run_id: str, model_id: str, model: ModelSpec) -> None:
    """Write the model's files into the store, in the form that `mlflow.pyfunc` loads."""
    from mlflow.models import Model as Description

    described = Description(run_id=run_id, model_id=model_id, model_uuid=model_id)
    with tempfile.TemporaryDirectory() as folder:
        _save_model(described, model, Path(folder))
        store.client.log_model_artifacts(model_id, str(Path(folder, MODEL_NAME)))
    store.client.finalize_logged_model(model_id, "READY")


def _save_model(described: "MlflowModel", model: ModelSpec, folder: Path) -> None:
    import mlflow.pyfunc
    import pandas as pd

    parts = folder / PARTS_PATH[-1]
    parts.mkdir()
    for file in model.files:
        shutil.copy(file, parts)
    for source in _list_code(Path.cwd()):
        target = folder / os.path.relpath(source)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(source, target)
    mlflow.pyfunc.save_model(
        folder / MODEL_NAME,
        mlflow_model=described,
        loader_module=LOADER_MODULE,
        data_path=str(parts),
        code_paths=[str(folder / LOADER_MODULE.partition(".")[0])],
        signature=_build_signature(),
        input_example=pd.DataFrame({"image": [model.example]}),
        pip_requirements=[f"{name}=={version(name)}" for name in REQUIREMENTS],
        metadata={"classes": list(model.classes), "inputs": COLUMN_NOTES},
    )


@cache  # looked for once a process
def _list_code(_project: Path) -> list[str]:
    """Return the files of the loader and of what it imports of ours, but what is built in."""
    finder = ModuleFinder(path=["."])
    finder.run_script(f"{LOADER_MODULE.replace('.', '/')}.py")
    return [file for each in map(vars, finder.modules.values()) if (file := each["__file__"])]


def _build_signature() -> "ModelSignature":
    """Return the columns in, of which each row has one, and out; see `PyfuncModel.predict`."""
    from mlflow.models import ModelSignature
    from mlflow.types.schema import Array, ColSpec, DataType, Map, Schema

    text, number = DataType.string, DataType.double
    pictures = [
        ColSpec(DataType.binary, "image", required=False),
        ColSpec(text, "path", required=False),
    ]
    answers = [
        ColSpec(text, "answer", required=False),
        ColSpec(number, "probability", required=False),
        ColSpec(Map(number), "probabilities"),
        ColSpec(Array(text), "warnings"),
        ColSpec(text, "reason", required=False),
    ]
    return ModelSignature(Schema(pictures), Schema(answers))


def _link_model_to_run(store: Store, run: "Run", model_id: str, model: ModelSpec) -> None:
    """Show the run's metrics as the model's, and the model as the run's output."""
    from mlflow.entities import LoggedModelOutput, Metric

    run_id, of_model = run.info.run_id, []
    for key in sorted(run.data.metrics.keys() & set(model.metrics)):
        last = max(store.client.get_metric_history(run_id, key), key=lambda point: point.step)
        of_model.append(Metric(key, last.value, last.timestamp, last.step, model_id))
    store.client.log_batch(run_id, metrics=of_model)
    store.client.log_outputs(run_id, [LoggedModelOutput(model_id, model.epoch)])


@dataclass(frozen=True)
class Candidate:
    """A run's id, its entries of `runs:`, the digest of its weights, its logged model and files."""

    run: str
    names: str
    weights: str
    model_id: str | None
    source: str

    @property
    def model(self) -> ServiceModel:
        """Return which model this is, as the record of a retraining tells it."""
        return ServiceModel(name=self.names, run=self.run)


def find_candidate_by_key(key: str, weights: str) -> Candidate:
    """Return the tracked run of that key, with the model of those weights.

    Raises TrackingError where MLflow has no such run or model.
    """
    where = find_location()
    with convert_store_errors(where, PATIENT_LIMITS):
        from mlflow import MlflowClient

        client = MlflowClient(where.uri)
        ids = [each.experiment_id for each in client.search_experiments()]
        found = list(client.search_runs(ids, f"tags.`{KEY_TAG}` = '{key}'"))
        found.sort(key=lambda run: RETIRED_TAG in run.data.tags)  # that which mirrors the files
        models = [
            each for run in found if (each := _load_candidate(client, run.info.run_id, weights))
        ]
    if not models:
        raise where.build_error("the challenger is not there as it was trained here")
    return models[0]


def find_candidate_by_id(run_id: str) -> Candidate:
    """Return the tracked run with that id; TrackingError where it has no model."""
    where = find_location()
    with convert_store_errors(where, PATIENT_LIMITS):
        from mlflow import MlflowClient

        found = _load_candidate(MlflowClient(where.uri), run_id, None)
    if found is None:
        raise TrackingError(
            f"MLflow at {where.display_name}: the run {run_id} has no model; `secondlook track` "
            "adds that of a run in data/, else name another run"
        )
    return found


def _load_candidate(client: "MlflowClient", run_id: str, weights: str | None) -> Candidate | None:
    """Return the run and the model it has with these weights, or with any; None without one.

    A model whose files are gone is none.
    """
    run = client.get_run(run_id)
    query = f"source_run_id = '{run_id}'"
    for model in client.search_logged_models([run.info.experiment_id], query):
        digest = model.tags.get(WEIGHTS_TAG)
        wanted = digest and weights in (None, digest) and model.status == "READY"
        if wanted and _has_files(client, model.model_id):
            names = run.data.tags.get(NAMES_TAG, run.info.run_name)
            return Candidate(run_id, names, digest, model.model_id, model.artifact_location)
    return None
