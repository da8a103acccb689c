"""One image on its way through a network."""

from pathlib import Path

import numpy as np
import pytest

from secondlook.artifacts import layer_artifact
from secondlook.artifacts.layer_artifact import Activations, find_example
from secondlook.config.errors import DataError
from tests.support import networks

IMAGE = np.arange(25, dtype=np.uint8).reshape(5, 5, 1) * 10


def test_levels_are_scaled_by_the_layers_largest_value() -> None:
    """The largest value is 255, nothing is 0, in all maps of a layer alike."""
    from secondlook.training.layer_outputs import LayeredNetwork, compute_activations

    found = compute_activations(LayeredNetwork(networks.build_copying_network()), IMAGE)
    convolution, pooling = found.steps
    assert (convolution.name, convolution.count) == ("convolution_1", 2)
    assert convolution.peak == pytest.approx(180 / 255)
    expected = np.round(IMAGE[:4, :4, 0] / 180 * 255)
    np.testing.assert_allclose(convolution.levels[..., 0], expected, atol=1)
    assert not convolution.levels[..., 1].any()
    assert pooling.levels.shape == (2, 2, 2)
    assert pooling.levels.max() == 255
    np.testing.assert_allclose(found.probabilities, [0.5, 0.5])


def test_a_layer_of_nothing_is_black() -> None:
    """Where no value is above nothing there is no largest one to scale by."""
    from secondlook.training.layer_outputs import LayeredNetwork, compute_activations

    found = compute_activations(
        LayeredNetwork(networks.build_copying_network()), np.zeros_like(IMAGE)
    )
    assert [step.peak for step in found.steps] == [0, 0]
    assert not any(step.levels.any() for step in found.steps)


def test_a_passage_is_read_back_as_it_was(project: Path) -> None:
    """From the arrays of its file comes the same again; no file is told of by its name."""
    from secondlook.training.layer_outputs import MAX_MAPS, LayeredNetwork, compute_activations

    made = compute_activations(LayeredNetwork(networks.build_copying_network()), IMAGE)
    folder = project / "data/train/small"
    folder.mkdir(parents=True)
    with pytest.raises(DataError, match=r"small/inside\.npz: no such file"):
        layer_artifact.load_activations("small")
    np.savez(folder / "inside.npz", allow_pickle=False, **made.to_arrays())
    found = layer_artifact.load_activations("small")
    assert isinstance(found, Activations)
    assert [(step.name, step.peak, step.count) for step in found.steps] == [
        (step.name, step.peak, step.count) for step in made.steps
    ]
    for one, other in zip(made.steps, found.steps, strict=True):
        np.testing.assert_array_equal(one.levels, other.levels)
    np.testing.assert_array_equal(found.image, IMAGE)
    assert MAX_MAPS >= 32


def test_the_example_is_the_first_of_its_class() -> None:
    """Of the class asked for, of the first where none is, and the first image where it has none."""
    labels = np.array([1, 1, 0, 2, 2])
    assert [find_example(labels, index) for index in (2, None, 0, 7)] == [3, 2, 2, 0]
