"""`secondlook repro` on a small project: the bytes of `dvc repro`, failures, Ctrl-C and kills."""

import json
import os
import pty
import shutil
import signal
import socket
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.end_to_end.test_interrupted import start_command
from tests.support.cluster import run_cluster
from tests.support.project import (
    copy_project,
    edit_params,
    list_stages_run,
    make_environment,
    run_command,
)

REPRO = (sys.executable, "-m", "stages", "repro", "--jobs", "2")
LONG = {"epochs": 2000, "checkpoint_seconds": 0}


def forget_results(project: Path) -> None:
    """Remove all that the pipeline ever computed in a project."""
    for name in ("dvc.lock", "mlflow.db"):
        (project / name).unlink()
    for name in ("split", "preprocess", "train", "evaluate", "compare", "report"):
        shutil.rmtree(project / "data" / name)
    for name in ("cache", "tmp"):
        shutil.rmtree(project / ".dvc" / name)


def test_several_at_once_write_the_same_bytes(finished_project: Path, tmp_path: Path) -> None:
    """All made anew: dvc.lock, with the digest of every output, is that of `dvc repro`; so git."""
    project = copy_project(finished_project, tmp_path)
    forget_results(project)
    printed = run_command(project, *REPRO, SECOND_LOOK_FORK_SERVER="")  # it starts its own
    assert "repro: 2 runs, 2 of them to train, 2 at once (as asked; " in printed
    assert "weighted: epoch 2  train/" in printed
    assert (project / "dvc.lock").read_bytes() == (finished_project / "dvc.lock").read_bytes()
    assert run_command(project, "git", "status", "--porcelain") == ""
    again = run_command(project, *REPRO)
    assert list_stages_run(again) == ["track"]
    assert "at once" not in again


@pytest.mark.cluster
def test_several_machines_write_the_same_bytes(finished_project: Path, tmp_path: Path) -> None:
    """Two nodes of Ray: the same dvc.lock; MLflow knows when, where and with what they trained."""
    project = copy_project(finished_project, tmp_path)
    forget_results(project)
    remote = ("dvc", "remote", "add", "--quiet", "--default", "shared", str(tmp_path / "remote"))
    run_command(project, *remote)
    with run_cluster("second") as cluster:
        variables = [f"{name}={value}" for name, value in cluster.variables.items()]
        printed = run_command(project, "env", *variables, *REPRO[:-2], "--ray", cluster.address)
    assert "repro: 2 runs to train on 2 of 2 nodes of Ray at" in printed
    assert "another machine than this" not in printed
    assert (project / "dvc.lock").read_bytes() == (finished_project / "dvc.lock").read_bytes()
    key = load_json(project / "data/train/weighted/run.json")["key"]
    notes = project / ".dvc/tmp/second_look"
    environment = load_json(notes / f"{key}.environment.json")["environment"]
    assert environment["node"] == socket.gethostname()
    started, ended = load_json(notes / f"{key}.json")
    assert started < ended


def load_json(path: Path) -> Any:  # noqa: ANN401 - whatever it holds
    """Return what a file holds."""
    return json.loads(path.read_text(encoding="utf-8"))


def test_a_failure_ends_no_other_run(project_copy: Path) -> None:
    """On a terminal: one table, at the end what failed and why, and nothing compares the rest."""
    diverging = {"optimizer": "sgd", "learning_rate": 1e30}
    runs = {"unweighted": {}, "weighted": {"class_weight": "balanced"}}
    edit_params(project_copy, {"runs": runs | {"broken": diverging, "sound": {"seed": 2}}})
    told, end = pty.openpty()
    environment = make_environment(project_copy, COLUMNS="100", LINES="30", TERM="xterm")
    with subprocess.Popen(
        REPRO, cwd=project_copy, env=environment, stdin=end, stdout=end, stderr=end
    ) as process:
        os.close(end)
        printed = b""
        with suppress(OSError):  # so does a terminal tell that the other side is gone
            while part := os.read(told, 65536):
                printed += part
    os.close(told)
    shown = printed.decode()
    assert process.returncode == 1
    assert "time left" in shown
    assert "2/2" in shown
    assert "secondlook: run broken failed: params.yaml: runs.broken: the objective became" in shown
    assert "secondlook: 1 of 2 runs failed; compare, report, track wait until none does" in shown
    assert "Traceback" not in shown
    assert (project_copy / "data/evaluate/sound/metrics.json").exists()
    assert "sound" not in (project_copy / "data/compare/comparison.json").read_text()
    assert "epoch" in (project_copy / ".dvc/tmp/second_look/jobs/broken.txt").read_text()


def read_until_epochs(process: "subprocess.Popen[str]") -> str:
    """Return what is printed until both runs are past their third epoch."""
    assert process.stdout is not None
    printed, waiting = "", {"unweighted: epoch 3", "weighted: epoch 3"}
    for line in process.stdout:
        printed += line
        run, _, said = line.partition(": epoch ")
        if said and int(said.split()[0]) > 2:
            waiting.discard(f"{run}: epoch 3")
        if not waiting:
            return printed
    raise AssertionError(printed)


def test_what_is_ended_leaves_nothing_and_goes_on(project_copy: Path) -> None:
    """After Ctrl-C, and after a kill of it alone, no process is left and every run resumes."""
    edit_params(project_copy, {"train": LONG})
    with start_command(project_copy, *REPRO) as process:
        read_until_epochs(process)
        started = psutil.Process(process.pid).children(recursive=True)
        os.kill(process.pid, signal.SIGINT)
        printed, _ = process.communicate()
    assert process.returncode == 130
    assert "secondlook: interrupted; what was trained is saved; the next" in printed
    assert "Traceback" not in printed
    assert [each for each in started if each.is_running()] == []
    with start_command(project_copy, *REPRO) as process:
        assert read_until_epochs(process).count("resuming at epoch ") == 2
        started = psutil.Process(process.pid).children(recursive=True)
        os.kill(process.pid, signal.SIGKILL)
        _, left = psutil.wait_procs(started, timeout=30)
    assert left == []
    assert len(list((project_copy / ".dvc/tmp/second_look/states").iterdir())) == 2
