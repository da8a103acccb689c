"""How a training steps: the optimizer and its learning rate. Sources: docs/training.md."""

import keras

from secondlook.config.training import AdamWParams, TrainParams

# Decay is for kernels, as l2 is: an offset or a scale that is pulled to 0 gains nothing.
NEVER_DECAYED = ["bias", "beta", "gamma"]  # in names of variables


def build_optimizer(train: TrainParams, steps: int) -> keras.optimizers.Optimizer:
    """Return the optimizer that a run asks for; `steps` is how many an epoch has."""
    rate = _build_learning_rate(train, steps)
    if isinstance(train.optimizer, AdamWParams):
        decaying = keras.optimizers.AdamW(rate, weight_decay=train.optimizer.adamw.weight_decay)
        decaying.exclude_from_weight_decay(var_names=NEVER_DECAYED)
        return decaying
    kinds = {
        "adam": keras.optimizers.Adam,
        "sgd": lambda rate: keras.optimizers.SGD(rate, momentum=0.9),
        "rmsprop": keras.optimizers.RMSprop,
    }
    return kinds[train.optimizer](rate)


def _build_learning_rate(
    train: TrainParams, steps: int
) -> float | keras.optimizers.schedules.CosineDecay:
    """Return the learning rate, or how it goes with the steps made.

    The optimizer counts these and keeps the count with its variables: who resumes goes on there.
    Early stopping does not move the end, which lies after the epochs allowed.
    """
    rate, schedule = train.learning_rate, train.learning_rate_schedule
    if schedule is None:
        return rate
    warmup = schedule.cosine.warmup
    falling = (train.epochs - warmup) * steps
    if not warmup:
        return keras.optimizers.schedules.CosineDecay(rate, falling)
    return keras.optimizers.schedules.CosineDecay(
        0.0, falling, warmup_target=rate, warmup_steps=warmup * steps
    )
