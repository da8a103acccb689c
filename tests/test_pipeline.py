"""The whole pipeline under the real dvc, with two short runs."""

import csv
import json
import shutil
from pathlib import Path

import pytest

from tests.mirror import assert_mirrored
from tests.pipeline_builder import build, change, commit, ran, run

FIRST = ["split", "preprocess", "train@unweighted", "evaluate@unweighted"]
LAST = ["compare", "report", "track"]


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a project whose pipeline has run once."""
    folder = build(tmp_path_factory.mktemp("pipeline") / "project")
    stages = ran(run(folder, "dvc", "repro"))
    assert set(stages) == {*FIRST, "train@weighted", "evaluate@weighted", *LAST}
    assert stages[-3:] == LAST
    commit(folder, "Finish")
    return folder


@pytest.fixture
def project(finished: Path, tmp_path: Path) -> Path:
    """Give a copy of the finished project, to change."""
    return Path(shutil.copytree(finished, tmp_path / "project", symlinks=True))


def tracked_runs(folder: Path) -> dict[str, list[float]]:
    """Return the validation loss curve of every run in MLflow, by name of the run."""
    code = (
        "import json, mlflow\n"
        "client = mlflow.MlflowClient('sqlite:///mlflow.db')\n"
        "ids = [e.experiment_id for e in client.search_experiments()]\n"
        "curves = {r.info.run_name: [m.value for m in\n"
        "    client.get_metric_history(r.info.run_id, 'validation/loss')]\n"
        "    for r in client.search_runs(ids)}\n"
        "print(json.dumps(curves))"
    )
    curves: dict[str, list[float]] = json.loads(run(folder, "python", "-c", code).splitlines()[-1])
    return {name: curve for name, curve in curves.items() if curve}


def test_second_repro_only_tracks(project: Path) -> None:
    """Nothing changed, so nothing runs but the tracking check."""
    assert ran(run(project, "dvc", "repro")) == ["track"]


def test_one_changed_run_runs_alone(project: Path) -> None:
    """Another number of epochs for one run trains and evaluates that run, and no other."""
    weighted = {"class_weight": "balanced", "epochs": 3}
    change(project, {"runs": {"unweighted": {}, "weighted": weighted}})
    assert ran(run(project, "dvc", "repro")) == ["train@weighted", "evaluate@weighted", *LAST]


def test_an_added_run_runs_alone(project: Path) -> None:
    """A new entry of `runs:` trains that run only."""
    runs = {"unweighted": {}, "weighted": {"class_weight": "balanced"}, "slow": {"epochs": 1}}
    change(project, {"runs": runs})
    assert ran(run(project, "dvc", "repro")) == ["train@slow", "evaluate@slow", *LAST]


def test_a_lost_database_comes_back(project: Path) -> None:
    """Without mlflow.db and mlruns, one repro brings every run and curve back, by track alone."""
    before = tracked_runs(project)
    (project / "mlflow.db").unlink()
    shutil.rmtree(project / "mlruns")
    assert ran(run(project, "dvc", "repro")) == ["track"]
    assert tracked_runs(project) == before
    assert sorted(before) == ["unweighted", "weighted"]
    assert all(len(curve) == 2 for curve in before.values())


def test_forced_repro_changes_no_byte(project: Path) -> None:
    """Every output made again is the same: dvc.lock, and with it git, sees no difference."""
    assert len(ran(run(project, "dvc", "repro", "--force"))) == 9
    assert run(project, "git", "status", "--porcelain") == ""


def test_outputs_hold_no_path(finished: Path) -> None:
    """No output of any stage names the folder it was made in."""
    for path in (finished / "data").rglob("*"):
        assert not path.is_file() or str(finished).encode() not in path.read_bytes(), path


def test_a_mistake_stops_with_one_line(project: Path) -> None:
    """A value that makes no sense is told in one line, and earlier outputs stay."""
    change(project, {"train": {"epochs": -3}})
    printed = run(project, "dvc", "repro", fails=True)
    assert "secondlook: params.yaml: train.epochs: found -3; expected" in printed
    assert "Traceback" not in printed


def test_metrics_and_plots_make_sense(project: Path) -> None:
    """Dvc's own views show both runs, and the difference that a change made."""
    shown = run(project, "dvc", "metrics", "show", "--md")
    assert "data/evaluate/weighted/metrics.json" in shown
    assert "test.log_loss" in shown
    assert "file://" in run(project, "dvc", "plots", "show")
    weighted = {"class_weight": "balanced", "epochs": 1}
    change(project, {"runs": {"unweighted": {}, "weighted": weighted}})
    run(project, "dvc", "repro")
    difference = run(project, "dvc", "metrics", "diff", "--md")
    assert "test.log_loss" in difference
    assert "data/evaluate/unweighted" not in difference
    assert "file://" in run(project, "dvc", "plots", "diff")


def test_experiments_are_compared(project: Path) -> None:
    """An experiment trains what it changes, and stands with its numbers beside the others."""
    setting = "train.epochs=1"
    printed = run(project, "dvc", "exp", "run", "--name", "short", "--set-param", setting)
    trained = {stage for stage in ran(printed) if stage.startswith("train")}
    assert trained == {"train@unweighted", "train@weighted"}
    rows = list(csv.DictReader(run(project, "dvc", "exp", "show", "--csv").splitlines()))
    epochs = [(row["Experiment"], row["train.epochs"]) for row in rows]
    assert sorted(epochs) == [("", "1"), ("", "2"), ("short", "1")]  # workspace, commit, and it
    assert all(row["data/evaluate/weighted/metrics.json:test.recall"] for row in rows)
    assert_mirrored(project)
