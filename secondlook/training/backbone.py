"""Networks that others trained on ImageNet's photographs, to begin from (keras.applications).

Without augmentation a frozen one makes the same of an image in every epoch, and nearly all the time
of an epoch goes there: so the head alone learns from what it made of each image once. Keras is
imported inside the functions that need it: what is wrong with weights is told before.
"""

import math
import re
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from secondlook.config.training import BackboneName, FineTuneParams, TrainParams

if TYPE_CHECKING:
    import keras

    from secondlook.training.epoch_metrics import MeasuredImages
    from secondlook.training.model import ImageSequence
    from secondlook.training.optimization import Batches

INPUT = "image"
POOLED = "pooled"  # between a backbone and the head
# Of the features of all training images; of more than that they are computed epoch by epoch.
MAX_FEATURE_BYTES = 2**29
LEVELS, END = "backbone_levels", "backbone_end"  # the layers before and after a backbone's own
# What comes before the first block or after the last belongs to none.
BLOCK = re.compile(r"(expanded_conv(?:_\d+)?|block_\d+|block\d+[a-z]|conv\d_block\d+)_")
# Keras counts these through a process; here they are named after what they follow.
COUNTED = re.compile(r"(re_lu|activation|max_pooling2d|add|multiply)(?:_\d+)?")
IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # of levels in 0..1


class Backbone(NamedTuple):
    """A class of keras.applications, and the levels it was trained on.

    Those are scale * v + offset of a level v in 0..1. scales_itself: unless told not to.
    """

    kind: str
    scale: float | list[float] = 2.0
    offset: float | list[float] = -1.0
    scales_itself: bool = False


BACKBONES: dict[BackboneName, Backbone] = {
    "mobilenet_v2": Backbone("MobileNetV2"),
    "mobilenet_v3_small": Backbone("MobileNetV3Small", scales_itself=True),
    "efficientnet_v2_b0": Backbone(
        "EfficientNetV2B0",
        [1 / each for each in IMAGENET_STD],
        [-mean / each for mean, each in zip(IMAGENET_MEAN, IMAGENET_STD, strict=True)],
        scales_itself=True,
    ),
    "resnet50_v2": Backbone("ResNet50V2"),
}


def build_backbone(
    name: BackboneName,
    images: "keras.KerasTensor | None" = None,
    weights: str | None = None,
) -> "keras.Model":
    """Return a backbone of images (batch, H, W, 3) in its own levels, or of images of any size.

    Names of its layers do not depend on what else was built in this process, so files of its
    weights are the same bytes. weights: None leaves them random, "imagenet" downloads them, a
    path reads them.
    """
    from keras import applications

    backbone = BACKBONES[name]
    size = {"input_shape": (None, None, 3)} if images is None else {"input_tensor": images}
    plain = {"include_preprocessing": False} if backbone.scales_itself else {}
    build = getattr(applications, backbone.kind)
    made = build(include_top=False, weights=weights, **size, **plain)
    _name_steadily(made)
    return made


def add_backbone(images: "keras.KerasTensor", name: BackboneName) -> "keras.KerasTensor":
    """Return the maps (batch, h, w, D) that a frozen backbone makes of images of levels 0..1.

    Its layers stand in the graph one by one; their weights are random.
    """
    from keras import Model, layers

    scaling = layers.Rescaling(BACKBONES[name].scale, BACKBONES[name].offset, name=LEVELS)
    scaled = scaling(images)
    maps = layers.Activation("linear", name=END)(build_backbone(name, scaled).output)
    for layer in list_backbone_layers(Model(scaled, maps)):
        layer.trainable = False
        if isinstance(layer, layers.Dropout):
            # Blocks left out at random: for those who train the whole. Keras's guide to
            # fine-tuning has them off as well.
            layer.rate = 0.0
    return maps


def _name_steadily(network: "keras.Model") -> None:
    """Name what Keras counts through a process after what comes before it in the network."""
    first = network.operations[0]
    first.name = INPUT
    for before, operation in pairwise(network.operations):
        if found := COUNTED.fullmatch(operation.name):
            operation.name = f"{before.name}_{found[1]}"


