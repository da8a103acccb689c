"""Build, save, load and ask a classifier; the only home of Keras layers."""

from collections.abc import Iterator, Sequence
from functools import lru_cache, reduce
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import keras
import numpy as np
from keras import layers
from numpy.typing import NDArray

from secondlook.artifacts.files import check_present
from secondlook.config.training import AugmentParams, TrainParams
from secondlook.training.backbone import POOLED, add_backbone
from secondlook.training.optimization import build_loss, build_optimizer
from secondlook.training.pretrained_weights import load_backbone

ARCHITECTURE_FILE = "model.json"
WEIGHTS_FILE = "model.weights.h5"
# Always the same, the last batch padded: one compiled function, and an image's probabilities do
# not depend on how many others are asked about with it.
PREDICTION_BATCH = 64


class ImageSequence(Protocol):
    """Images that can be cut along their first axis: an array or a memory map."""

    def __len__(self) -> int: ...
    def __getitem__(self, index: slice, /) -> NDArray[Any]: ...


class NetworkOutput(NamedTuple):
    """Class probabilities (N, K) and what the last layer reads them from, (N, D), float32."""

    probabilities: NDArray[np.float32]
    embeddings: NDArray[np.float32]


def build_model(
    train: TrainParams,
    shape: Sequence[int],
    classes: int,
    steps: int = 1,
    weights: Path | None = None,
) -> keras.Model:
    """Return an untrained, compiled classifier; `steps` is how many an epoch of training has.

    It takes uint8 images (batch, H, W, C), `shape` being (H, W, C), and gives float32
    probabilities (batch, classes) that sum to 1. The scaling to 0..1 is its first layer, then
    comes augmentation, in training only. The seed decides weights, dropout and augmentation.
    weights: of the backbone; without them that begins at random as well. Raises DataError where
    the file does not hold them.
    """
    keras.utils.set_random_seed(train.seed)
    keras.config.set_dtype_policy(train.precision)
    before = [
        keras.Input(tuple(shape), dtype="uint8", name="image"),
        layers.Rescaling(1 / 255, name="scaled"),
        *_build_augmentation_layers(train.augment, train.seed),
    ]
    # In the order of the network: each layer draws its first weights when it is made.
    convolutions = _build_convolution_layers(train) if train.model == "cnn" else []
    after = [
        *_build_dense_layers(train),
        layers.Dense(classes, activation="softmax", dtype="float32", name="answer"),
    ]
    if train.backbone is None:
        parts = [*before, *convolutions, layers.Flatten(name="flat"), *after]
        model = keras.Sequential(parts, name=train.model)
    else:
        image, name = before[0], train.backbone.name
        maps = add_backbone(_chain(before[1:], image), name)
        parts = [layers.GlobalAveragePooling2D(name=POOLED), *after]
        model = keras.Model(image, _chain(parts, maps), name=train.model)
        if weights is not None:
            load_backbone(model, name, weights)
    compile_model(model, train, steps)
    return model


def _chain(parts: Sequence[layers.Layer], taken: keras.KerasTensor) -> keras.KerasTensor:
    """Return what layers one after the other make of a tensor."""
    return reduce(lambda made, layer: layer(made), parts, taken)


def compile_model(model: keras.Model, train: TrainParams, steps: int) -> None:
    """Let a network learn with a new optimizer: at its start, or where other layers begin to."""
    model.compile(build_optimizer(train, steps), loss=build_loss(train), jit_compile=False)


def _build_augmentation_layers(augment: AugmentParams | None, seed: int) -> list[layers.Layer]:
    if augment is None:
        return []
    edges = {"fill_mode": "nearest", "seed": seed}
    levels = {"value_range": (0, 1), "seed": seed}
    shift, zoom = augment.shift, augment.zoom
    brighter, contrast, erasing = augment.brightness, augment.contrast, augment.erasing
    wanted = [
        (augment.flip, layers.RandomFlip("horizontal", seed=seed, name="flipped")),
        (augment.rotation, layers.RandomRotation(augment.rotation, name="rotated", **edges)),
        (shift, layers.RandomTranslation(shift, shift, name="shifted", **edges)),
        (zoom, layers.RandomZoom(zoom, name="zoomed", **edges)),
        (brighter, layers.RandomBrightness(brighter, name="brightened", **levels)),
        # A pair: of one number c, Keras makes 1 to 1 + c, and of one probability anything up to it.
        (contrast, layers.RandomContrast((contrast, contrast), name="contrasted", **levels)),
        (erasing, layers.RandomErasing((erasing, erasing), name="erased", **levels)),
    ]
    return [layer for amount, layer in wanted if amount]


