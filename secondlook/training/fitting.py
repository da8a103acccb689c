"""A training from its first epoch to its last: in phases, stopped in time, saved and resumed.

A run has one phase, or with a pretrained backbone two: the head alone, then the last blocks too.
"""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING

from secondlook.config.errors import TrainingError
from secondlook.config.training import EarlyStoppingParams, TrainParams
from secondlook.training.checkpoint import Checkpoint, TrainingState
from secondlook.training.epoch_metrics import (
    LearningCurves,
    MeasuredImages,
    select_measured_images,
)
from secondlook.training.epoch_position import EpochPosition

if TYPE_CHECKING:
    import keras
    import numpy as np
    from numpy.typing import NDArray

    from secondlook.training.model import ImageSequence
    from secondlook.training.optimization import Batches

BEST_FIELDS = ("best", "best_epoch")  # of Keras's EarlyStopping, besides the weights
STOPPING_FIELDS = (*BEST_FIELDS, "wait", "stopped_epoch")


def list_phases(train: TrainParams) -> list[TrainParams]:
    """Return what each phase of a training goes by: the head alone, then the fine-tuning."""
    if (tuned := train.fine_tune) is None:
        return [train]
    told = {"epochs": tuned.epochs, "learning_rate": tuned.learning_rate}
    return [train, train.model_copy(update=told)]


