"""Logging a model so that `mlflow.pyfunc` loads it, without loading it here.

MLflow's own Keras flavour would import TensorFlow and run the model to find its requirements;
ours are known: the loader is `secondlook.serving.pyfunc`, the code travels with the weights.
"""

import os
import shutil
import tempfile
from importlib.metadata import version
from modulefinder import ModuleFinder
from pathlib import Path
from typing import TYPE_CHECKING

from secondlook.tracking.run_spec import ModelSpec
from secondlook.tracking.store import Store

if TYPE_CHECKING:
    from mlflow.entities import Run
    from mlflow.models import Model as MlflowModel
    from mlflow.models import ModelSignature

MODEL_NAME = "model"
WEIGHTS_TAG = "second_look.weights"
# What the loader and its imports need; the lock file holds more than a server wants to install.
PARTS_PATH = ("data", "parts")  # where a logged model holds what the loader is given
LOADER_MODULE = "secondlook.serving.pyfunc"
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
    """Tell whether the run has one model, with these weights and with its files."""
    return len(store.list_models(run)) == 1 and _find_model(store, run, model) is not None


def log_model(store: Store, run: "Run", model: ModelSpec) -> None:
    """Log the model, unless its weights are there already; others of the run are deleted.

    Others go last: of two projects that log the same model at once, one fails, and finds the
    other's when it tries again.
    """
    kept = _find_model(store, run, model) or _log_new_model(store, run, model)
    for other in store.list_models(run):
        if other.model_id != kept:
            store.client.delete_logged_model(other.model_id)


def _find_model(store: Store, run: "Run", model: ModelSpec) -> str | None:
    """Return the id of the oldest model that has these weights and its files."""
    for each in sorted(
        store.list_models(run), key=lambda one: (one.creation_timestamp, one.model_id)
    ):
        if each.tags.get(WEIGHTS_TAG) == model.digest and each.status == "READY":
            files = store.client.list_logged_model_artifacts(each.model_id)
            if "MLmodel" in {file.path for file in files}:
                return str(each.model_id)
    return None


def _log_new_model(store: Store, run: "Run", model: ModelSpec) -> str:
    """Return the id of the model, logged anew."""
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
    _copy_code(folder)
    mlflow.pyfunc.save_model(
        folder / MODEL_NAME,
        mlflow_model=described,
        loader_module=LOADER_MODULE,
        data_path=str(parts),
        code_paths=[str(folder / LOADER_MODULE.partition(".")[0])],
        signature=_build_signature(),
        input_example=pd.DataFrame({"image": [model.example]}),
        pip_requirements=[f"{name}=={version(name)}" for name in REQUIREMENTS],
        metadata={"classes": list(model.classes)},
    )


def _copy_code(folder: Path) -> None:
    """Copy the loader and what it imports of ours, as it lies in the project."""
    finder = ModuleFinder(path=["."])
    finder.run_script(f"{LOADER_MODULE.replace('.', '/')}.py")
    for module in finder.modules.values():
        if source := vars(module)["__file__"]:  # built-in modules have none
            target = folder / os.path.relpath(source)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(source, target)


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
