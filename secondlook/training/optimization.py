"""How a training steps: the optimizer. Sources stand in docs/training.md."""

import keras

from secondlook.config.training import AdamWParams, TrainParams

# Decay is for kernels, as l2 is: an offset or a scale that is pulled to 0 gains nothing.
NEVER_DECAYED = ["bias", "beta", "gamma"]  # in names of variables


def build_optimizer(train: TrainParams) -> keras.optimizers.Optimizer:
    """Return the optimizer that a run asks for."""
    if isinstance(train.optimizer, AdamWParams):
        decaying = keras.optimizers.AdamW(
            train.learning_rate, weight_decay=train.optimizer.adamw.weight_decay
        )
        decaying.exclude_from_weight_decay(var_names=NEVER_DECAYED)
        return decaying
    kinds = {
        "adam": keras.optimizers.Adam,
        "sgd": lambda rate: keras.optimizers.SGD(rate, momentum=0.9),
        "rmsprop": keras.optimizers.RMSprop,
    }
    return kinds[train.optimizer](train.learning_rate)