def _build_convolution_layers(train: TrainParams) -> list[layers.Layer]:
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


def _build_dense_layers(train: TrainParams) -> list[layers.Layer]:
    parts: list[layers.Layer] = []
    for number, units in enumerate(train.dense_units, start=1):
        penalty, name = keras.regularizers.L2(train.l2), f"dense_{number}"
        parts += [layers.Dense(units, activation="relu", kernel_regularizer=penalty, name=name)]
    if train.dropout:
        parts += [layers.Dropout(train.dropout, seed=train.seed, name="dropout")]
    return parts


def predict_probabilities(model: keras.Model, images: ImageSequence) -> NDArray[np.float32]:
    """Return class probabilities (N, K) of uint8 images (N, H, W, C)."""
    return np.concatenate([answers.probabilities for answers in predict_batches(model, images)])


def predict_batches(model: keras.Model, images: ImageSequence) -> Iterator[NetworkOutput]:
    """Yield what the network makes of uint8 images (N, H, W, C), PREDICTION_BATCH at a time.

    Whoever asks, and for whatever part of it, asks the same compiled function: an image's
    probabilities are the same to the bit in training, in evaluation and when served.
    """
    for start in range(0, len(images), PREDICTION_BATCH):
        yield _predict_padded_batch(model, images[start : start + PREDICTION_BATCH])


def _predict_padded_batch(model: keras.Model, images: NDArray[np.uint8]) -> NetworkOutput:
    padded = pad_batch(images)
    probabilities, embeddings = _add_embedding_output(model).predict_on_batch(padded)
    flat = np.asarray(embeddings, np.float32).reshape(PREDICTION_BATCH, -1)
    return NetworkOutput(probabilities[: len(images)], flat[: len(images)])


def pad_batch(images: NDArray[Any]) -> NDArray[Any]:
    """Return images, or what is known of each, (n, ...) as PREDICTION_BATCH, the rest zeros."""
    missing = PREDICTION_BATCH - len(images)
    return np.pad(images, [(0, missing)] + [(0, 0)] * (images.ndim - 1)) if missing else images


@lru_cache(maxsize=1)  # compiled once for all epochs of a training
def _add_embedding_output(model: keras.Model) -> keras.Model:
    """Return the same layers with two outputs: the answer, and what it is read from."""
    answer = model.get_layer("answer")
    return keras.Model(model.inputs, [answer.output, answer.input])


def copy_variables(model: keras.Model) -> list[NDArray[Any]]:
    """Return copies of all that training changes: weights, random state of layers, optimizer."""
    return [variable.numpy() for variable in _list_variables(model)]


def restore_variables(model: keras.Model, values: Sequence[NDArray[Any]]) -> None:
    """Bring back what `copy_variables` returned of a network of the same parameters."""
    model.optimizer.build(model.trainable_variables)  # else not before the first batch
    for variable, value in zip(_list_variables(model), values, strict=True):
        variable.assign(value)


def _list_variables(model: keras.Model) -> list[keras.Variable]:
    return [*model.variables, *model.optimizer.variables]


def save_model(model: keras.Model, folder: Path) -> None:
    """Write model.json and model.weights.h5: byte-stable, unlike a .keras archive.

    They hold the network alone, without the optimizer that trained it.
    """
    network = model.__class__.from_config(model.get_config())
    network.set_weights(model.get_weights())
    (folder / ARCHITECTURE_FILE).write_text(network.to_json(indent=2) + "\n", encoding="utf-8")
    network.save_weights(folder / WEIGHTS_FILE)


def load_model(folder: Path) -> keras.Model:
    """Return the classifier that `save_model` wrote: it predicts, and cannot go on training.

    Raises DataError when a file of it is missing.
    """
    architecture, weights = (
        check_present(folder / name) for name in (ARCHITECTURE_FILE, WEIGHTS_FILE)
    )
    model = keras.models.model_from_json(architecture.read_text(encoding="utf-8"))
    model.load_weights(weights)
    return model
