"""A training that is killed within an epoch ends as if it never had been."""

import json
import re
import resource
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from secondlook.artifacts import files
from secondlook.config.params import Params
from secondlook.training import checkpoint
from secondlook.training.checkpoint import STATES_FOLDER
from stages import train
from tests.support.interruptions import (
    Killed,
    kill_training,
    read_state,
    train_uninterrupted,
)
from tests.support.project import ROOT, edit_params
from tests.support.training import (
    SILENT,
    read_outputs,
    shorten_backbone,
    write_backbone,
    write_noise_images,
    write_small_run_params,
)

BATCHES = 6  # of an epoch: 90 images, 16 at a time
SCHEDULE = {"cosine": {"warmup": 1}}
AUGMENT = {"rotation": 0.1, "shift": 0, "zoom": 0, "flip": True, "mixup": 0.4}
# Every source of chance and of memory.
LIVELY: dict[str, Any] = {
    "augment": AUGMENT,
    "class_weight": "balanced",
    "dropout": 0.2,
    "early_stopping": {"monitor": "validation/loss", "patience": 1},
    "epochs": 4,
    "learning_rate_schedule": SCHEDULE,
}


@pytest.fixture(autouse=True)
def data(project: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give a project with images, where a state is saved after each batch."""
    monkeypatch.delenv("DVC_ROOT", raising=False)
    monkeypatch.setattr(checkpoint, "WRITE_TIMES_APART", 0)
    return write_noise_images(project)


def check_resumed(params: Params, places: list[tuple[int, int]]) -> str:
    """Train, killed at each place, to the bytes of one go; return what the last start printed."""
    whole = train_uninterrupted(params)
    for epoch, step in places:
        kill_training(params, epoch, step)
    told: list[int] = []

    def log_epoch(number: int, _numbers: Mapping[str, float]) -> None:
        told.append(number)

    train.run(params, "small", log_epoch)
    assert read_outputs() == whole
    assert told == list(range(1, len(told) + 1))  # to MLflow, each epoch once
    assert list(STATES_FOLDER.iterdir()) == []
    shutil.rmtree(files.stage_folder("train", "small"))
    return whole["run.json"].decode()


def test_killed_after_any_batch(capsys: pytest.CaptureFixture[str]) -> None:
    """Before any epoch is over, after each batch of one, between two, and in a later one."""
    params = write_small_run_params(0, **LIVELY)
    train_uninterrupted(params)
    capsys.readouterr()
    places = [(1, 1), (1, 4), *((2, step) for step in range(1, BATCHES)), (3, 0), (3, 3)]
    told = json.loads(check_resumed(params, places))
    assert told["epochs"] > 2
    found = re.findall(
        r"resuming at epoch (\d) of 4(?:, after batch (\d) of 6)?\n", capsys.readouterr().out
    )
    assert [(int(epoch), int(step or 0)) for epoch, step in found] == places


@pytest.mark.parametrize(
    "changes",
    [
        {"optimizer": "sgd", "model": "dense", "early_stopping": None},
        {
            "optimizer": {"adamw": {"weight_decay": 0.1}},
            "label_smoothing": 0.1,
            "loss": {"focal": {"gamma": 2.0}},
            "augment": AUGMENT | {"brightness": 0.2, "contrast": 0.2, "erasing": 0.5},
        },
        {"optimizer": "rmsprop", "precision": "mixed_bfloat16", "learning_rate_schedule": None},
    ],
)
def test_other_networks_resume(changes: dict[str, Any]) -> None:
    """Every optimizer has a memory of its own, the numbers of an epoch have theirs."""
    check_resumed(write_small_run_params(0, **LIVELY | changes), [(1, 3), (2, 4)])


@pytest.mark.slow
@pytest.mark.parametrize("changes", [{}, {"augment": None, "precision": "mixed_bfloat16"}])
def test_both_phases_of_fine_tuning_resume(
    project: Path, monkeypatch: pytest.MonkeyPatch, changes: dict[str, Any]
) -> None:
    """The head alone, with features made once or not; then the first epoch of the last blocks."""
    shorten_backbone(monkeypatch)
    shutil.rmtree(files.stage_folder("preprocess"))
    write_noise_images(project, (32, 32, 3))
    edit_params(project, {"preprocess": {"height": 32, "width": 32, "channels": 3}})
    told = {"model": "pretrained", "backbone": write_backbone(), "learning_rate": 0.01, "epochs": 2}
    told |= {"fine_tune": {"epochs": 2, "learning_rate": 0.01, "blocks": 1}}
    told |= {"learning_rate_schedule": {"cosine": {"warmup": 0}}}
    params = write_small_run_params(0, **LIVELY | told | changes)
    told_last = json.loads(check_resumed(params, [(2, 3), (3, 1), (3, 4)]))
    assert told_last["fine_tuned_after"] == 2


def test_a_state_is_of_one_run(capsys: pytest.CaptureFixture[str]) -> None:
    """Other batches, or other code, begin anew; the state waits for its own."""
    params = write_small_run_params(0)
    kill_training(params, 2, 3)
    capsys.readouterr()
    train.run(write_small_run_params(0, batch_size=8), "small", SILENT)
    assert "resuming" not in capsys.readouterr().out
    code = Path("stages/train.py")
    code.parent.mkdir()
    code.write_text("# other code", encoding="utf-8")
    train.run(write_small_run_params(0), "small", SILENT)
    assert "resuming" not in capsys.readouterr().out
    code.unlink()
    train.run(write_small_run_params(0), "small", SILENT)
    assert "resuming at epoch 2 of 3, after batch 3 of 6" in capsys.readouterr().out


@contextmanager
def fill_disk() -> Iterator[None]:
    """Let no file grow beyond what outputs need, as if the disk were full for larger ones."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_full_disk_loses_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    """The last state stays whole, one line warns, and the training goes on or resumes."""
    params = write_small_run_params(0, dense_units=[64])  # a state of 300 kB
    whole = train_uninterrupted(params)
    kill_training(params, 2, 2)
    capsys.readouterr()

    def stop(number: int, _numbers: Mapping[str, float]) -> None:
        if number == 2:
            raise Killed

    with fill_disk(), pytest.raises(Killed):
        train.run(params, "small", stop)
    (line,) = capsys.readouterr().err.splitlines()
    assert line.endswith(
        "File too large: batch 3 of epoch 2 is not saved; an interruption would lose what follows "
        "batch 2 of epoch 2"
    )
    state = read_state(params)
    assert state is not None
    assert (state.epoch, state.step) == (1, 2)
    train.run(params, "small", SILENT)
    assert read_outputs() == whole


TRAIN = """
import os, signal, sys
from secondlook.training import checkpoint
checkpoint.WRITE_TIMES_APART = 0
place = tuple(map(int, sys.argv[1:]))
write = checkpoint.Checkpoint._write
def write_and_die(self, state):
    write(self, state)
    if (state.epoch + 1, state.step) >= place:
        os.kill(os.getpid(), signal.SIGKILL)
if place:
    checkpoint.Checkpoint._write = write_and_die
from secondlook.config.params import load_params
from stages import train
train.run(load_params(), "small", lambda *_: None)
"""


def run_training(*place: int) -> subprocess.CompletedProcess[str]:
    """Train in a process of its own, which kills itself as soon as that place is on the disk."""
    command = [sys.executable, "-P", "-c", TRAIN, *map(str, place)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_sigkill_within_epochs(monkeypatch: pytest.MonkeyPatch) -> None:
    """The system ends the process while batches are read, trained and written."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    params = write_small_run_params(0, **LIVELY)
    whole = train_uninterrupted(params)
    for place in ((1, 3), (2, 1), (3, 5)):
        assert run_training(*place).returncode == -signal.SIGKILL
        state = read_state(params)
        assert state is not None
        assert (state.epoch + 1, state.step) >= place
    assert not files.stage_folder("train", "small").exists()
    done = run_training()
    assert re.match(r"resuming at epoch [34] of 4", done.stdout), done
    assert read_outputs() == whole
