"""Networks whose weights are set by hand, so that everything about them is known."""

import keras
import numpy as np
from keras import layers
from numpy.typing import NDArray


def copying() -> keras.Model:
    """Return a network for 5 x 5 pixels that copies the picture, and takes the largest of 2 x 2.

    The second map is less than nothing, which relu takes away; the answer is always half and half.
    """
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
    weigh(model, "convolution_1", kernel)
    weigh(model, "answer", np.zeros((8, 2)))
    return model


def corner(side: int) -> keras.Model:
    """Return a network that says "1" where the upper left pixel of side x side is light."""
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
    weigh(model, "answer", kernel)
    return model


def weigh(model: keras.Model, name: str, kernel: NDArray[np.float64]) -> None:
    """Give a layer its weights, and no bias."""
    model.get_layer(name).set_weights([kernel, np.zeros(kernel.shape[-1])])
