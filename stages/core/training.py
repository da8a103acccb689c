"""A network in training: what a State is of, and what Keras is to call meanwhile."""

from typing import TYPE_CHECKING

from stages.core.checkpoint import Checkpoint
from stages.core.epochs import Curves
from stages.core.state import State

if TYPE_CHECKING:
    import keras

PATIENCE = ("best", "best_epoch", "wait", "stopped_epoch")  # of Keras's EarlyStopping


def epochs_behind(state: State | None, epochs: int) -> int:
    """Return how many of the epochs need no training any more, and say so."""
    if state is None:
        return 0
    if state.epoch == epochs or state.patience.get("stopped_epoch"):
        print(f"resuming after epoch {state.epoch}, the last one", flush=True)
        return epochs
    print(f"resuming at epoch {state.epoch + 1} of {epochs}", flush=True)
    return state.epoch


class Training:
    """A network, what early stopping remembers of it, and its curves."""

    def __init__(
        self,
        model: "keras.Model",
        stopper: "keras.callbacks.EarlyStopping | None",
        curves: Curves,
    ) -> None:
        self.model, self.stopper, self.curves = model, stopper, curves

    def state(self) -> State:
        """Return all that the epochs to come depend on."""
        from stages.core.model import state

        history, stopper = list(self.curves.history), self.stopper
        return State(
            epoch=len(history),
            history=history,
            patience={name: getattr(stopper, name) for name in PATIENCE} if stopper else {},
            variables=state(self.model),
            best_weights=stopper.best_weights if stopper else [],
        )

    def resume(self, state: State) -> None:
        """Bring back a state, in a training that has just begun."""
        from stages.core.model import set_state

        set_state(self.model, state.variables)
        self.curves.take_up(state.history)
        if self.stopper:
            self.stopper.best_weights = state.best_weights
            for name, value in state.patience.items():
                setattr(self.stopper, name, value)

    def callbacks(self, saved: Checkpoint, state: State | None) -> "list[keras.callbacks.Callback]":
        """Return what measures an epoch, stops where there is no gain, and saves, in this order.

        `state` is what to resume from. That is last, too: early stopping forgets all that it
        knows when the training begins.
        """
        from keras.callbacks import LambdaCallback

        def begin(_logs: object) -> None:
            if state is not None:
                self.resume(state)

        def measure(epoch: int, logs: dict[str, float]) -> None:
            self.curves.add(self.model, epoch + 1, logs)

        def save(_epoch: int, _logs: object) -> None:
            if saved.due():
                saved.save(self.state())

        stopping = [self.stopper] if self.stopper else []
        saving = LambdaCallback(on_train_begin=begin, on_epoch_end=save)
        return [LambdaCallback(on_epoch_end=measure), *stopping, saving]
