"""A store that is not as it should be is put right: real MLflow, a sqlite store."""

import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from secondlook.config.params import load_params
from secondlook.tracking import upload
from secondlook.tracking.provenance import Provenance
from secondlook.tracking.run_spec import MIRROR_TAG, RunSpec
from secondlook.tracking.stamp import STAMP_FILE
from secondlook.tracking.store import Store
from stages import track
from tests.support.project import commit_all, run_command
from tests.support.tracking import (
    find_runs,
    list_artifacts,
    list_model_ids,
    make_client,
    make_epoch_row,
    read_curve,
    track_in_subprocess,
)

pytestmark = pytest.mark.slow


def break_tag_quietly() -> None:
    """Write to the database as others do, while the file keeps its size, and its time."""
    database = Path("mlflow.db")
    told = database.stat()
    with closing(sqlite3.connect(database)) as store, store:
        store.execute("UPDATE tags SET value = 'a' WHERE key = 'second_look.mirror'")
    os.utime(database, ns=(told.st_atime_ns, told.st_mtime_ns))
    assert database.stat().st_size == told.st_size


if TYPE_CHECKING:
    from mlflow.entities import Run


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
    "harm",
    [break_tag_quietly, lose_artifacts, delete_run, delete_experiment, leave_running, double],
)
@pytest.mark.usefixtures("tracking_project")
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


def test_a_moved_project_keeps_its_runs(
    tracking_project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After the folder was moved, the same runs have their files at the new place."""
    run_command(tracking_project, "git", "init", "--quiet")
    commit_all(tracking_project, "Start")
    track.run(load_params())
    before = find_runs()["unweighted"].info.run_id
    moved = tracking_project.rename(tracking_project.with_name("moved, an odd # name"))
    monkeypatch.chdir(moved)
    assert track_in_subprocess()[1] == "  already there: unweighted, early_stopped"
    run = find_runs()["unweighted"]
    assert run.info.run_id == before
    assert run.info.artifact_uri == f"{moved.as_uri()}/mlruns/{before}/artifacts"


def test_a_copied_project_has_files_of_its_own(
    tracking_project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A copy does not lean on the files of the project that it was copied from."""
    track.run(load_params())
    copy = Path(
        shutil.copytree(tracking_project, tracking_project.with_name("copy"), symlinks=True)
    )
    monkeypatch.chdir(copy)
    track.run(load_params())
    run = find_runs()["unweighted"]
    assert run.info.artifact_uri == f"{copy.as_uri()}/mlruns/{run.info.run_id}/artifacts"


@pytest.mark.usefixtures("tracking_project")
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


def is_told_without_mlflow() -> bool:
    """Tell whether the next `track` leaves MLflow alone, in a process that does not have it."""
    code = "import sys; sys.modules['mlflow'] = None; sys.argv[1:] = ['track']; "
    command = [sys.executable, "-c", f"{code}from secondlook.commands.cli import main; main()"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    told = "already there: unweighted, early_stopped" in done.stdout
    assert told == (done.returncode == 0)
    assert told or "No module named 'mlflow" in done.stderr or "mlflow halted" in done.stderr
    return told


def lose_stamp() -> None:
    """Lose it, as a person does who clears .dvc/tmp."""
    STAMP_FILE.unlink()


def halve_stamp() -> None:
    """Leave half of it."""
    STAMP_FILE.write_text(STAMP_FILE.read_text()[:40])


def edit_by_others() -> None:
    """Tag a run, as a person does in the UI."""
    make_client().set_tag(find_runs()["unweighted"].info.run_id, "reviewed", "yes")


@pytest.mark.usefixtures("tracking_project")
def test_without_a_stamp_mlflow_is_asked_once() -> None:
    """That costs its seconds, and makes a new stamp."""
    track.run(load_params())
    for change in (lose_stamp, halve_stamp, edit_by_others):
        change()
        assert not is_told_without_mlflow()
        track.run(load_params())
    assert is_told_without_mlflow()


@pytest.mark.usefixtures("tracking_project")
def test_a_database_whose_counter_stands_still_is_never_trusted() -> None:
    """With a write-ahead log a commit moves neither counter nor time of the file."""
    with closing(sqlite3.connect("mlflow.db")) as store:
        store.execute("PRAGMA journal_mode = WAL")
    track.run(load_params())
    assert not STAMP_FILE.exists()


def test_a_project_that_takes_no_stamp_is_tracked(tracking_project: Path) -> None:
    """A stamp is worth no failure."""
    STAMP_FILE.mkdir(parents=True)
    track.run(load_params())
    track.run(load_params())
    assert sorted(find_runs()) == ["early_stopped", "unweighted"]
    assert not list(tracking_project.glob(".dvc/tmp/second_look/*.partial"))


@pytest.mark.usefixtures("tracking_project")
def test_a_run_that_somebody_else_began_to_write_is_written_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Two projects may write one run at once: whose files lie there in the end is not known."""
    whole = upload.log_files

    def be_overtaken(store: Store, run: "Run", record: RunSpec, source: Provenance) -> None:
        whole(store, run, record, source)
        store.client.set_tag(run.info.run_id, upload.WRITER_TAG, "somebody else")

    with monkeypatch.context() as meanwhile:
        meanwhile.setattr(upload, "log_files", be_overtaken)
        track.run(load_params())
    assert not any(MIRROR_TAG in run.data.tags for run in find_runs().values())
    track.run(load_params())
    for run in find_runs().values():
        assert MIRROR_TAG in run.data.tags
        assert upload.WRITER_TAG not in run.data.tags
