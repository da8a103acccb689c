"""What dvc does beside `dvc repro`: whatever it is, MLflow shows what is there, once."""

import shutil
import time
from pathlib import Path

import pytest

from secondlook.tracking import store
from tests.support.mirror import assert_mirrored, find_runs_by_tag, list_epochs, make_client
from tests.support.project import commit_all, list_stages_run, run_command

TRACKED_ALONE = ["track"]


@pytest.fixture
def tracked(project_copy: Path) -> Path:
    """Give a copy of the finished project that has the files in MLflow of its own."""
    store.relocate_artifacts(project_copy / "mlflow.db", project_copy / "mlruns")
    return project_copy


def read_tracked_curves(folder: Path) -> dict[str, list[float]]:
    """Return the validation loss curve of every run in MLflow, by name of the run."""
    asked = make_client(folder)
    curves = {
        str(run.info.run_name): [
            point.value for point in asked.get_metric_history(run.info.run_id, "validation/loss")
        ]
        for run in find_runs_by_tag(asked).values()
    }
    return {name: curve for name, curve in curves.items() if curve}


def test_a_pull_on_another_clone_brings_the_runs(project_copy: Path) -> None:
    """What was computed elsewhere and pulled is in the clone's own MLflow, and nothing is run."""
    remote = project_copy.parent / "remote"
    run_command(project_copy, "dvc", "remote", "add", "--default", "shared", str(remote))
    commit_all(project_copy, "Share")
    run_command(project_copy, "dvc", "push")
    clone = project_copy.parent / "clone"
    run_command(project_copy.parent, "git", "clone", "--quiet", str(project_copy), str(clone))
    run_command(clone, "dvc", "pull")
    assert list_stages_run(run_command(clone, "dvc", "repro")) == TRACKED_ALONE
    assert_mirrored(clone)


def test_an_experiment_in_a_copy_is_tracked_in_the_project(tracked: Path) -> None:
    """`dvc exp run --temp` leaves the workspace's runs alone; applied, its run is the current."""
    before = assert_mirrored(tracked)
    setting = ("--set-param", "+runs.weighted.epochs=1")
    run_command(tracked, "dvc", "exp", "run", "--temp", "--name", "aside", *setting)
    assert list_stages_run(run_command(tracked, "dvc", "repro")) == TRACKED_ALONE
    assert assert_mirrored(tracked) == before
    assert list_epochs(tracked) == ["1", "2"]
    run_command(tracked, "dvc", "exp", "apply", "aside")
    assert list_stages_run(run_command(tracked, "dvc", "repro")) == TRACKED_ALONE
    applied = assert_mirrored(tracked)
    (aside,) = (
        r
        for r in find_runs_by_tag(make_client(tracked)).values()
        if r.info.run_id == applied["weighted"]
    )
    assert aside.data.tags["second_look.dvc.experiment"] == "aside"
    assert list_epochs(tracked) == ["1", "2"]


def test_two_jobs_of_the_queue_are_tracked_at_once(project_copy: Path) -> None:
    """Two experiments that run side by side on a store not there yet are both in it, once."""
    shutil.rmtree(project_copy / "mlruns")
    (project_copy / "mlflow.db").unlink()
    for number in ("1", "3"):
        setting = ("--set-param", f"+runs.weighted.epochs={number}")
        run_command(
            project_copy, "dvc", "exp", "run", "--queue", "--name", f"queued-{number}", *setting
        )
    run_command(project_copy, "dvc", "queue", "start", "--jobs", "2")
    finish_queue(project_copy)
    assert list_epochs(project_copy) == ["1", "3"]
    assert len(find_runs_by_tag(make_client(project_copy))) == 3
    assert len(find_runs_by_tag(make_client(project_copy), "second_look.data")) == 1


def finish_queue(project_copy: Path) -> None:
    """Return once both experiments have succeeded; a failed one is shown with its log."""
    deadline = time.monotonic() + 300
    while time.monotonic() < deadline:
        wait_for_refs(project_copy)
        status = run_command(project_copy, "dvc", "queue", "status")
        if status.count("Success") == 2:
            return
        if "Failed" in status:
            logs = [
                run_command(project_copy, "dvc", "queue", "logs", f"queued-{n}") for n in ("1", "3")
            ]
            raise AssertionError("\n".join([status, *logs]))
    raise AssertionError(f"the queue never ended:\n{status}")


def wait_for_refs(project_copy: Path) -> None:
    """Wait until git has both experiments, but not for ever: to ask dvc takes two seconds."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        refs = run_command(project_copy, "git", "for-each-ref", "refs/exps").split()
        if {ref.rpartition("/")[2] for ref in refs} >= {"queued-1", "queued-3"}:
            return
        time.sleep(0.5)


def test_what_is_lost_or_moved_comes_back(tracked: Path) -> None:
    """The folder moved, then its artifacts, then its database lost: each time one `dvc repro`."""
    before, curves = assert_mirrored(tracked), read_tracked_curves(tracked)
    assert sorted(curves) == ["unweighted", "weighted"]
    assert all(len(curve) == 2 for curve in curves.values())
    moved = tracked.rename(tracked.with_name("moved, with an odd # name"))
    assert list_stages_run(run_command(moved, "dvc", "repro")) == TRACKED_ALONE
    assert assert_mirrored(moved) == before
    shutil.rmtree(moved / "mlruns")
    assert list_stages_run(run_command(moved, "dvc", "repro")) == TRACKED_ALONE
    assert assert_mirrored(moved) == before
    (moved / "mlflow.db").unlink()
    assert list_stages_run(run_command(moved, "dvc", "repro")) == TRACKED_ALONE
    assert_mirrored(moved)
    assert read_tracked_curves(moved) == curves
