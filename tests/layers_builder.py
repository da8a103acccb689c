"""What `train` would leave of the inside of a run, made up."""

import numpy as np

from stages.core import files
from stages.core.outputs.findings import Interval
from stages.core.outputs.layers import Change, Layer, Layers
from stages.core.outputs.passage import Passage, Step

SHAPES = {
    "image": [28, 28, 1],
    "convolution_1": [26, 26, 70],
    "pooling_1": [13, 13, 70],
    "flat": [11830],
    "dense_1": [40],
    "answer": [2],
}


def layers(gained: int = 30, *, probed: bool = True) -> Layers:
    """Return a network in which each layer's probe gains so many images over the image's."""
    return Layers(
        images=100,
        lazy=0.6,
        accuracy=0.95,
        layers=[
            layer(name, shape, gained * (name != "image") if probed else None)
            for name, shape in SHAPES.items()
        ],
    )


def layer(name: str, shape: list[int], gained: int | None) -> Layer:
    """Return one layer; None: it could not be probed."""
    values = int(np.prod(shape))
    right = 0.65 + (gained or 0) / 100
    known = gained is not None
    return Layer(
        name=name,
        kind="made up",
        shape=shape,
        values=values,
        kept=values / 784,
        zeros=0.25,
        recovered=0.5 if known else None,
        probe=Interval(value=right, low=right - 0.05, high=right + 0.05) if known else None,
        change=Change(gained=gained, lost=0, p=0.5**gained) if gained is not None else None,
    )


def passage() -> Passage:
    """Return an image on its way: 64 of 70 maps of noise, pooled ones, and a dead layer."""
    random = np.random.default_rng(4)
    image, maps, pooled = (
        random.integers(0, 256, shape, dtype=np.uint8)
        for shape in ((28, 28, 1), (26, 26, 64), (13, 13, 64))
    )
    steps = [
        Step("convolution_1", maps, 1.5, 70),
        Step("pooling_1", pooled, 1.5, 70),
        Step("dense_1", np.zeros(40, np.uint8), 0.0, 40),
    ]
    return Passage(image, steps, np.array([0.25, 0.75], np.float32))


def write(name: str, table: Layers) -> None:
    """Leave it beside what the run `name` has left already."""
    folder = files.folder("train", name)
    files.write_json(folder / "layers.json", table.model_dump())
    np.savez(folder / "inside.npz", allow_pickle=False, **passage().arrays())
