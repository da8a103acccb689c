"""Trainings that end where they stand, as soon as a certain state of them is on the disk."""

import pytest

from secondlook.config.params import Params
from secondlook.training.checkpoint import Checkpoint, TrainingState
from secondlook.training.environment import compute_run_key
from stages import train
from tests.support.training import SILENT


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
