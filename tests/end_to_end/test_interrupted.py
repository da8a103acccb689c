"""Kills under the real dvc: an output is whole or absent, a training resumes, two do not mix."""

import os
import re
import signal
import subprocess
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import psutil
import pytest

from tests.support.project import edit_params, make_environment, run_command

if TYPE_CHECKING:
    from collections.abc import Iterator

TRAIN = ("dvc", "repro", "train@unweighted")
STAGES = [["split"], ["preprocess"], ["evaluate", "weighted"], ["compare"], ["report"]]


@contextmanager
def start_command(folder: Path, *command: str) -> "Iterator[subprocess.Popen[str]]":
    """Give a process and those that it starts, a group of their own, as a terminal has it."""
    with subprocess.Popen(
        command,
        cwd=folder,
        env=make_environment(folder),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    ) as process:
        try:
            yield process
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)


def read_folder(folder: Path) -> dict[str, bytes]:
    """Return every file below a folder."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def remove_output(output: Path) -> dict[str, bytes]:
    """Remove an output, as dvc does before a stage runs; return what was in it."""
    found = read_folder(output)
    for path in sorted(output.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    output.rmdir()
    return found


def wait_for_output(process: "subprocess.Popen[str]", partial: Path) -> float:
    """Wait until a stage fills its output, or has filled it; return when that was."""
    while not partial.exists() and process.poll() is None:
        time.sleep(0.001)
    return time.monotonic()


@pytest.mark.parametrize("stage", STAGES, ids=lambda stage: stage[0])
def test_an_output_is_whole_or_absent_after_a_kill(project_copy: Path, stage: list[str]) -> None:
    """Each stage, killed at a random moment between the first byte of its output and the last."""
    command, chance = ("python", "-m", "stages", *stage), np.random.default_rng(len(stage[0]))
    output, partial = (
        project_copy.joinpath("data", *stage),
        project_copy / "data" / ".partial" / "-".join(stage),
    )
    whole = remove_output(output)
    with start_command(project_copy, *command) as process:
        start = wait_for_output(process, partial)
        process.communicate()
        took = time.monotonic() - start
    assert remove_output(output) == whole
    with start_command(project_copy, *command) as process:
        wait_for_output(process, partial)
        time.sleep(chance.uniform(0, took))
        with suppress(ProcessLookupError):  # it was faster this time, and is done
            os.killpg(process.pid, signal.SIGKILL)
    assert not output.exists() or read_folder(output) == whole


def read_until_epoch(process: "subprocess.Popen[str]", epoch: int) -> str:
    """Return what is printed until an epoch, or a later one, is over."""
    assert process.stdout is not None
    printed = ""
    for line in process.stdout:
        printed += line
        if line.startswith("epoch ") and int(line.split()[1]) >= epoch:
            return printed
    return pytest.fail(printed)


def test_a_training_under_dvc_is_never_lost(project_copy: Path) -> None:
    """A second `dvc repro` is told who is at it; after Ctrl-C and after a kill, one resumes."""
    edit_params(project_copy, {"train": {"epochs": 80, "checkpoint_seconds": 0}})
    with start_command(project_copy, *TRAIN) as process:
        read_until_epoch(process, 3)
        second = run_command(project_copy, *TRAIN, fails=True)
        os.killpg(process.pid, signal.SIGINT)
        printed, _ = process.communicate()
    assert f"(PID {process.pid})" in second
    assert "Traceback" not in second
    assert process.returncode != 0
    assert re.search(r"secondlook: interrupted; (batch \d+ of )?epoch \d+ is saved", printed)
    assert "Traceback" not in printed
    with start_command(project_copy, *TRAIN) as process:
        resumed = read_until_epoch(process, 10)
        os.killpg(process.pid, signal.SIGKILL)
    assert "resuming at epoch " in resumed
    assert not (project_copy / "data" / "train" / "unweighted").exists()
    assert "resuming at epoch " in run_command(project_copy, *TRAIN)
    assert (project_copy / "data" / "train" / "unweighted" / "run.json").exists()


def test_a_training_ends_with_its_dvc(project_copy: Path) -> None:
    """With dvc alone killed, its training ends by itself, saved, and the next one resumes it."""
    edit_params(project_copy, {"train": {"epochs": 2000, "checkpoint_seconds": 0}})
    with start_command(project_copy, *TRAIN) as process:
        read_until_epoch(process, 3)
        started = psutil.Process(process.pid).children(recursive=True)
        os.kill(process.pid, signal.SIGKILL)
        _, left = psutil.wait_procs(started, timeout=30)
        printed, _ = process.communicate()
    assert left == []
    assert re.search(r"secondlook: interrupted; (batch \d+ of )?epoch \d+ is saved", printed)
    with start_command(project_copy, *TRAIN) as process:
        assert "resuming at epoch " in read_until_epoch(process, 5)
        os.killpg(process.pid, signal.SIGKILL)


def test_how_often_a_training_is_saved_trains_nothing_again(project_copy: Path) -> None:
    """For dvc the trainings are up to date with another `train.checkpoint_seconds`."""
    edit_params(project_copy, {"train": {"checkpoint_seconds": 60}})
    assert "didn't change" in run_command(project_copy, *TRAIN)
