"""Where the state of a training is saved."""

import os
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from secondlook.training import checkpoint
from secondlook.training.checkpoint import (
    FORGOTTEN_AFTER_SECONDS,
    STATES_FOLDER,
    Checkpoint,
    TrainingState,
)

KEY, OTHER = "a" * 64, "b" * 64
STATE = TrainingState(1, [0], [{"epoch": 1, "validation/loss": 0.5}], {}, [np.arange(4.0)], [])


@pytest.fixture(autouse=True)
def folder(project: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give the folder of all states, in an empty project."""
    monkeypatch.delenv("DVC_ROOT", raising=False)
    return project / STATES_FOLDER


def save_interrupted(key: str, *epochs: int) -> None:
    """Save states, one after the other, until Ctrl-C."""
    with Checkpoint(key, 0) as saved:
        for epoch in epochs:
            saved.save(replace(STATE, epoch=epoch))
        raise KeyboardInterrupt


def save_interrupted_within(step: int) -> None:
    """Save a state within the second epoch, until Ctrl-C."""
    with Checkpoint(KEY, 0) as saved:
        saved.save(replace(STATE, step=step))
        raise KeyboardInterrupt


def save(key: str, *epochs: int) -> None:
    """Leave states behind as an interrupted training does."""
    with pytest.raises(KeyboardInterrupt):
        save_interrupted(key, *epochs)


def test_the_last_state_is_read() -> None:
    """A state replaces the one before; where none was saved there is none."""
    assert Checkpoint(KEY, 0).read() is None
    save(KEY, 1, 2, 3)
    state = Checkpoint(KEY, 0).read()
    assert state is not None
    assert state.epoch == 3


def test_another_run_finds_nothing(folder: Path) -> None:
    """Neither by its key, nor when somebody gives the file its name."""
    save(KEY, 1)
    assert Checkpoint(OTHER, 0).read() is None
    (folder / f"{KEY}.state").rename(folder / f"{OTHER}.state")
    assert Checkpoint(OTHER, 0).read() is None


@pytest.mark.parametrize("damage", [lambda _: b"", lambda whole: whole[:-1]])
def test_what_is_damaged_is_put_aside(
    folder: Path, capsys: pytest.CaptureFixture[str], damage: Callable[[bytes], bytes]
) -> None:
    """One line says so, the file stays to be looked at, and saving works as before."""
    save(KEY, 1)
    path = folder / f"{KEY}.state"
    path.write_bytes(damage(path.read_bytes()))
    assert Checkpoint(KEY, 0).read() is None
    (line,) = capsys.readouterr().err.splitlines()
    assert line == (
        f"secondlook: warning: {STATES_FOLDER / path.name}: the saved state is damaged; "
        f"put aside as {KEY}.unusable, the training starts anew"
    )
    assert [found.name for found in folder.iterdir()] == [f"{KEY}.unusable"]
    save(KEY, 1)
    assert Checkpoint(KEY, 0).read() is not None


def test_what_cannot_be_read_is_put_aside(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A folder in the place of the file is told, too, with the system's reason."""
    (folder / f"{KEY}.state").mkdir(parents=True)
    assert Checkpoint(KEY, 0).read() is None
    assert "Is a directory" in capsys.readouterr().err


def test_nothing_is_left_when_all_went_well(folder: Path) -> None:
    """State, what was put aside and half-written files go; another run's state stays."""
    save(OTHER, 1)
    save(KEY, 1)
    for name in (f"{KEY}.unusable", f"{KEY}.state.x7k2"):
        (folder / name).touch()
    with Checkpoint(KEY, 0) as saved:
        saved.save(STATE)
    assert [path.name for path in folder.iterdir()] == [f"{OTHER}.state"]


def test_states_are_forgotten_in_the_end(folder: Path) -> None:
    """A state that nobody came back for goes with the next training that ends."""
    save(OTHER, 1)
    long_ago = time.time() - FORGOTTEN_AFTER_SECONDS - 60
    os.utime(folder / f"{OTHER}.state", (long_ago, long_ago))
    with Checkpoint(KEY, 0):
        pass
    assert list(folder.iterdir()) == []


def test_states_are_spaced_out() -> None:
    """Nothing is due before its time, counted from the beginning and from the last state."""
    assert not Checkpoint(KEY, 100).is_due()
    saved = Checkpoint(KEY, 0.2)
    time.sleep(0.2)
    assert saved.is_due()
    saved.save(STATE)
    saved.wait_for_write()  # so that it is not its being busy
    assert not saved.is_due()
    time.sleep(0.2)
    assert saved.is_due()


def test_states_within_an_epoch_cost_a_twentieth_at_most(monkeypatch: pytest.MonkeyPatch) -> None:
    """They are further apart where one takes long to write; the end of an epoch is not."""
    saved = Checkpoint(KEY, 0)
    assert saved.is_due(within=True)
    saved.save(replace(STATE, step=3, variables=[np.zeros(2_000_000)]))
    saved.wait_for_write()
    assert saved.is_due()
    monkeypatch.setattr(checkpoint, "WRITE_TIMES_APART", 10**6)
    assert not saved.is_due(within=True)
    monkeypatch.setattr(checkpoint, "WRITE_TIMES_APART", 0)
    assert saved.is_due(within=True)


def test_the_end_of_an_epoch_waits_for_its_middle() -> None:
    """A state within an epoch that is being written does not keep that of its end away."""
    saved = Checkpoint(KEY, 0)
    saved.save(replace(STATE, step=3, variables=[np.zeros(5_000_000)]))
    assert saved.is_due()
    assert not saved.is_due(within=True)
    saved.save(replace(STATE, epoch=2))
    saved.wait_for_write()
    assert saved.place == "epoch 2"


def test_an_interruption_within_an_epoch_says_where() -> None:
    """The batches of the epoch that was begun count from 1."""
    with pytest.raises(
        KeyboardInterrupt, match="batch 3 of epoch 2 is saved: `dvc repro` resumes "
    ):
        save_interrupted_within(3)
    state = Checkpoint(KEY, 0).read()
    assert state is not None
    assert (state.epoch, state.step) == (1, 3)


@pytest.mark.parametrize(
    ("epochs", "outlook"),
    [
        ([], "nothing was saved yet: `dvc repro` starts this training anew"),
        ([1, 2], "epoch 2 is saved: `dvc repro` resumes after it"),
    ],
)
def test_an_interruption_says_what_comes_next(epochs: list[int], outlook: str) -> None:
    """Ctrl-C waits for what is being written, and carries one line on."""
    with pytest.raises(KeyboardInterrupt) as caught:
        save_interrupted(KEY, *epochs)
    assert str(caught.value) == outlook


def test_an_interruption_while_it_starts_forgets_nothing() -> None:
    """Ctrl-C before the state was read does not say that there is none."""
    save(KEY, 1)
    with pytest.raises(KeyboardInterrupt, match="resumes where it was saved last"):
        save_interrupted(KEY)


def test_a_copy_of_the_project_uses_the_real_one(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`dvc exp run --temp` works in a copy that nobody resumes; DVC_ROOT names the project."""
    copy = tmp_path / "copy"
    copy.mkdir()
    monkeypatch.chdir(copy)
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))
    save(KEY, 1)
    assert (folder / f"{KEY}.state").exists()
    assert list(copy.iterdir()) == []