def cut_backbone(network: "keras.Model") -> "keras.Model":
    """Return the backbone in a network as one of its own, which a file of its weights fits."""
    from keras import Model

    return Model(network.get_layer(LEVELS).output, network.get_layer(END).input)


def list_backbone_layers(network: "keras.Model") -> "list[keras.layers.Layer]":
    """Return the layers of the backbone in a network, in order; none where it has none."""
    names = [layer.name for layer in network.layers]
    if END not in names:
        return []
    # A network of the maps alone begins with its input, in the place of the levels.
    first = names.index(LEVELS) if LEVELS in names else 0
    return list(network.layers[first + 1 : names.index(END)])


def list_blocks(network: "keras.Model") -> "dict[str, list[keras.layers.Layer]]":
    """Return the layers of each block of the backbone in a network, by its name, in order."""
    blocks: dict[str, list[keras.layers.Layer]] = {}
    for layer in list_backbone_layers(network):
        if found := BLOCK.match(layer.name):
            blocks.setdefault(found[1], []).append(layer)
    return blocks


def unfreeze_blocks(network: "keras.Model", wanted: FineTuneParams) -> None:
    """Let the last blocks of the backbone learn, and what follows them; or all of it.

    Its BatchNormalization stays as it is, layer by layer: it would go by the few images of a
    batch and forget what it knows of many (https://keras.io/guides/transfer_learning).
    """
    from keras import layers

    own, blocks = list_backbone_layers(network), list(list_blocks(network).values())
    first = 0 if wanted.blocks == "all" else own.index(blocks[-wanted.blocks][0])
    for layer in own[first:]:
        layer.trainable = not isinstance(layer, layers.BatchNormalization)


class CachedHead:
    """The layers behind a frozen backbone as a network of their own, and what it learns from.

    network: shares its layers with the whole, so that what it learns is learned there; data and
    measured: training images, and those of the curves, each as features (N, D), float32.
    """

    def __init__(
        self, model: "keras.Model", phase: TrainParams, data: "Batches", measured: "MeasuredImages"
    ) -> None:
        import keras

        from secondlook.training.model import compile_model
        from secondlook.training.optimization import Batches

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
        self.data.window = data.window
        self.measured: MeasuredImages = {
            split: (self._compute_features(images), labels)
            for split, (images, labels) in measured.items()
        }

    def predict(self, features: "ImageSequence") -> NDArray[np.float32]:
        """Return class probabilities (N, K) of features (N, D)."""
        return _ask_in_batches(self.network, features)

    def _compute_features(self, images: "ImageSequence") -> NDArray[np.float32]:
        """Return the features (N, D) of uint8 images (N, H, W, C)."""
        return _ask_in_batches(self._backbone, images)


def _ask_in_batches(network: "keras.Model", taken: "ImageSequence") -> NDArray[np.float32]:
    """Return what a network makes of each of its inputs (N, ...), PREDICTION_BATCH at a time."""
    from secondlook.training.model import PREDICTION_BATCH, pad_batch

    starts = range(0, len(taken), PREDICTION_BATCH)
    found = [
        network.predict_on_batch(pad_batch(part))[: len(part)]
        for part in (taken[start : start + PREDICTION_BATCH] for start in starts)
    ]
    return np.concatenate([np.asarray(part, np.float32) for part in found])


def is_cacheable(train: TrainParams, model: "keras.Model", images: int) -> bool:
    """Tell whether features do not change from epoch to epoch, and so many fit into memory."""
    if train.model != "pretrained" or train.augment is not None:
        return False
    values: int = math.prod(model.get_layer(POOLED).output.shape[1:])
    return 4 * images * values <= MAX_FEATURE_BYTES


def _cut_head(model: "keras.Model", made: "keras.KerasTensor") -> "keras.Model":
    """Return the layers behind `made`, the output of one, as a network with its own input."""
    import keras

    names = [layer.name for layer in model.layers]
    taken = passed = keras.Input(made.shape[1:], dtype="float32", name="features")
    for layer in model.layers[names.index(POOLED) + 1 :]:
        passed = layer(passed)
    return keras.Model(taken, passed, name="head")
