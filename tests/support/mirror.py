"""Is what MLflow shows what is there? Asked file by file, without the code that wrote it."""

import csv
import json
import math
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from secondlook.tracking.location import format_sqlite_uri

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

TRAIN_FILES = ["run.json", "predictions.npz", "layers.json"]
METRIC_PREFIXES = ("train/", "validation/", "test/")


def make_client(folder: Path, uri: str | None = None) -> "MlflowClient":
    """Return MLflow at the URI; the default is what a bare `mlflow ui` in the folder shows."""
    from mlflow import MlflowClient
    from mlflow.tracking._tracking_service import utils

    # In one process MLflow takes a run's files to be where it saw them first, also after a move.
    utils._artifact_repos_cache.clear()  # noqa: SLF001 - there is no other way
    return MlflowClient(uri or format_sqlite_uri(folder / "mlflow.db"))


def find_runs_by_tag(asked: "MlflowClient", tag: str = "second_look.key") -> "dict[str, Run]":
    """Return the active runs with the tag by its value; one that is there twice is an error."""
    ids = [experiment.experiment_id for experiment in asked.search_experiments()]
    found = [run for run in asked.search_runs(ids) if tag in run.data.tags]
    once = {run.data.tags[tag]: run for run in found}
    assert len(once) == len(found), sorted(run.info.run_name for run in found)
    return once


def assert_mirrored(folder: Path, uri: str | None = None) -> dict[str, str]:
    """Check that each run of params.yaml is in MLflow once, whole and current; return their ids."""
    asked, entries = make_client(folder, uri), yaml.safe_load((folder / "params.yaml").read_text())
    facts = _read_json(folder / "data/preprocess/facts.json")
    parent = find_runs_by_tag(asked, "second_look.data")[facts["digest"]]
    _assert_same(asked, parent, folder / "data/report", ["report.html", "leaderboard.csv"])
    found = {name: _assert_run_mirrored(asked, folder, name) for name in entries["runs"]}
    for run in found.values():
        assert run.data.tags["mlflow.parentRunId"] == parent.info.run_id
    return {name: run.info.run_id for name, run in found.items()}


def list_epochs(folder: Path) -> list[str]:
    """Return the number of epochs of all runs of `weighted` that MLflow shows, in order."""
    found = [
        r for r in find_runs_by_tag(make_client(folder)).values() if r.info.run_name == "weighted"
    ]
    return sorted(r.data.params["train.epochs"] for r in found)


def list_steps(asked: "MlflowClient", run: "Run", key: str) -> list[int]:
    """Return the steps of a metric, in order."""
    return sorted(point.step for point in asked.get_metric_history(run.info.run_id, key))


def _assert_run_mirrored(asked: "MlflowClient", folder: Path, name: str) -> "Run":
    """Return the run, after a look at its state, numbers, files and model."""
    trained = _read_json(folder / "data/train" / name / "run.json")
    run = find_runs_by_tag(asked)[trained["key"]]
    assert run.info.status == "FINISHED"
    assert name in run.data.tags["second_look.names"].split(", ")
    assert run.data.params["train.epochs"] == str(trained["parameters"]["epochs"])
    _assert_curves(asked, run, folder / "data/train" / name / "history.csv")
    metrics = _read_json(folder / "data/evaluate" / name / "metrics.json")
    for key, value in metrics["test"].items():
        if value is not None:
            assert math.isclose(run.data.metrics[f"test/{key}"], value, rel_tol=1e-6)
    _assert_same(asked, run, folder / "data/train" / name, TRAIN_FILES)
    _assert_same(asked, run, folder / "data/evaluate" / name, ["metrics.json"])
    pictures = {path.name for path in (folder / "data/report/runs" / name).glob("*.png")}
    shown = asked.list_artifacts(run.info.run_id, "pictures")
    assert {Path(file.path).name for file in shown} == pictures
    _assert_model(asked, run, trained["weights_digest"])
    return run


def _assert_curves(asked: "MlflowClient", run: "Run", history: Path) -> None:
    """Each epoch is there once, with its value; one more point is the kept model's."""
    with history.open(newline="") as file:
        rows = list(csv.DictReader(file))
    for key in rows[0].keys() - {"epoch"}:
        wanted = {int(row["epoch"]): float(row[key]) for row in rows if row[key]}
        points = asked.get_metric_history(run.info.run_id, key)
        logged = {p.step: p.value for p in points if p.step <= len(rows)}
        assert len([p for p in points if p.step <= len(rows)]) == len(wanted), (key, points)
        for step, value in wanted.items():
            assert math.isclose(logged[step], value, rel_tol=1e-6, abs_tol=1e-9), (key, step)


def _assert_same(asked: "MlflowClient", run: "Run", folder: Path, names: list[str]) -> None:
    with tempfile.TemporaryDirectory() as fetched:
        for name in names:
            kept = asked.download_artifacts(run.info.run_id, name, fetched)
            assert Path(kept).read_bytes() == (folder / name).read_bytes(), name


def _assert_model(asked: "MlflowClient", run: "Run", weights: str) -> None:
    query = f"source_run_id = '{run.info.run_id}'"
    (model,) = asked.search_logged_models([run.info.experiment_id], query)
    assert model.tags["second_look.weights"] == weights
    kept = {file.path for file in asked.list_logged_model_artifacts(model.model_id)}
    assert {"MLmodel", "code", "data"} <= kept


def _read_json(path: Path) -> Any:  # noqa: ANN401 - JSON is whatever was written
    return json.loads(path.read_text(encoding="utf-8"))
