"""What each layer of a network makes of images, and of one image as levels to be drawn.

Layers that change nothing when a network answers (augmentation, dropout) or only scale are left
out: what is told of a layer is told of its input's values. Of a pretrained backbone, which has a
hundred or more, the ends of its blocks are told of.
"""

from collections.abc import Callable, Collection, Iterator
from typing import Any, NamedTuple

import keras
import numpy as np
from keras import layers
from numpy.typing import NDArray

from secondlook.artifacts.layer_artifact import Activations, LayerActivation
from secondlook.training.backbone import END, list_backbone_layers, list_blocks
from secondlook.training.model import PREDICTION_BATCH, ImageSequence

IMAGE_LAYER = "image"
LayerValues = NDArray[np.float32]


class LayerDescription(NamedTuple):
    """A layer: its name, what it does in words, and the shape of its output, without the batch.

    same: whether its values are those of the part before.
    """

    name: str
    kind: str
    shape: tuple[int, ...]
    same: bool


def _describe_convolution(layer: Any) -> str:  # noqa: ANN401 - Keras has no types
    height, width = layer.kernel_size
    return f"{layer.filters} filters of {height} x {width}{_describe_activation(layer)}"


def _describe_dense(layer: Any) -> str:  # noqa: ANN401 - likewise
    return f"{layer.units} weighted sums{_describe_activation(layer)}"


def _describe_activation(layer: Any) -> str:  # noqa: ANN401 - likewise
    name = layer.activation.__name__
    return {"linear": "", "softmax": ", softmax"}.get(name, f", {name}")


LAYER_DESCRIBERS: dict[type, Callable[[Any], str]] = {
    layers.Conv2D: _describe_convolution,
    layers.MaxPooling2D: lambda layer: "the largest of each {} x {}".format(*layer.pool_size),
    layers.Flatten: lambda _: "the same values in a row",
    layers.GlobalAveragePooling2D: lambda _: "the mean of each map",
    layers.Dense: _describe_dense,
}


class LayeredNetwork:
    """A network, layer by layer."""

    def __init__(self, network: keras.Model) -> None:
        self.network = network
        backbone, blocks = list_backbone_layers(network), list_blocks(network)
        ends = {parts[-1]: len(parts) for parts in blocks.values()}
        self._layers: dict[str, tuple[Any, str]] = {}
        for each in network.layers:
            if each in ends:
                told = f"the end of a block of {ends[each]} layers"
            elif each.name == END:
                told = f"the end of a pretrained network of {len(backbone)} layers"
            elif each not in backbone and type(each) in LAYER_DESCRIBERS:
                told = LAYER_DESCRIBERS[type(each)](each)
            else:
                continue
            self._layers[each.name] = (each, told)

    @property
    def descriptions(self) -> list[LayerDescription]:
        """Return the image and the layers after it, in order."""
        shape = tuple(self.network.input_shape[1:])
        found = [LayerDescription(IMAGE_LAYER, "what the network is given", shape, same=False)]
        for name, (layer, told) in self._layers.items():
            shape = tuple(layer.output.shape[1:])
            found.append(LayerDescription(name, told, shape, same=type(layer) is layers.Flatten))
        return found

    def compute_outputs(
        self, names: Collection[str], images: ImageSequence
    ) -> Iterator[dict[str, LayerValues]]:
        """Yield what layers make of uint8 images (N, H, W, C), by their names, in one pass.

        PREDICTION_BATCH images at a time, each layer float32 (n, *shape); the image itself is its
        pixels in 0..1.
        """
        asked = [name for name in names if name != IMAGE_LAYER]
        cut = [self._layers[name][0].output for name in asked]
        part = keras.Model(self.network.inputs[0], cut) if cut else None
        for start in range(0, len(images), PREDICTION_BATCH):
            batch = images[start : start + PREDICTION_BATCH]
            made = keras.tree.flatten(part(batch, training=False)) if part else []
            found = {
                name: np.asarray(keras.ops.cast(each, "float32").numpy(), np.float32)
                for name, each in zip(asked, made, strict=True)
            }
            if IMAGE_LAYER in names:
                found[IMAGE_LAYER] = np.divide(batch, 255, dtype=np.float32)
            yield found


MAX_MAPS, MAX_VALUES = 64, 512  # of one layer, at most; the first of more


def compute_activations(network: LayeredNetwork, image: NDArray[np.uint8]) -> Activations:
    """Return what layer after layer makes of an image, uint8 (H, W, C).

    A layer is scaled by its own largest value, so that its maps can be compared with each other.
    """
    parts = [part for part in network.descriptions if part.name != IMAGE_LAYER and not part.same]
    made = next(network.compute_outputs([part.name for part in parts], image[None]))
    *shown, last = parts
    return Activations(
        image,
        [_scale_activation(part, made[part.name][0]) for part in shown],
        made[last.name][0],
    )


def _scale_activation(part: LayerDescription, output: LayerValues) -> LayerActivation:
    """Return what one layer makes of the image, as levels."""
    kept = output[..., : MAX_MAPS if output.ndim == 3 else MAX_VALUES]
    peak = float(output.max())
    shares = np.clip(kept / peak, 0, 1) if peak > 0 else np.zeros_like(kept)
    return LayerActivation(
        part.name, np.round(255 * shares).astype(np.uint8), peak, output.shape[-1]
    )
