"""A small project as the stages before `track` leave it, written by hand, and asking MLflow."""

import math
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from secondlook.artifacts import files
from secondlook.config.params import Params, load_params
from secondlook.tracking import models
from secondlook.tracking.location import find_location, format_sqlite_uri
from secondlook.tracking.registry import CHAMPION, RegisteredVersion, Registry
from secondlook.training.environment import compute_run_key
from tests.support.datasets import make_dataset_card
from tests.support.project import edit_params, link_code
from tests.support.results import make_run_json

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

DATA_DIGEST = "d" * 64
TRACKED_RUNS: dict[str, dict[str, Any]] = {
    "unweighted": {},
    "early_stopped": {"early_stopping": {"monitor": "validation/loss", "patience": 5}},
}

MODEL = "digits-8-or-not"  # as the registry calls it
IMAGES = "id,label,split,digest\n1.png,8,train,00000000000000ff00\n"


def write_trackable_project(runs: Mapping[str, Mapping[str, Any]] = TRACKED_RUNS) -> Params:
    """Fill the current folder, which holds params.yaml and dvc.yaml."""
    link_code(Path())
    params = set_runs(runs)
    _write_dataset_card()
    for name in runs:
        write_run(params, name)
    with files.create_output("report") as folder:
        (folder / "report.html").write_text("<html>the report</html>")
        (folder / "leaderboard.csv").write_text("run\n")
        for name in runs:
            (folder / "runs" / name).mkdir(parents=True)
            Image.new("RGB", (40, 30)).save(folder / "runs" / name / "confusion.png")
    return params


def set_runs(runs: Mapping[str, Mapping[str, Any]]) -> Params:
    """Replace `runs:` in params.yaml."""
    edit_params(Path(), {"runs": dict(runs), "report": {"reference": next(iter(runs))}})
    return load_params()


def set_live_after(seconds: float) -> Params:
    """Set `track.live_after` in params.yaml."""
    edit_params(Path(), {"track": {"live_after": seconds}})
    return load_params()


def make_epoch_numbers(epoch: int) -> dict[str, float]:
    """Return the numbers of an epoch as `train` hands them over: an undefined one is NaN."""
    return {key: math.nan if value == "" else value for key, value in make_epoch_row(epoch).items()}


def _write_dataset_card() -> None:
    counts = {"train": {"not 8": 6, "8": 2}, "validation": {"not 8": 3, "8": 1}}
    counts["test"] = counts["validation"]
    told = {"shape": [12, 12, 1], "digest": DATA_DIGEST}
    facts = make_dataset_card(["not 8", "8"], counts, "8", **told)
    with files.create_output("preprocess") as folder:
        files.write_json(folder / "facts.json", facts.model_dump())
        np.save(folder / "test-00000.npy", np.zeros((4, 12, 12, 1), np.uint8))


def write_run(params: Params, name: str, *, epochs: int = 3, scale: float = 1.0) -> None:
    """Write data/train and data/evaluate of a run that kept the epoch before the last.

    Every number is `scale` times a known one. A run without early stopping keeps its last epoch.
    """
    train = params.run(name)
    kept = epochs - 1 if train.early_stopping else epochs
    history = [make_epoch_row(number, scale) for number in range(1, epochs + 1)]
    with files.create_output("train", name) as folder:
        rows = [{"epoch": i, **row} for i, row in enumerate(history, start=1)]
        files.write_csv(folder / "history.csv", rows[0], rows)
        (folder / "model.json").write_text("{}")
        (folder / "model.weights.h5").write_bytes(name.encode())
        np.savez(folder / "typical.npz", allow_pickle=False, none=np.zeros(0))
        np.savez(folder / "predictions.npz", allow_pickle=False, test=np.zeros((4, 2)))
        files.write_json(folder / "layers.json", {"layers": []})
        outcome = make_run_json(
            name,
            train.model_dump(),
            key=compute_run_key(params, name),
            epochs=epochs,
            kept_epoch=kept,
            data=DATA_DIGEST,
            weights_digest=f"{name} {scale}",
        )
        files.write_json(folder / "run.json", outcome)
    scalars = {"accuracy": scale * kept / 10, "log_loss": 0.3, "precision": None}
    with files.create_output("evaluate", name) as folder:
        files.write_json(folder / "metrics.json", {"validation": scalars, "test": scalars})
        files.write_json(folder / "details.json", {"validation": {}, "test": {}})
        files.write_json(folder / "operating.json", None)


