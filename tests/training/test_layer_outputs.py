"""What each layer makes of images, where it can be worked out by hand."""

from typing import TYPE_CHECKING

import numpy as np
import pytest

from secondlook.config.params import load_params
from tests.support import networks

if TYPE_CHECKING:
    from secondlook.training.layer_outputs import LayeredNetwork

IMAGES = np.arange(70 * 25, dtype=np.int64).reshape(70, 5, 5, 1).astype(np.uint8)


def outputs(network: "LayeredNetwork", name: str) -> np.ndarray:
    """Return what a layer makes of all images."""
    return np.concatenate([made[name] for made in network.compute_outputs([name], IMAGES)])


def test_layers_that_change_nothing_are_left_out() -> None:
    """Scaling, augmentation and dropout have no row; the others say what they do."""
    from secondlook.training.layer_outputs import LayerDescription, LayeredNetwork

    assert LayeredNetwork(networks.build_copying_network()).descriptions == [
        LayerDescription("image", "what the network is given", (5, 5, 1), same=False),
        LayerDescription("convolution_1", "2 filters of 2 x 2, relu", (4, 4, 2), same=False),
        LayerDescription("pooling_1", "the largest of each 2 x 2", (2, 2, 2), same=False),
        LayerDescription("flat", "the same values in a row", (8,), same=True),
        LayerDescription("answer", "2 weighted sums, softmax", (2,), same=False),
    ]


def test_outputs_are_those_worked_out_by_hand() -> None:
    """A copying filter gives the picture, a negative one nothing, pooling the largest of four."""
    from secondlook.training.layer_outputs import LayeredNetwork

    network = LayeredNetwork(networks.build_copying_network())
    shares = IMAGES[..., 0].astype(np.float32) / 255
    convolved, pooled = outputs(network, "convolution_1"), outputs(network, "pooling_1")
    np.testing.assert_allclose(outputs(network, "image")[..., 0], shares)
    np.testing.assert_allclose(convolved[..., 0], shares[:, :4, :4], rtol=1e-6)
    assert not convolved[..., 1].any()
    blocks = shares[:, :4, :4].reshape(70, 2, 2, 2, 2)
    np.testing.assert_allclose(pooled[..., 0], blocks.max(axis=(2, 4)), rtol=1e-6)
    np.testing.assert_array_equal(outputs(network, "flat"), pooled.reshape(70, 8))
    np.testing.assert_allclose(outputs(network, "answer"), 0.5)


@pytest.mark.parametrize("precision", ["float32", "mixed_bfloat16"])
def test_the_last_layer_is_the_answer(precision: str) -> None:
    """A network as `train` builds it gives the probabilities that `predict` gives, in batches."""
    from secondlook.training.layer_outputs import LayeredNetwork
    from secondlook.training.model import build_model, predict_probabilities

    small = {"filters": [4], "dropout": 0.5, "precision": precision}
    train = load_params().model_copy(update={"runs": {"small": small}}).run("small")
    model = build_model(train, (5, 5, 1), 3)
    assert [part.shape for part in LayeredNetwork(model).descriptions][-2:] == [(64,), (3,)]
    answers, wanted = outputs(LayeredNetwork(model), "answer"), predict_probabilities(model, IMAGES)
    assert answers.dtype == np.float32
    np.testing.assert_allclose(answers, wanted, atol=1e-5 if precision == "float32" else 0.02)
