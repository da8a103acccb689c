"""Where a training is within an epoch, and how it goes on there: Keras's `fit` knows whole ones."""

from typing import TYPE_CHECKING

from secondlook.training.checkpoint import Arrays, TrainingState

if TYPE_CHECKING:
    import keras


class EpochPosition:
    """Counts the batches of an epoch, also of one that another process has begun.

    Its methods are for callbacks of `fit`, those of an epoch's end before any that stops: the rest
    of an epoch that was begun before ends by `stop_training`, as for `fit` all are of one length.
    step: how many of the `batches` of this epoch are trained.
    """

    def __init__(
        self, learner: "keras.Model", batches: int, state: TrainingState | None = None
    ) -> None:
        self._learner, self._batches = learner, batches
        self.step = self._before = state.step if state else 0
        self._measures: Arrays = state.measures if state else []

    def begin_epoch(self) -> None:
        """Bring back the running sums of an epoch that was begun before: `fit` has cleared them."""
        if self._before:
            sums = self._learner.metrics_variables
            for variable, value in zip(sums, self._measures, strict=True):
                variable.assign(value)

    def begin_batch(self, index: int) -> None:
        """Count the batches before this one, of which `fit` counts those of this process (from 0).

        Not when one ends: Keras would then wait for its numbers after each.
        """
        self.step = self._before + index
        if self._before and self.step + 1 == self._batches:
            self._learner.stop_training = True

    def end_epoch(self) -> None:
        """Let the next epoch be a whole one."""
        if self._before:
            self._learner.stop_training = False
        self.step = self._before = 0

    def copy_measures(self) -> Arrays:
        """Return copies of the running sums of an epoch; none between two."""
        return [each.numpy() for each in self._learner.metrics_variables] if self.step else []