def make_epoch_row(epoch: int, scale: float = 1.0) -> dict[str, Any]:
    """Return the numbers of an epoch as history.csv has them; the first has no precision."""
    return {
        "train/objective": scale / epoch,
        "validation/loss": scale / (epoch + 1),
        "validation/accuracy": scale * epoch / 10,
        "validation/precision": "" if epoch == 1 else 0.5,
    }


def make_client() -> "MlflowClient":
    """Return MLflow as a bare `mlflow ui` in the current folder would see it."""
    from mlflow import MlflowClient

    return MlflowClient(
        os.environ.get("MLFLOW_TRACKING_URI") or format_sqlite_uri(Path("mlflow.db").resolve())
    )


def find_runs(tag: str = "second_look.key") -> "dict[str, Run]":
    """Return the active runs that have the tag, by name; a name that occurs twice is an error.

    Those that the mirror only keeps for a registered version are left out.
    """
    asked = make_client()
    ids = [experiment.experiment_id for experiment in asked.search_experiments()]
    runs = [run for run in asked.search_runs(ids) if tag in run.data.tags]
    runs = [run for run in runs if "second_look.retired" not in run.data.tags]
    found = {run.info.run_name: run for run in runs}
    assert len(found) == len(runs)
    return found


def read_curve(run: "Run", key: str) -> list[tuple[int, float]]:
    """Return the points (step, value) of a metric, in the order of steps."""
    history = make_client().get_metric_history(run.info.run_id, key)
    return sorted((point.step, point.value) for point in history)


def wait_for_run(condition: "Callable[[Run], bool]") -> "Run":
    """Return the run `unweighted` once it is there and meets the condition."""
    deadline = time.monotonic() + 90
    while time.monotonic() < deadline:
        run = find_runs().get("unweighted")
        if run is not None and condition(run):
            return run
        time.sleep(0.2)
    return pytest.fail("MLflow never showed it")


def redraw_confusion(run: str) -> None:
    """Change the picture of a run."""
    Image.new("RGB", (40, 30), "red").save(
        files.stage_folder("report", "runs", run, "confusion.png")
    )


def list_artifacts(run: "Run", path: str | None = None) -> set[str]:
    """Return the names of a run's artifacts."""
    return {file.path for file in make_client().list_artifacts(run.info.run_id, path)}


def list_model_ids() -> list[str]:
    """Return the ids of all logged models that are not deleted."""
    ids = [experiment.experiment_id for experiment in make_client().search_experiments()]
    return [model.model_id for model in make_client().search_logged_models(ids)]


def track_in_subprocess() -> list[str]:
    """Track in a process of its own, as dvc does, and return the lines it prints."""
    command = [sys.executable, "-m", "stages", "track"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stderr == ""
    return done.stdout.splitlines()


def put_into_service(name: str) -> RegisteredVersion:
    """Promote the run of that name in the workspace."""
    run = files.read_json(files.stage_folder("train", name, "run.json"))
    registry = Registry(MODEL)
    candidate = models.find_candidate_by_key(run["key"], run["weights_digest"])
    registry.promote(registry.register(candidate, {}))
    found = registry.find_version(CHAMPION)
    assert found is not None
    return found


def empty_bin() -> None:
    """Run `mlflow gc`, as a routine does."""
    from mlflow.cli import gc

    uri = find_location().uri
    done = CliRunner().invoke(
        gc, ["--backend-store-uri", uri], env={"MLFLOW_TRACKING_URI": uri}, catch_exceptions=False
    )
    assert done.exit_code == 0


def find_model(run: str) -> str:
    """Return the id of a run's logged model."""
    listed = map(make_client().get_logged_model, list_model_ids())
    return next(str(model.model_id) for model in listed if model.source_run_id == run)
