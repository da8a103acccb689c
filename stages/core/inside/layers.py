"""What each layer of a network makes of images.

Layers that change nothing when a network answers (augmentation, dropout) or only scale are left
out: what is told of a layer is told of its input's values.
"""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import keras
import numpy as np
from keras import layers
from numpy.typing import NDArray

from stages.core.model import PREDICTION_BATCH, Rows

IMAGE = "image"
Outputs = NDArray[np.float32]


class Part(NamedTuple):
    """A layer: its name, what it does in words, and the shape of its output, without the batch.

    same: whether its values are those of the part before.
    """

    name: str
    kind: str
    shape: tuple[int, ...]
    same: bool


def _convolved(layer: Any) -> str:  # noqa: ANN401 - Keras has no types
    height, width = layer.kernel_size
    return f"{layer.filters} filters of {height} x {width}{_bent(layer)}"


def _summed(layer: Any) -> str:  # noqa: ANN401 - likewise
    return f"{layer.units} weighted sums{_bent(layer)}"


def _bent(layer: Any) -> str:  # noqa: ANN401 - likewise
    name = layer.activation.__name__
    return {"linear": "", "softmax": ", softmax"}.get(name, f", {name}")


KINDS: dict[type, Callable[[Any], str]] = {
    layers.Conv2D: _convolved,
    layers.MaxPooling2D: lambda layer: "the largest of each {} x {}".format(*layer.pool_size),
    layers.Flatten: lambda _: "the same values in a row",
    layers.Dense: _summed,
}


class Network:
    """A network, layer by layer."""

    def __init__(self, network: keras.Model) -> None:
        self.network = network
        self._layers = {each.name: each for each in network.layers if type(each) in KINDS}

    @property
    def parts(self) -> list[Part]:
        """Return the image and the layers after it, in order."""
        shape = tuple(self.network.input_shape[1:])
        found = [Part(IMAGE, "what the network is given", shape, same=False)]
        for name, layer in self._layers.items():
            kind, shape = type(layer), tuple(layer.output.shape[1:])
            found.append(Part(name, KINDS[kind](layer), shape, same=kind is layers.Flatten))
        return found

    def outputs(self, name: str, images: Rows) -> Iterator[Outputs]:
        """Yield what a layer makes of uint8 images (N, H, W, C), PREDICTION_BATCH at a time.

        Each is float32 (n, *shape); of the image itself, its pixels in 0..1.
        """
        for start in range(0, len(images), PREDICTION_BATCH):
            yield self._output(name, images[start : start + PREDICTION_BATCH])

    def _output(self, name: str, images: NDArray[np.uint8]) -> Outputs:
        if name == IMAGE:
            return np.divide(images, 255, dtype=np.float32)
        part = keras.Model(self.network.inputs[0], self._layers[name].output)
        made = keras.ops.cast(part(images, training=False), "float32")
        return np.asarray(made.numpy(), np.float32)
