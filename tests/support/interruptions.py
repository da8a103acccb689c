"""Trainings that end where they stand, as soon as a state is on the disk, and whole ones."""

import shutil
from functools import lru_cache

import pytest

from secondlook.artifacts import files
from secondlook.config.params import Params, load_params
from secondlook.training.checkpoint import Checkpoint, TrainingState
from secondlook.training.environment import compute_run_key
from stages import train
from tests.support.training import SILENT, read_outputs


class Killed(BaseException):
    """Ends a training where it stands."""


def kill_training(params: Params, epoch: int, step: int) -> TrainingState:
    """Train the run `small` until so many batches of an epoch (from 1) are saved; return that."""

    class Watched(Checkpoint):
        def save(self, state: TrainingState) -> None:
            super().save(state)
            self.wait_for_write()
            if (state.epoch + 1, state.step) == (epoch, step):
                raise Killed

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(train, "Checkpoint", Watched)
        with pytest.raises(Killed):
            train.run(params, "small", SILENT)
    state = read_state(params)
    assert state is not None
    assert (state.epoch + 1, state.step) == (epoch, step)
    return state


def read_state(params: Params) -> TrainingState | None:
    """Return what is saved of the run `small`."""
    return Checkpoint(compute_run_key(params, "small"), 0).read()


def train_uninterrupted(params: Params) -> dict[str, bytes]:
    """Return every output of the run `small`, trained in one go, but once for all tests."""
    return _train_once(compute_run_key(params, "small"))


@lru_cache
def _train_once(_key: str) -> dict[str, bytes]:
    """Train the run in params.yaml, which has that key, and leave nothing of it."""
    train.run(load_params(), "small", SILENT)
    made = read_outputs()
    shutil.rmtree(files.stage_folder("train", "small"))
    return made
