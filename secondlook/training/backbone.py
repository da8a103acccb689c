"""Networks that others trained on ImageNet's photographs, to begin from (keras.applications).

Keras is imported inside the functions that need it: whether the weights are there is told before.
"""

import re
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from secondlook.artifacts.files import hash_file
from secondlook.config.errors import DataError
from secondlook.config.training import BackboneName, BackboneParams, FineTuneParams

if TYPE_CHECKING:
    import keras

WEIGHTS_FOLDER = Path("data", "weights")
INPUT = "image"
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


def get_weights_path(name: str) -> Path:
    """Return where the weights of a backbone lie in a project."""
    return WEIGHTS_FOLDER / f"{name}.weights.h5"


def check_weights(backbone: BackboneParams, where: str) -> Path:
    """Return the file of weights; raise DataError unless it is there, and the one that is meant."""
    path, wanted = get_weights_path(backbone.name), backbone.sha256
    if not path.is_file():
        raise DataError(
            f"{path}: no such file, and {where}.backbone starts from it (sha256 {wanted}); "
            f"`dvc pull {path}.dvc` where it was added, else `secondlook weights {backbone.name}`"
        )
    if (found := hash_file(path)) != wanted:
        raise DataError(
            f"{path}: found sha256 {found}; {where}.backbone expected {wanted}; bring that file "
            "back (`dvc checkout`), or write the new digest there, which makes it another run"
        )
    return path


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


def add_backbone(
    images: "keras.KerasTensor", name: BackboneName, path: Path | None
) -> "keras.KerasTensor":
    """Return the maps (batch, h, w, D) that a frozen backbone makes of images of levels 0..1.

    Its layers stand in the graph one by one. path: its weights; None leaves them random.
    """
    from keras import Model, layers

    scaling = layers.Rescaling(BACKBONES[name].scale, BACKBONES[name].offset, name=LEVELS)
    scaled = scaling(images)
    maps = layers.Activation("linear", name=END)(build_backbone(name, scaled).output)
    whole = Model(scaled, maps)
    if path is not None:
        _copy_weights(build_backbone(name, weights=str(path)), whole)
    for layer in list_backbone_layers(whole):
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


def _copy_weights(source: "keras.Model", network: "keras.Model") -> None:
    """Copy the weights of a backbone of its own into the layers that it has in a network."""
    own = list_backbone_layers(network)
    for layer, copied in zip(own, source.layers[1:], strict=True):  # the first takes the images
        layer.set_weights(copied.get_weights())


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
    first = 0 if wanted.blocks == "all" else own.index(blocks[-min(wanted.blocks, len(blocks))][0])
    for layer in own[first:]:
        layer.trainable = not isinstance(layer, layers.BatchNormalization)
