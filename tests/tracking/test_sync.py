"""A store that is not as it should be is put right: real MLflow, a sqlite store."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from secondlook.config.params import load_params
from stages import track
from tests.support.tracking import (
    find_runs,
    list_artifacts,
    list_model_ids,
    make_client,
    make_epoch_row,
    read_curve,
    track_in_subprocess,
)


def lose_artifacts() -> None:
    """Remove the artifacts alone; the database says that all is there."""
    shutil.rmtree("mlruns")


def delete_run() -> None:
    """Delete a run as a person does in the UI."""
    make_client().delete_run(find_runs()["unweighted"].info.run_id)


def delete_experiment() -> None:
    """Delete the experiment as a person does in the UI."""
    make_client().delete_experiment(find_runs()["unweighted"].info.experiment_id)


def leave_running() -> None:
    """Leave a run as a training does that lost its power."""
    make_client().update_run(find_runs()["unweighted"].info.run_id, status="RUNNING")


def double() -> None:
    """Make a second run of the same key, as two computers do that start at once."""
    run = find_runs()["unweighted"]
    tags = {"second_look.key": run.data.tags["second_look.key"]}
    make_client().create_run(run.info.experiment_id, tags=tags, run_name="twin")


@pytest.mark.parametrize(
    "harm", [lose_artifacts, delete_run, delete_experiment, leave_running, double]
)
@pytest.mark.usefixtures("trackable")
def test_what_is_wrong_is_put_right(harm: Callable[[], None]) -> None:
    """Whatever happened to the store, one more time has every run there, once, with its files."""
    track.run(load_params())
    harm()
    track.run(load_params())
    runs = find_runs()
    assert sorted(runs) == ["early_stopped", "unweighted"]
    assert {run.info.status for run in runs.values()} == {"FINISHED"}
    for run in runs.values():
        assert read_curve(run, "validation/loss")[0] == (1, 0.5)
        assert "metrics.json" in list_artifacts(run)
    assert [
        files
        for files in map(make_client().list_logged_model_artifacts, list_model_ids())
        if not files
    ] == []


def test_a_moved_project_keeps_its_runs(trackable: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After the folder was moved, the same runs have their files at the new place."""
    track.run(load_params())
    before = find_runs()["unweighted"].info.run_id
    moved = trackable.rename(trackable.with_name("moved, an odd # name"))
    monkeypatch.chdir(moved)
    assert track_in_subprocess()[1] == "  already there: unweighted, early_stopped"
    run = find_runs()["unweighted"]
    assert run.info.run_id == before
    assert run.info.artifact_uri == f"{moved.as_uri()}/mlruns/{before}/artifacts"


def test_a_copied_project_has_files_of_its_own(
    trackable: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A copy does not lean on the files of the project that it was copied from."""
    track.run(load_params())
    copy = Path(shutil.copytree(trackable, trackable.with_name("copy"), symlinks=True))
    monkeypatch.chdir(copy)
    track.run(load_params())
    run = find_runs()["unweighted"]
    assert run.info.artifact_uri == f"{copy.as_uri()}/mlruns/{run.info.run_id}/artifacts"


@pytest.mark.usefixtures("trackable")
def test_live_points_stay_and_the_rest_is_added() -> None:
    """A run that logged two epochs itself keeps them; only the others are added."""
    track.run(load_params())
    first = find_runs()["unweighted"]
    asked, key = make_client(), first.data.tags["second_look.key"]
    asked.delete_run(first.info.run_id)
    tags = {"second_look.key": key}
    live = asked.create_run(first.info.experiment_id, tags=tags, run_name="unweighted")
    for epoch in (1, 2):
        asked.log_metric(live.info.run_id, "train/objective", 1 / epoch, step=epoch, timestamp=7)
    track.run(load_params())
    run = find_runs()["unweighted"]
    assert run.info.run_id == live.info.run_id
    times = {
        p.step: p.timestamp for p in asked.get_metric_history(run.info.run_id, "train/objective")
    }
    assert sorted(times) == [1, 2, 3]
    assert times[1] == times[2] == 7
    assert read_curve(run, "train/objective") == [
        (i, make_epoch_row(i)["train/objective"]) for i in (1, 2, 3)
    ]
