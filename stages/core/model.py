"""Build, save, load and ask a classifier; the only home of Keras layers."""

from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import keras
import numpy as np
from keras import layers
from numpy.typing import NDArray

from stages.core.params import Augment, Train

ARCHITECTURE = "model.json"
WEIGHTS = "model.weights.h5"
# Always the same, the last batch padded: one compiled function, and an image's probabilities do
# not depend on how many others are asked about with it.
PREDICTION_BATCH = 64


class Rows(Protocol):
    """Images that can be cut along their first axis: an array or a memory map."""

    def __len__(self) -> int: ...
    def __getitem__(self, index: slice, /) -> NDArray[np.uint8]: ...


class Answers(NamedTuple):
    """Class probabilities (N, K) and what the last layer reads them from, (N, D), float32."""

    probabilities: NDArray[np.float32]
    embeddings: NDArray[np.float32]


def build(train: Train, shape: Sequence[int], classes: int) -> keras.Model:
    """Return an untrained, compiled classifier.

    It takes uint8 images (batch, H, W, C), `shape` being (H, W, C), and gives float32
    probabilities (batch, classes) that sum to 1. The scaling to 0..1 is its first layer, then
    comes augmentation, in training only. The seed decides weights, dropout and augmentation.
    """
    keras.utils.set_random_seed(train.seed)
    keras.config.set_dtype_policy(train.precision)
    parts = [
        keras.Input(tuple(shape), dtype="uint8", name="image"),
        layers.Rescaling(1 / 255, name="scaled"),
        *_augmentation(train.augment, train.seed),
        *(_convolutions(train) if train.model == "cnn" else []),
        layers.Flatten(name="flat"),
        *_dense(train),
        layers.Dense(classes, activation="softmax", dtype="float32", name="answer"),
    ]
    model = keras.Sequential(parts, name=train.model)
    model.compile(_optimizer(train), loss="sparse_categorical_crossentropy", jit_compile=False)
    return model


def _augmentation(augment: Augment | None, seed: int) -> list[layers.Layer]:
    if augment is None:
        return []
    edges = {"fill_mode": "nearest", "seed": seed}
    shift, zoom = augment.shift, augment.zoom
    wanted = [
        (augment.flip, layers.RandomFlip("horizontal", seed=seed, name="flipped")),
        (augment.rotation, layers.RandomRotation(augment.rotation, name="rotated", **edges)),
        (shift, layers.RandomTranslation(shift, shift, name="shifted", **edges)),
        (zoom, layers.RandomZoom(zoom, name="zoomed", **edges)),
    ]
    return [layer for amount, layer in wanted if amount]


def _convolutions(train: Train) -> list[layers.Layer]:
    parts = []
    for number, filters in enumerate(train.filters, start=1):
        penalty, name = keras.regularizers.L2(train.l2), f"convolution_{number}"
        window = train.kernel_size
        parts += [
            layers.Conv2D(
                filters, window, activation="relu", kernel_regularizer=penalty, name=name
            ),
            layers.MaxPooling2D(2, name=f"pooling_{number}"),
        ]
    return parts


def _dense(train: Train) -> list[layers.Layer]:
    parts: list[layers.Layer] = []
    for number, units in enumerate(train.dense_units, start=1):
        penalty, name = keras.regularizers.L2(train.l2), f"dense_{number}"
        parts += [layers.Dense(units, activation="relu", kernel_regularizer=penalty, name=name)]
    if train.dropout:
        parts += [layers.Dropout(train.dropout, seed=train.seed, name="dropout")]
    return parts


def _optimizer(train: Train) -> keras.optimizers.Optimizer:
    kinds = {
        "adam": keras.optimizers.Adam,
        "sgd": lambda rate: keras.optimizers.SGD(rate, momentum=0.9),
        "rmsprop": keras.optimizers.RMSprop,
    }
    return kinds[train.optimizer](train.learning_rate)


def predict(model: keras.Model, images: Rows) -> NDArray[np.float32]:
    """Return class probabilities (N, K) of uint8 images (N, H, W, C)."""
    return np.concatenate([answers.probabilities for answers in ask(model, images)])


def ask(model: keras.Model, images: Rows) -> Iterator[Answers]:
    """Yield what the network makes of uint8 images (N, H, W, C), PREDICTION_BATCH at a time.

    Whoever asks, and for whatever part of it, asks the same compiled function: an image's
    probabilities are the same to the bit in training, in evaluation and when served.
    """
    for start in range(0, len(images), PREDICTION_BATCH):
        yield _asked(model, images[start : start + PREDICTION_BATCH])


def _asked(model: keras.Model, images: NDArray[np.uint8]) -> Answers:
    missing = PREDICTION_BATCH - len(images)
    padded = np.pad(images, [(0, missing), (0, 0), (0, 0), (0, 0)]) if missing else images
    probabilities, embeddings = _whole(model).predict_on_batch(padded)
    flat = np.asarray(embeddings, np.float32).reshape(PREDICTION_BATCH, -1)
    return Answers(probabilities[: len(images)], flat[: len(images)])


@lru_cache(maxsize=1)  # compiled once for all epochs of a training
def _whole(model: keras.Model) -> keras.Model:
    """Return the same layers with two outputs: the answer, and what it is read from."""
    answer = model.get_layer("answer")
    return keras.Model(model.inputs, [answer.output, answer.input])


def state(model: keras.Model) -> list[NDArray[Any]]:
    """Return copies of all that training changes: weights, random state of layers, optimizer."""
    return [variable.numpy() for variable in _variables(model)]


def set_state(model: keras.Model, values: Sequence[NDArray[Any]]) -> None:
    """Bring back what `state` returned of a network of the same parameters."""
    model.optimizer.build(model.trainable_variables)  # else not before the first batch
    for variable, value in zip(_variables(model), values, strict=True):
        variable.assign(value)


def _variables(model: keras.Model) -> list[keras.Variable]:
    return [*model.variables, *model.optimizer.variables]


def save(model: keras.Model, folder: Path) -> None:
    """Write model.json and model.weights.h5: byte-stable, unlike a .keras archive.

    They hold the network alone, without the optimizer that trained it.
    """
    network = keras.Sequential.from_config(model.get_config())
    network.set_weights(model.get_weights())
    (folder / ARCHITECTURE).write_text(network.to_json(indent=2) + "\n", encoding="utf-8")
    network.save_weights(folder / WEIGHTS)


def load(folder: Path) -> keras.Model:
    """Return the classifier that `save` wrote: it predicts, and cannot go on training."""
    text = (folder / ARCHITECTURE).read_text(encoding="utf-8")
    model = keras.models.model_from_json(text)
    model.load_weights(folder / WEIGHTS)
    return model
