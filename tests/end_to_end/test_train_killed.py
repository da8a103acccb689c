"""Real trainings that are killed: the next one resumes, and ends with the same bytes."""

import re
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from secondlook.artifacts import files
from secondlook.training.checkpoint import STATES_FOLDER
from tests.support.project import ROOT
from tests.support.training import read_outputs, write_noise_images, write_small_run_params

if TYPE_CHECKING:
    from collections.abc import Iterator

# Without the current folder on the path: the fixture keeps empty code files there, for the key.
TRAIN = [sys.executable, "-P", "-m", "stages", "train", "small"]
AUGMENT = {"rotation": 0, "shift": 0, "zoom": 0, "flip": True}
STOPPING = {"monitor": "validation/loss", "patience": 99}  # its memory, and the full number


@pytest.fixture(autouse=True)
def data(project: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give a project with images, and a run of 40 short epochs that is saved after each."""
    monkeypatch.delenv("DVC_ROOT", raising=False)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    write_noise_images(project)
    write_small_run_params(0, epochs=40, augment=AUGMENT, dropout=0.5, early_stopping=STOPPING)
    return project


@contextmanager
def start_training() -> "Iterator[subprocess.Popen[str]]":
    """Give a process that trains the run; it does not outlive the test."""
    pipe = subprocess.PIPE
    with subprocess.Popen(TRAIN, stdout=pipe, stderr=pipe, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def read_epochs(process: "subprocess.Popen[str]", epochs: int) -> list[str]:
    """Return what a training prints until so many epochs are over."""
    assert process.stdout is not None
    printed: list[str] = []
    while sum(line.startswith("epoch ") for line in printed) < epochs:
        line = process.stdout.readline()
        assert line, f"it ended: {process.communicate()}"
        printed.append(line.rstrip("\n"))
    return printed


def train_to_the_end() -> tuple[str, dict[str, bytes]]:
    """Train to the end; return what that printed, and every output."""
    done = subprocess.run(TRAIN, capture_output=True, text=True, check=True)
    made = read_outputs()
    for path in files.stage_folder("train", "small").iterdir():
        path.unlink()
    files.stage_folder("train", "small").rmdir()  # as dvc does before a stage runs
    return done.stdout, made


def check_second_is_turned_away(first: "subprocess.Popen[str]") -> None:
    """See that the same training, started again while the first goes on, ends with one line."""
    lock = files.PARTIAL_FOLDER / "train-small.lock"  # a killed process leaves one, too
    while lock.read_text(encoding="ascii") != str(first.pid):
        assert first.poll() is None
        time.sleep(0.01)
    second = subprocess.run(TRAIN, capture_output=True, text=True, check=False)
    busy = f"data/train/small: process {first.pid} is making it; wait for it, or end it"
    assert (second.returncode, second.stderr) == (1, f"secondlook: {busy}\n")


def test_kills_at_any_moment_and_ctrl_c() -> None:
    """SIGKILL, twice, then Ctrl-C; a second process meanwhile is turned away."""
    printed, whole = train_to_the_end()
    assert "resuming" not in printed
    chance, first_lines = np.random.default_rng(11), []
    for _ in range(2):
        with start_training() as process:
            first_lines += read_epochs(process, epochs=int(chance.integers(3, 8)))[:1]
            time.sleep(chance.uniform(0, 0.1))
            process.send_signal(signal.SIGKILL)
        assert not files.stage_folder("train", "small").exists()
    assert first_lines[0].startswith("epoch 1 ")
    within = r"(?:, after batch \d of 6)?"
    assert re.fullmatch(rf"resuming at epoch [2-9] of 40{within}", first_lines[1])
    with start_training() as process:
        check_second_is_turned_away(process)
        read_epochs(process, epochs=3)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate()
    told = (
        r"(?m)^secondlook: interrupted; (batch \d of )?epoch (\d+) is saved: `dvc repro` resumes "
    )
    assert "Traceback" not in said
    found = re.search(told, said)
    assert found
    assert process.returncode == 130
    printed, made = train_to_the_end()
    following = int(found[2]) + (found[1] is None)
    assert re.match(rf"resuming at epoch {following} of 40{within}\n", printed)
    assert made == whole
    assert list(STATES_FOLDER.iterdir()) == []
