"""`secondlook sweep` on a small project: killed and gone on, the same bytes, adopted."""

import json
import os
import shutil
import signal
import sys
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.end_to_end.test_interrupted import start_command
from tests.support.cluster import run_cluster
from tests.support.project import (
    build_once,
    build_project,
    copy_project,
    edit_params,
    list_stages_run,
    run_command,
)

pytestmark = pytest.mark.slow

SWEEP: dict[str, Any] = {
    "of": "weighted",
    "search": {
        "learning_rate": {"low": 0.001, "high": 0.1, "log": True},
        "early_stopping": [None, {"monitor": "validation/loss", "patience": 2}],
    },
    "trials": 4,
    "method": "tpe",
    "seed": 3,
    "round": 2,
}
COMMAND = (sys.executable, "-m", "stages", "sweep", "rates", "--jobs", "2")


def build_swept_project(folder: Path) -> None:
    """Make a small project with a sweep, and let the sweep end in one go."""
    build_project(folder)
    edit_params(folder, {"sweeps": {"rates": SWEEP}})
    (folder.parent / "printed").write_text(run_command(folder, *COMMAND), encoding="utf-8")


@pytest.fixture(scope="session")
def swept_project(
    tmp_path_factory: pytest.TempPathFactory,
    fork_server: None,  # noqa: ARG001 - for the trials
) -> Path:
    """Give a project whose sweep has ended; to be copied."""
    return build_once(tmp_path_factory.getbasetemp(), "swept", build_swept_project)


def read_sweep(project: Path) -> dict[str, bytes]:
    """Return all that a sweep has written, by its path."""
    folders = [project / "data" / name for name in ("sweep", "trial")]
    paths = [path for folder in folders for path in folder.rglob("*") if path.is_file()]
    return {str(path.relative_to(project)): path.read_bytes() for path in paths}


def forget_sweep(project: Path) -> None:
    """Remove all that DVC and the sweep know of trials."""
    shutil.rmtree(project / "data" / "trial")
    shutil.rmtree(project / ".dvc" / "cache" / "files")
    shutil.rmtree(project / ".dvc" / "cache" / "runs", ignore_errors=True)
    (project / "data" / "sweep" / "dvc.lock").unlink()
    for name, text in {"points.yaml": "trials: {}\n", "results.json": "[]\n"}.items():
        (project / "data" / "sweep" / name).write_text(text, encoding="utf-8")


def test_a_sweep_ends_in_its_best_trial(swept_project: Path) -> None:
    """Each round is told, then the best; no file but those of sweeps is new, and none of test."""
    printed = (swept_project.parent / "printed").read_text(encoding="utf-8")
    assert "sweep rates: 2 to train, 2 of 4 proposed" in printed
    assert "sweep rates: 2 to train, 4 of 4 proposed" in printed
    assert "rates-04: epoch 2  train/" in printed
    assert "Best of 4 on validation (336 images): `rates-0" in printed
    assert "is too good by about" in printed
    assert ": learning_rate 0.0" in printed
    assert "`secondlook sweep rates --adopt` makes runs of it: rates-seed-2, rates" in printed
    status = run_command(swept_project, "git", "status", "--porcelain", "data", "params.yaml")
    files = ("data/sweep/points.yaml", "data/sweep/results.json", "params.yaml")
    changed = [word for file in files for word in ("M", file)]
    assert status.split() == [*changed, "??", "data/sweep/dvc.lock"]
    trials = sorted(path.name for path in (swept_project / "data/trial").iterdir())
    assert trials == [f"rates-0{number}" for number in range(1, 5)]


def test_a_second_time_nothing_is_trained(swept_project: Path, tmp_path: Path) -> None:
    """Nor by `dvc repro`, which knows nothing of trials; a larger sweep goes on with them."""
    project = copy_project(swept_project, tmp_path)
    before = read_sweep(project)
    assert "to train" not in run_command(project, *COMMAND)
    assert read_sweep(project) == before
    edit_params(project, {"sweeps": {"rates": SWEEP | {"trials": 5}}})
    printed = run_command(project, *COMMAND)
    assert "sweep rates: 1 to train, 5 of 5 proposed" in printed
    assert list_stages_run(printed) == ["data/sweep/dvc.yaml:trial@rates-05"]


def kill_after(project: Path, line: str, number: int) -> None:
    """Start the sweep and kill it, all its processes as well, once a line was printed so often."""
    with start_command(project, *COMMAND) as process:
        assert process.stdout is not None
        for printed in process.stdout:
            number -= line in printed
            if not number:
                break
        started = psutil.Process(process.pid).children(recursive=True)
        os.kill(process.pid, signal.SIGKILL)
        _, left = psutil.wait_procs(started, timeout=30)
    assert left == []


def test_killed_twice_it_comes_to_the_same_bytes(swept_project: Path, tmp_path: Path) -> None:
    """In a training of the first round, and where the second begins: no process is left either."""
    project = copy_project(swept_project, tmp_path)
    forget_sweep(project)
    kill_after(project, "epoch 1  train/", 1)
    kill_after(project, "4 of 4 proposed", 1)
    run_command(project, *COMMAND)
    assert read_sweep(project) == read_sweep(swept_project)


def test_the_best_is_adopted_as_runs(swept_project: Path, tmp_path: Path) -> None:
    """Three entries of `runs:`, which `dvc repro` would train with the rest, and no trial."""
    project = copy_project(swept_project, tmp_path)
    printed = run_command(project, *COMMAND, "--adopt")
    names = [f"rates-seed-{seed}" for seed in (2, 3, 4)]
    assert f"params.yaml: added {', '.join(names)}; `secondlook repro` trains them" in printed
    assert "are there already" in run_command(project, *COMMAND, "--adopt")
    stale = json.loads(run_command(project, "dvc", "status", "--json", "dvc.yaml"))
    assert {f"train@{name}" for name in names} <= set(stale)
    assert not any("trial" in stage for stage in stale)


def test_trials_that_cannot_be_trained_end_the_sweep_with_the_reason(
    swept_project: Path, tmp_path: Path
) -> None:
    """A class that does not exist: each failed trial of the round is told, and none comes after."""
    project = copy_project(swept_project, tmp_path)
    edit_params(project, {"data": {"positive": None}})
    changes = {"search": {"class_weight": [{"a": 1, "b": number} for number in range(1, 13)]}}
    edit_params(project, {"sweeps": {"rates": SWEEP | changes | {"trials": 12}}})
    printed = run_command(project, *COMMAND, fails=True)
    assert "secondlook: 2 of 2 trials failed; `secondlook sweep rates` goes on once" in printed
    assert "trial rates-01 failed: data/sweep/points.yaml: rates-01.class_weight: found" in printed
    assert "rates-03" not in printed
    assert "Traceback" not in printed


@pytest.mark.cluster
def test_nodes_of_a_cluster_come_to_the_same_bytes(swept_project: Path, tmp_path: Path) -> None:
    """Two nodes of Ray: points, trials, lock file and results are those of this machine."""
    project = copy_project(swept_project, tmp_path)
    forget_sweep(project)
    run_command(project, "dvc", "repro", "--force", "preprocess")
    remote = ("dvc", "remote", "add", "--quiet", "--default", "shared", str(tmp_path / "remote"))
    run_command(project, *remote)
    with run_cluster("second") as cluster:
        variables = [f"{name}={value}" for name, value in cluster.variables.items()]
        command = (*COMMAND[:-2], "--ray", cluster.address)
        run_command(project, "env", *variables, *command)
    assert read_sweep(project) == read_sweep(swept_project)
