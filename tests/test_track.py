"""What MLflow shows after `track`: real MLflow, a sqlite store, runs written by hand."""

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from mlflow.entities import Run
from PIL import Image

from stages import track
from stages.core import files
from stages.core.params import load
from tests.tracking_builder import (
    DIGEST,
    RUNS,
    build,
    client,
    curve,
    epoch_of,
    set_runs,
    tracked,
    write_run,
)


@pytest.fixture
def project(project: Path, empty_store: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give a project that is ready to be tracked, with two runs and an empty store."""
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.delenv("DVC_ROOT", raising=False)
    shutil.copy(empty_store, project / "mlflow.db")
    build()
    return project


def repaint(run: str) -> None:
    """Change the picture of a run."""
    Image.new("RGB", (40, 30), "red").save(files.folder("report", "runs", run, "confusion.png"))


def artifacts(run: Run, path: str | None = None) -> set[str]:
    """Return the names of a run's artifacts."""
    return {file.path for file in client().list_artifacts(run.info.run_id, path)}


def models() -> list[str]:
    """Return the ids of all logged models that are not deleted."""
    ids = [experiment.experiment_id for experiment in client().search_experiments()]
    return [model.model_id for model in client().search_logged_models(ids)]


def track_afresh() -> list[str]:
    """Track in a process of its own, as dvc does, and return the lines it prints."""
    command = [sys.executable, "-m", "stages", "track"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stderr == ""
    return done.stdout.splitlines()


@pytest.mark.usefixtures("project")
def test_each_run_is_mirrored_whole() -> None:
    """Parameters, curves, the kept model's metrics, files, data set and parent are in MLflow."""
    track.run(load())
    run, (parent,) = tracked()["early_stopped"], tracked("second_look.data").values()
    assert run.info.status == "FINISHED"
    expected = {"train.epochs": "10", "train.early_stopping.patience": "5", "split.seed": "17"}
    assert expected.items() <= run.data.params.items()
    assert curve(run, "validation/loss") == [(i, 1 / (i + 1)) for i in (1, 2, 3)]
    assert (run.data.metrics["test/accuracy"], run.data.metrics["kept_epoch"]) == (0.2, 2)
    assert {"run.json", "history.csv", "metrics.json"} <= artifacts(run)
    assert artifacts(run, "pictures") == {"pictures/confusion.png"}
    assert run.inputs.dataset_inputs[0].dataset.digest == DIGEST[:36]
    assert run.data.tags["second_look.dvc.stage"] == "train@early_stopped"
    assert run.data.tags["mlflow.parentRunId"] == parent.info.run_id
    assert parent.data.tags["second_look.data"] == DIGEST
    assert {"report.html", "leaderboard.csv", "facts.json"} <= artifacts(parent)


@pytest.mark.usefixtures("project")
def test_the_last_value_is_the_kept_models() -> None:
    """Where an earlier epoch was kept, one more point follows; else the curve is left alone."""
    track.run(load())
    stopped, whole = tracked()["early_stopped"], tracked()["unweighted"]
    epochs = [(i, epoch_of(i)["validation/accuracy"]) for i in (1, 2, 3)]
    assert curve(whole, "validation/accuracy") == epochs
    assert curve(whole, "validation/precision") == [(2, 0.5), (3, 0.5)]
    assert curve(stopped, "validation/accuracy") == [*epochs, (4, epochs[1][1])]
    assert str(stopped.data.metrics["validation/precision"]) == "nan"  # metrics.json says null


def test_a_second_time_does_nothing(project: Path) -> None:
    """With nothing new, the database stays the same bytes, and MLflow is not even imported."""
    track.run(load())
    before = (project / "mlflow.db").read_bytes()
    code = "import sys; from stages.__main__ import main; sys.argv[1:] = ['track']; main();"
    code += "print({'mlflow', 'tensorflow'} & set(sys.modules))"
    command = [sys.executable, "-c", code]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == (
        'MLflow: experiment "invented: 8 or not" in mlflow.db\n'
        "  already there: unweighted, early_stopped\n"
        "set()\n"
    )
    assert (project / "mlflow.db").read_bytes() == before


def test_a_new_picture_replaces_the_old(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A redrawn picture is exchanged in the same run, and is in the grid once."""
    track.run(load())
    before = tracked()["unweighted"].info.run_id
    repaint("unweighted")
    track.run(load())
    assert "brought up to date: unweighted" in capsys.readouterr().out
    run = tracked()["unweighted"]
    assert run.info.run_id == before
    (shown,) = (name for name in artifacts(run, "images") if name.endswith(".png"))
    stored = project / "mlruns" / before / "artifacts" / shown
    assert Image.open(stored).getpixel((0, 0)) == (255, 0, 0)


@pytest.mark.usefixtures("project")
def test_other_numbers_make_another_run() -> None:
    """A run whose curve contradicts the file is replaced: MLflow can add, not correct."""
    track.run(load())
    before = tracked()
    write_run(load(), "unweighted", scale=0.5)
    track.run(load())
    after = tracked()
    assert after["early_stopped"].info.run_id == before["early_stopped"].info.run_id
    assert after["unweighted"].info.run_id != before["unweighted"].info.run_id
    assert curve(after["unweighted"], "train/objective")[0] == (1, 0.5)
    assert len(models()) == len(RUNS)


@pytest.mark.usefixtures("project")
def test_people_may_add_to_a_run() -> None:
    """A metric and a tag that somebody added neither disturb nor get lost."""
    track.run(load())
    run_id = tracked()["unweighted"].info.run_id
    client().log_metric(run_id, "my_score", 1)
    client().set_tag(run_id, "reviewed", "yes")
    repaint("unweighted")
    track.run(load())
    run = tracked()["unweighted"]
    assert (run.info.run_id, run.data.metrics["my_score"]) == (run_id, 1)
    assert run.data.tags["reviewed"] == "yes"


def lose_artifacts() -> None:
    """Remove the artifacts alone; the database says that all is there."""
    shutil.rmtree("mlruns")


def delete_run() -> None:
    """Delete a run as a person does in the UI."""
    client().delete_run(tracked()["unweighted"].info.run_id)


def delete_experiment() -> None:
    """Delete the experiment as a person does in the UI."""
    client().delete_experiment(tracked()["unweighted"].info.experiment_id)


def leave_running() -> None:
    """Leave a run as a training does that lost its power."""
    client().update_run(tracked()["unweighted"].info.run_id, status="RUNNING")


def double() -> None:
    """Make a second run of the same key, as two computers do that start at once."""
    run = tracked()["unweighted"]
    tags = {"second_look.key": run.data.tags["second_look.key"]}
    client().create_run(run.info.experiment_id, tags=tags, run_name="twin")


@pytest.mark.parametrize(
    "harm", [lose_artifacts, delete_run, delete_experiment, leave_running, double]
)
@pytest.mark.usefixtures("project")
def test_what_is_wrong_is_put_right(harm: Callable[[], None]) -> None:
    """Whatever happened to the store, one more time has every run there, once, with its files."""
    track.run(load())
    harm()
    track.run(load())
    runs = tracked()
    assert sorted(runs) == ["early_stopped", "unweighted"]
    assert {run.info.status for run in runs.values()} == {"FINISHED"}
    for run in runs.values():
        assert curve(run, "validation/loss")[0] == (1, 0.5)
        assert "metrics.json" in artifacts(run)
    assert [
        files for files in map(client().list_logged_model_artifacts, models()) if not files
    ] == []


def test_a_moved_project_keeps_its_runs(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After the folder was moved, the same runs have their files at the new place."""
    track.run(load())
    before = tracked()["unweighted"].info.run_id
    moved = project.rename(project.with_name("moved, an odd # name"))
    monkeypatch.chdir(moved)
    assert track_afresh()[1:] == ["  already there: unweighted, early_stopped"]
    run = tracked()["unweighted"]
    assert run.info.run_id == before
    assert run.info.artifact_uri == f"{moved.as_uri()}/mlruns/{before}/artifacts"


@pytest.mark.usefixtures("project")
def test_entries_that_do_not_differ_are_one_run() -> None:
    """Two names of the same parameters have one key: one MLflow run, which bears both names."""
    params = set_runs({"unweighted": {}, "early_stopped": RUNS["early_stopped"], "again": {}})
    write_run(params, "again")
    track.run(params)
    runs = tracked()
    assert sorted(runs) == ["early_stopped", "unweighted, again"]
    assert runs["unweighted, again"].data.tags["second_look.names"] == "unweighted, again"


@pytest.mark.usefixtures("project")
def test_live_points_stay_and_the_rest_is_added() -> None:
    """A run that logged two epochs itself keeps them; only the others are added."""
    track.run(load())
    first = tracked()["unweighted"]
    asked, key = client(), first.data.tags["second_look.key"]
    asked.delete_run(first.info.run_id)
    tags = {"second_look.key": key}
    live = asked.create_run(first.info.experiment_id, tags=tags, run_name="unweighted")
    for epoch in (1, 2):
        asked.log_metric(live.info.run_id, "train/objective", 1 / epoch, step=epoch, timestamp=7)
    track.run(load())
    run = tracked()["unweighted"]
    assert run.info.run_id == live.info.run_id
    times = {
        p.step: p.timestamp for p in asked.get_metric_history(run.info.run_id, "train/objective")
    }
    assert sorted(times) == [1, 2, 3]
    assert times[1] == times[2] == 7
    assert curve(run, "train/objective") == [(i, epoch_of(i)["train/objective"]) for i in (1, 2, 3)]
