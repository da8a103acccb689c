"""A training that was interrupted ends as if it never had been: in one process, epoch by epoch."""

import json
import re
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from secondlook.artifacts import files
from secondlook.config.params import Params
from secondlook.training.checkpoint import STATES_FOLDER, Checkpoint
from secondlook.training.environment import compute_run_key
from stages import train
from tests.support.interruptions import train_uninterrupted
from tests.support.training import SILENT, read_outputs, write_noise_images, write_small_run_params

# Every source of chance and of memory: 8 epochs at most, and one that ends before them.
# One of the layers that draw will do: a graph of all of them takes seconds for each training.
FLIPPED = {"rotation": 0, "shift": 0, "zoom": 0, "flip": True}
LIVELY: dict[str, Any] = {
    "augment": FLIPPED,
    "class_weight": "balanced",
    "dropout": 0.1,
    "early_stopping": {"monitor": "validation/loss", "patience": 2},
    "epochs": 8,
    "learning_rate": 0.002,
}
LogEpoch = Callable[[int, Mapping[str, float]], None]


@pytest.fixture(autouse=True)
def data(project: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give a project with images."""
    monkeypatch.delenv("DVC_ROOT", raising=False)
    monkeypatch.setattr(train, "Checkpoint", WatchedCheckpoint)
    return write_noise_images(project)


class WatchedCheckpoint(Checkpoint):
    """Is known to the test while a training writes it."""

    last: "WatchedCheckpoint"

    def __init__(self, key: str, seconds: float) -> None:
        super().__init__(key, seconds)
        WatchedCheckpoint.last = self


def make_interruption(epoch: int, params: Params) -> LogEpoch:
    """Return what interrupts a training when `epoch` is trained, and the one before saved."""

    def log_epoch(number: int, _numbers: Mapping[str, float]) -> None:
        WatchedCheckpoint.last.wait_for_write()
        assert find_saved_epoch(params) >= number - 1
        if number == epoch:
            raise KeyboardInterrupt

    return log_epoch


def find_saved_epoch(params: Params) -> int:
    """Return the epoch that is saved of the run `small`; 0 is none."""
    state = Checkpoint(compute_run_key(params, "small"), 0).read()
    return state.epoch if state else 0


def interrupt_training(params: Params, epoch: int) -> None:
    """Train until `epoch` is trained but not saved."""
    with pytest.raises(KeyboardInterrupt) as caught:
        train.run(params, "small", make_interruption(epoch, params))
    if epoch > 1:
        places = rf"(epoch {epoch - 1}|batch \d of epoch {epoch})"
        assert re.fullmatch(f"{places} is saved: `dvc repro` resumes after it", str(caught.value))
    assert not files.stage_folder("train", "small").exists()


def test_interrupted_after_every_epoch() -> None:
    """Early stopping, augmentation, dropout, weights, optimizer: all go on where they were."""
    params = write_small_run_params(0, **LIVELY)
    whole = train_uninterrupted(params)
    trained = json.loads(whole["run.json"])
    assert 2 < trained["kept_epoch"] < trained["epochs"] < 8  # else it would show little
    for epoch in range(1, trained["epochs"] + 1):
        interrupt_training(params, epoch)
    told: list[int] = []
    train.run(params, "small", lambda epoch, _numbers: told.append(epoch))
    assert read_outputs() == whole
    assert told == list(range(1, trained["epochs"] + 1))  # to MLflow, each epoch once
    assert list(STATES_FOLDER.iterdir()) == []


@pytest.mark.parametrize(
    "changes",
    [
        {"optimizer": "sgd", "model": "dense"},
        {
            "optimizer": {"adamw": {"weight_decay": 0.1}},
            "learning_rate_schedule": {"cosine": {"warmup": 1}},
            "label_smoothing": 0.1,
            "loss": {"focal": {"gamma": 2.0}},
            "augment": {"rotation": 0.1, "shift": 0.1, "zoom": 0.1, "flip": True}
            | {"brightness": 0.2, "contrast": 0.2, "erasing": 0.5}
            | {"mixup": 0.4},
        },
        {"optimizer": "rmsprop", "precision": "mixed_bfloat16", "early_stopping": None},
    ],
)
def test_other_networks_resume(changes: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> None:
    """Every optimizer has a memory of its own; without early stopping the last epoch counts."""
    params = write_small_run_params(0, **LIVELY | {"epochs": 4} | changes)
    whole = train_uninterrupted(params)
    interrupt_training(params, 3)
    capsys.readouterr()
    train.run(params, "small", SILENT)
    assert read_outputs() == whole
    assert capsys.readouterr().out.startswith("resuming at epoch 3 of 4")


@pytest.mark.parametrize("patience", [2, 99])
def test_what_is_trained_is_not_trained_again(
    patience: int, capsys: pytest.CaptureFixture[str]
) -> None:
    """Stopped early or not: when only writing the outputs failed, no epoch is repeated."""
    stopping = {"monitor": "validation/loss", "patience": patience}
    params = write_small_run_params(0, **LIVELY | {"early_stopping": stopping})
    whole = train_uninterrupted(params)
    epochs = json.loads(whole["run.json"])["epochs"]
    shutil.rmtree("data/train", ignore_errors=True)
    Path("data/train").touch()  # no folder can be made here
    with pytest.raises(FileExistsError):
        train.run(params, "small", make_interruption(99, params))
    Path("data/train").unlink()
    capsys.readouterr()
    train.run(params, "small", SILENT)
    assert read_outputs() == whole
    assert capsys.readouterr().out.splitlines() == [f"resuming after epoch {epochs}, the last one"]


def test_other_parameters_start_anew(capsys: pytest.CaptureFixture[str]) -> None:
    """A state belongs to one run key; that of the first run waits until it is trained again."""
    first = write_small_run_params(0)
    interrupt_training(first, 3)
    second = write_small_run_params(0, learning_rate=0.002)
    train.run(second, "small", SILENT)
    assert "resuming" not in capsys.readouterr().out
    assert find_saved_epoch(first) == 2
    train.run(write_small_run_params(0), "small", SILENT)
    assert "resuming at epoch 3 of 3" in capsys.readouterr().out


def test_a_damaged_state_costs_time_alone(capsys: pytest.CaptureFixture[str]) -> None:
    """It is put aside with a warning, and the training starts anew."""
    params = write_small_run_params(0)
    whole = train_uninterrupted(params)
    interrupt_training(params, 3)
    (state,) = STATES_FOLDER.iterdir()
    state.write_bytes(state.read_bytes()[:-100])
    capsys.readouterr()
    train.run(params, "small", SILENT)
    printed = capsys.readouterr()
    assert "the saved state is damaged; put aside" in printed.err
    assert "resuming" not in printed.out
    assert read_outputs() == whole
    assert list(STATES_FOLDER.iterdir()) == []


def test_how_often_it_is_saved_changes_nothing() -> None:
    """Never or after each epoch: the same key and the same bytes."""
    often, never = write_small_run_params(0), write_small_run_params(1e6)
    assert compute_run_key(often, "small") == compute_run_key(never, "small")
    whole, found = train_uninterrupted(often), list[int]()
    train.run(never, "small", lambda _epoch, _numbers: found.append(find_saved_epoch(never)))
    assert read_outputs() == whole
    assert found == [0, 0, 0]
