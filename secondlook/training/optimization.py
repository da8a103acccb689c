"""What a training minimises, and how it steps: optimizer and rate. Sources: docs/training.md."""

from collections.abc import Callable

import keras

from secondlook.config.training import AdamWParams, FocalParams, TrainParams

# Decay is for kernels, as l2 is: an offset or a scale that is pulled to 0 gains nothing.
NEVER_DECAYED = ["bias", "beta", "gamma"]  # in names of variables


# Labels (batch,) and probabilities (batch, K) -> the loss of each image (batch,), unweighted.
Loss = Callable[[keras.KerasTensor, keras.KerasTensor], keras.KerasTensor]


def build_loss(train: TrainParams) -> str | Loss:
    """Return what is minimised; Keras has it for one-hot labels alone where it is not the usual.

    Labels are smoothed by s: 1 - s + s / K for the true class, s / K for each other. Of mixed
    images they come as shares of classes (batch, K).
    """
    smoothing, loss = train.label_smoothing, train.loss
    mixed = train.augment is not None and train.augment.mixup > 0
    if not smoothing and not mixed and loss == "cross_entropy":
        return "sparse_categorical_crossentropy"

    def compute_loss(
        labels: keras.KerasTensor, probabilities: keras.KerasTensor
    ) -> keras.KerasTensor:
        if mixed:
            told = keras.ops.cast(labels, probabilities.dtype)
        else:
            whole = keras.ops.cast(keras.ops.reshape(labels, (-1,)), "int32")
            told = keras.ops.one_hot(whole, probabilities.shape[-1], dtype=probabilities.dtype)
        if isinstance(loss, FocalParams):
            return keras.losses.categorical_focal_crossentropy(
                told,
                probabilities,
                alpha=1.0,  # for every class: how they weigh is class_weight's
                gamma=loss.focal.gamma,
                label_smoothing=smoothing,
            )
        return keras.losses.categorical_crossentropy(told, probabilities, label_smoothing=smoothing)

    return compute_loss


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