class Training:
    """A network that learns, what early stopping remembers of it, and its curves.

    begun: after which epoch each phase began, up to the one that goes on.
    """

    def __init__(
        self,
        model: "keras.Model",
        train: TrainParams,
        data: "Batches",
        curves: LearningCurves,
        saved: Checkpoint,
    ) -> None:
        self.model, self.train, self.images = model, train, data
        self.curves, self.saved = curves, saved
        # What learns in a phase, from what; what its curves are measured on, how it is asked.
        self.learner, self.data = model, data
        self.measured: MeasuredImages
        self.predict: Callable[[ImageSequence], NDArray[np.float32]]
        self.stopper = _build_early_stopping(train.early_stopping)
        self.begun: list[int] = []
        self.position = EpochPosition(model, len(data))

    def fit(self) -> None:
        """Train to the end, from what is saved if anything is.

        The same parameters and arrays give the same weights, bit for bit, on the same machine,
        whether in one go or resumed in any phase or between two.
        """
        state = self.saved.read()
        for number, phase in enumerate(list_phases(self.train), start=1):
            if state is None or number >= len(state.begun):
                self._fit_phase(number, phase, state)
                state = None

    @property
    def kept_epoch(self) -> int:
        """Return the epoch (from 1) whose weights the network has at the end."""
        return self.stopper.best_epoch + 1 if self.stopper else len(self.curves.history)

    def _fit_phase(self, number: int, phase: TrainParams, state: TrainingState | None) -> None:
        """Train one phase, from a state in it where there is one; `phase` is what it goes by."""
        self.begun = state.begun if state else [*self.begun, len(self.curves.history)]
        last = self.begun[-1] + phase.epochs
        self._choose_learner(number, phase)
        done = self._count_finished_epochs(state, last)
        self.position = EpochPosition(self.learner, len(self.data), state)
        with self._refuse_chance():
            self.learner.fit(
                self.data.build_dataset(done, self.position.step),
                steps_per_epoch=len(self.data),
                initial_epoch=done,
                epochs=last,
                callbacks=self.build_callbacks(state),
                shuffle=False,  # Batches shuffles, by seed and epoch alone
                verbose=1 if sys.stdout.isatty() else 0,
            )

    @contextmanager
    def _refuse_chance(self) -> Iterator[None]:
        """Tell in one line what a graphics card cannot compute the same way twice."""
        import tensorflow as tf

        try:
            yield
        except tf.errors.UnimplementedError as error:
            reason = str(error.message).strip().splitlines()[0]
            raise TrainingError(
                f"{self.curves.where}: this device cannot train it so that it comes out the same "
                f"twice ({reason}); leave out what it names, such as a kind of `augment`, or train "
                "on the processor: CUDA_VISIBLE_DEVICES=-1 dvc repro"
            ) from error

    def _choose_learner(self, number: int, phase: TrainParams) -> None:
        """Choose what learns in a phase, and from what: a head alone learns from features."""
        from secondlook.training.backbone import CachedHead, is_cacheable, unfreeze_blocks
        from secondlook.training.model import compile_model, predict_probabilities

        self.learner, self.data = self.model, self.images
        self.measured = select_measured_images()
        self.predict = partial(predict_probabilities, self.model)
        if number > 1 and self.train.fine_tune:
            unfreeze_blocks(self.model, self.train.fine_tune)
            compile_model(self.model, phase, steps=len(self.images))
        elif is_cacheable(phase, self.model, len(self.images.labels)):
            head = CachedHead(self.model, phase, self.images, self.measured)
            self.learner, self.data = head.network, head.data
            self.measured, self.predict = head.measured, head.predict

    def _count_finished_epochs(self, state: TrainingState | None, last: int) -> int:
        """Return how many of the epochs need no training any more; say so where it resumes."""
        if state is None:
            return self.begun[-1]
        if state.epoch == last or state.patience.get("stopped_epoch"):
            more = len(self.begun) < len(list_phases(self.train))
            which = "before fine-tuning" if more else "one"
            print(f"resuming after epoch {state.epoch}, the last {which}", flush=True)
            return last
        begun = f", after batch {state.step} of {len(self.data)}" if state.step else ""
        print(f"resuming at epoch {state.epoch + 1} of {last}{begun}", flush=True)
        return state.epoch

    def build_callbacks(self, state: TrainingState | None) -> "list[keras.callbacks.Callback]":
        """Return what measures an epoch, stops where there is no gain, and saves, in this order.

        It is saved within an epoch, too, where that is long.

        What a phase begins from is last, too: early stopping forgets all when one begins.
        """
        from keras.callbacks import LambdaCallback

        begin = self._resume(state) if state else self._remember_best()

        def measure(epoch: int, logs: dict[str, float]) -> None:
            self.position.end_epoch()
            predicted = {
                split: (self.predict(images), labels)
                for split, (images, labels) in self.measured.items()
            }
            self.curves.add(epoch + 1, logs, predicted)

        def save(_epoch: int, _logs: object) -> None:
            if self.saved.is_due():
                self.saved.save(self.get_state())

        def begin_batch(index: int, **_logs: object) -> None:
            self.position.begin_batch(index)
            if index and self.saved.is_due(within=True):
                self.saved.save(self.get_state())

        stopping = [self.stopper] if self.stopper else []
        saving = LambdaCallback(
            on_train_begin=lambda _logs: begin(),
            on_epoch_begin=lambda _epoch, _logs: self.position.begin_epoch(),
            on_train_batch_begin=begin_batch,
            on_epoch_end=save,
        )
        return [LambdaCallback(on_epoch_end=measure), *stopping, saving]

    def get_state(self) -> TrainingState:
        """Return all that what is to come depends on."""
        from secondlook.training.model import copy_variables

        history, stopper = list(self.curves.history), self.stopper
        return TrainingState(
            epoch=len(history),
            begun=self.begun,
            history=history,
            patience={name: getattr(stopper, name) for name in STOPPING_FIELDS} if stopper else {},
            variables=copy_variables(self.learner),
            best_weights=(stopper.best_weights or []) if stopper else [],
            step=self.position.step,
            measures=self.position.copy_measures(),
        )

    def _resume(self, state: TrainingState) -> Callable[[], None]:
        """Return what brings back a state in a phase that has just begun."""
        from secondlook.training.model import restore_variables

        def resume() -> None:
            restore_variables(self.learner, state.variables)
            self.curves.restore(state.history)
            if self.stopper:
                self.stopper.best_weights = state.best_weights or None  # before any epoch's end
                for name, value in state.patience.items():
                    setattr(self.stopper, name, value)

        return resume

    def _remember_best(self) -> Callable[[], None]:
        """Return what tells early stopping of the best epoch of the phases before.

        Patience counts anew; where fine-tuning gains nothing, the head alone is what is kept.
        """
        known: dict[str, object] = {}
        if self.stopper and len(self.begun) > 1:
            known = {name: getattr(self.stopper, name) for name in BEST_FIELDS}
            known["best_weights"] = self.model.get_weights()  # a phase ends with its best

        def remember() -> None:
            for name, value in known.items():
                setattr(self.stopper, name, value)

        return remember


def _build_early_stopping(
    wanted: EarlyStoppingParams | None,
) -> "keras.callbacks.EarlyStopping | None":
    """Return the callback that stops in time and brings the best epoch's weights back."""
    from keras.callbacks import EarlyStopping as Stopper

    if wanted is None:
        return None
    mode = "min" if wanted.monitor.endswith("loss") else "max"
    return Stopper(wanted.monitor, patience=wanted.patience, mode=mode, restore_best_weights=True)
