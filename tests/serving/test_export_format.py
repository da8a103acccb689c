"""What is taken out of a network before it is exported."""

import numpy as np
import pytest

from secondlook.serving.export_format import drop_training_layers

pytestmark = pytest.mark.slow


def test_layers_of_training_are_replaced_in_any_graph() -> None:
    """Also where the network is no row of layers; what it learned is kept, batch moments too."""
    import keras
    from keras import layers

    taken = keras.Input((8, 8, 3), dtype="uint8", name="image")
    shown = layers.RandomRotation(0.2, name="rotated")(layers.Rescaling(1 / 255)(taken))
    seen = layers.BatchNormalization()(layers.Conv2D(4, 3)(shown))
    both = layers.Concatenate()([seen, layers.SpatialDropout2D(0.5, name="dropped")(seen)])
    given = layers.Dense(2, activation="softmax")(layers.Flatten()(both))
    network = keras.Model(taken, given)
    images = np.random.default_rng(0).integers(0, 256, (5, 8, 8, 3)).astype(np.uint8)
    network(images, training=True)  # moves the moments
    plain = drop_training_layers(network)
    for name in ("rotated", "dropped"):
        assert isinstance(plain.get_layer(name), layers.Identity)
    right = network(images, training=False).numpy()
    assert plain(images).numpy() == pytest.approx(right, abs=1e-6)
