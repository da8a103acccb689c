"""What a frozen backbone makes of images, computed once: the head alone then learns from that.

Without augmentation it makes the same of an image in every epoch, and nearly all the time of an
epoch goes there.
"""

import math
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from secondlook.config.training import TrainParams
from secondlook.training.batches import Batches
from secondlook.training.epoch_metrics import MeasuredImages
from secondlook.training.model import (
    POOLED,
    PREDICTION_BATCH,
    ImageSequence,
    compile_model,
    pad_batch,
)

MAX_BYTES = 2**29  # of the features of all training images; more are computed epoch by epoch


class CachedHead:
    """The layers behind a frozen backbone as a network of their own, and what it learns from.

    network: shares its layers with the whole, so that what it learns is learned there; data and
    measured: training images, and those of the curves, each as features (N, D), float32.
    """

    def __init__(
        self, model: keras.Model, phase: TrainParams, data: Batches, measured: MeasuredImages
    ) -> None:
        made = model.get_layer(POOLED).output
        self._backbone = keras.Model(model.inputs, made)
        self.network = _cut_head(model, made)
        compile_model(self.network, phase, len(data))
        self.data = Batches(
            self._compute_features(data.images),
            data.labels,
            data.class_weights,
            data.batch_size,
            data.seed,
        )
        self.measured: MeasuredImages = {
            split: (self._compute_features(images), labels)
            for split, (images, labels) in measured.items()
        }

    def predict(self, features: ImageSequence) -> NDArray[np.float32]:
        """Return class probabilities (N, K) of features (N, D)."""
        return _ask_in_batches(self.network, features)

    def _compute_features(self, images: ImageSequence) -> NDArray[np.float32]:
        """Return the features (N, D) of uint8 images (N, H, W, C)."""
        return _ask_in_batches(self._backbone, images)


def _ask_in_batches(network: keras.Model, taken: ImageSequence) -> NDArray[np.float32]:
    """Return what a network makes of each of its inputs (N, ...), PREDICTION_BATCH at a time."""
    starts = range(0, len(taken), PREDICTION_BATCH)
    found = [
        network.predict_on_batch(pad_batch(part))[: len(part)]
        for part in (taken[start : start + PREDICTION_BATCH] for start in starts)
    ]
    return np.concatenate([np.asarray(part, np.float32) for part in found])


def is_cacheable(train: TrainParams, model: keras.Model, images: int) -> bool:
    """Tell whether features do not change from epoch to epoch, and so many fit into memory."""
    if train.model != "pretrained" or train.augment is not None:
        return False
    values: int = math.prod(model.get_layer(POOLED).output.shape[1:])
    return 4 * images * values <= MAX_BYTES


def _cut_head(model: keras.Model, made: Any) -> keras.Model:  # noqa: ANN401 - Keras has no types
    """Return the layers behind `made`, the output of one, as a network with its own input."""
    names = [layer.name for layer in model.layers]
    taken = passed = keras.Input(made.shape[1:], dtype="float32", name="features")
    for layer in model.layers[names.index(POOLED) + 1 :]:
        passed = layer(passed)
    return keras.Model(taken, passed, name="head")
