"""Networks whose weights are set by hand, and what `train` would leave of a network's inside.

Keras is imported inside the functions that build a network: most users need made-up files only.
"""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from secondlook.artifacts import files
from secondlook.artifacts.layer_artifact import (
    Activations,
    LayerActivation,
    LayerReport,
    LayerSummary,
    ProbeChange,
)
from secondlook.artifacts.schema import Interval
from secondlook.data.decoding import DecodedImage
from secondlook.data.profile import SizedImages, build_profile
from secondlook.serving.ood_detector import OodDetector
from secondlook.training.embedding_distance import EmbeddingDistance

if TYPE_CHECKING:
    import keras


def build_copying_network() -> "keras.Model":
    """Return a network for 5 x 5 pixels that copies the picture, and takes the largest of 2 x 2.

    The second map is less than nothing, which relu takes away; the answer is always half and half.
    """
    import keras
    from keras import layers

    keras.config.set_dtype_policy("float32")  # whatever was built before
    model = keras.Sequential(
        [
            keras.Input((5, 5, 1), dtype="uint8", name="image"),
            layers.Rescaling(1 / 255, name="scaled"),
            layers.RandomFlip("horizontal", name="flipped"),
            layers.Conv2D(2, 2, activation="relu", name="convolution_1"),
            layers.MaxPooling2D(2, name="pooling_1"),
            layers.Flatten(name="flat"),
            layers.Dropout(0.5, name="dropout"),
            layers.Dense(2, activation="softmax", name="answer"),
        ]
    )
    kernel = np.zeros((2, 2, 1, 2))
    kernel[0, 0, 0] = [1, -1]
    set_weights(model, "convolution_1", kernel)
    set_weights(model, "answer", np.zeros((8, 2)))
    return model


def build_corner_network(side: int) -> "keras.Model":
    """Return a network that says "1" where the upper left pixel of side x side is light."""
    import keras
    from keras import layers

    keras.config.set_dtype_policy("float32")  # whatever was built before
    model = keras.Sequential(
        [
            keras.Input((side, side, 1), dtype="uint8", name="image"),
            layers.Rescaling(1 / 255, name="scaled"),
            layers.Flatten(name="flat"),
            layers.Dense(2, activation="softmax", name="answer"),
        ]
    )
    kernel = np.zeros((side * side, 2))
    kernel[0, 1] = 4
    set_weights(model, "answer", kernel)
    return model


def set_weights(model: "keras.Model", name: str, kernel: NDArray[np.float64]) -> None:
    """Give a layer its weights, and no bias."""
    model.get_layer(name).set_weights([kernel, np.zeros(kernel.shape[-1])])


LAYER_SHAPES = {
    "image": [28, 28, 1],
    "convolution_1": [26, 26, 70],
    "pooling_1": [13, 13, 70],
    "flat": [11830],
    "dense_1": [40],
    "answer": [2],
}


def make_layer_report(gained: int = 30, *, probed: bool = True) -> LayerReport:
    """Return a network in which each layer's probe gains so many images over the image's."""
    return LayerReport(
        images=100,
        lazy=0.6,
        accuracy=0.95,
        layers=[
            make_layer(name, shape, gained * (name != "image") if probed else None)
            for name, shape in LAYER_SHAPES.items()
        ],
    )


def make_layer(name: str, shape: list[int], gained: int | None) -> LayerSummary:
    """Return one layer; None: it could not be probed."""
    values = int(np.prod(shape))
    right = 0.65 + (gained or 0) / 100
    known = gained is not None
    return LayerSummary(
        name=name,
        kind="made up",
        shape=shape,
        values=values,
        kept=values / 784,
        zeros=0.25,
        recovered=0.5 if known else None,
        probe=Interval(value=right, low=right - 0.05, high=right + 0.05) if known else None,
        change=ProbeChange(gained=gained, lost=0, p=0.5**gained) if gained is not None else None,
    )


def make_activations() -> Activations:
    """Return an image on its way: 64 of 70 maps of noise, pooled ones, and a dead layer."""
    random = np.random.default_rng(4)
    image, maps, pooled = (
        random.integers(0, 256, shape, dtype=np.uint8)
        for shape in ((28, 28, 1), (26, 26, 64), (13, 13, 64))
    )
    steps = [
        LayerActivation("convolution_1", maps, 1.5, 70),
        LayerActivation("pooling_1", pooled, 1.5, 70),
        LayerActivation("dense_1", np.zeros(40, np.uint8), 0.0, 40),
    ]
    return Activations(image, steps, np.array([0.25, 0.75], np.float32))


def write_layer_files(name: str, table: LayerReport) -> None:
    """Leave it beside what the run `name` has left already."""
    folder = files.stage_folder("train", name)
    files.write_json(folder / "layers.json", table.model_dump())
    np.savez(folder / "inside.npz", allow_pickle=False, **make_activations().to_arrays())


STROKE_SIDE = 24
Pixels = NDArray[np.uint8]


def draw_strokes(seed: int, count: int) -> Pixels:
    """Return pictures (count, SIDE, SIDE, 1) of a light stroke about the middle of a dark ground.

    Its edges are a little grey, and its place, length and lightness vary.
    """
    random = np.random.default_rng(seed)
    pictures = random.integers(0, 12, (count, STROKE_SIDE, STROKE_SIDE, 1)).astype(np.uint8)
    for picture in pictures:
        left, top = random.integers(9, 12), random.integers(3, 6)
        light, length = random.integers(200, 256), random.integers(14, 17)
        picture[top : top + length, left - 1 : left + 5] = light // 2
        picture[top : top + length, left : left + 4] = light
    return pictures


def compute_embeddings(pictures: Pixels) -> NDArray[np.float32]:
    """Return embeddings (n, 3) that a network might have: a few means of each picture."""
    flat = pictures.reshape(len(pictures), -1).astype(np.float32)
    return np.stack(
        [flat.mean(axis=1), flat[:, ::2].std(axis=1), flat[:, ::7].mean(axis=1)], axis=1
    )


def fit_ood_detector() -> OodDetector:
    """Return what is typical of strokes, given as large as the network's pictures."""
    training, validation = draw_strokes(0, 800), draw_strokes(1, 400)
    splits = [
        SizedImages(one, np.full((len(one), 2), STROKE_SIDE)) for one in (training, validation)
    ]
    labels = np.arange(len(training)) % 2
    counts = {"train": 800, "validation": 400, "test": 0}
    distance = EmbeddingDistance.fit(
        compute_embeddings(training), labels, compute_embeddings(validation)
    )
    return OodDetector(build_profile(*splits), counts, distance)


def make_seen_image(
    pixels: Pixels, width: int = STROKE_SIDE, height: int = STROKE_SIDE
) -> DecodedImage:
    """Return one picture (SIDE, SIDE, 1) as it would be seen of a file of another size."""
    return DecodedImage(pixels, width, height)
