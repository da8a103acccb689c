"""The layer table, by hand."""

import numpy as np
import pytest
from numpy.typing import NDArray

from secondlook.artifacts.layer_artifact import ProbeChange
from secondlook.evaluation.metrics import compute_mcnemar
from tests.support import networks

Right = NDArray[np.bool_]
RANDOM = np.random.default_rng(2)
LABELS = np.arange(80) % 4 // 3  # one in four is of class 1
PICTURES = RANDOM.integers(1, 100, (80, 5, 5, 1)).astype(np.uint8)
PICTURES[LABELS == 1, 0, 0] = 255


def test_the_table_of_a_known_network() -> None:
    """Values, shares, zeros and probes are those worked out by hand."""
    from secondlook.training.layer_outputs import LayeredNetwork
    from secondlook.training.linear_probe import measure_layers

    found = measure_layers(LayeredNetwork(networks.build_copying_network()), PICTURES, LABELS)
    image, convolution, pooling, flat, answer = found.layers
    assert (found.images, found.lazy, found.accuracy) == (80, 0.75, 0.75)
    assert [layer.values for layer in found.layers] == [25, 32, 8, 8, 2]
    assert [layer.kept for layer in found.layers] == [1, 32 / 25, 8 / 25, 8 / 25, 2 / 25]
    assert [layer.zeros for layer in found.layers] == [0, 0.5, 0.5, 0.5, 0]
    assert flat == pooling.model_copy(
        update={"name": "flat", "kind": flat.kind, "shape": [8], "zeros": 0.5}
    )
    for layer in (image, convolution, pooling):
        assert layer.probe is not None
        assert layer.probe.value == 1
    assert answer.probe is not None
    assert answer.probe.value == 0.75  # always half and half: nothing is left to read


def test_information_falls_along_a_known_network() -> None:
    """The picture can be brought back from itself, less from a part of it, not from the answer."""
    from secondlook.training.layer_outputs import LayeredNetwork
    from secondlook.training.linear_probe import measure_layers

    found = measure_layers(LayeredNetwork(networks.build_copying_network()), PICTURES, LABELS)
    image, convolution, pooling, _, answer = (layer.recovered or 0 for layer in found.layers)
    assert image > 0.98
    assert image > convolution + 0.1 > pooling + 0.2
    assert answer == 0


def test_so_many_passes_as_fit_say_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """Layers are grouped by what is kept of an image; one pass for all, or one for each."""
    from secondlook.training import linear_probe
    from secondlook.training.layer_outputs import LayeredNetwork

    network = LayeredNetwork(networks.build_copying_network())
    names = [part.name for part in network.descriptions]
    at_once = linear_probe.measure_layers(network, PICTURES, LABELS)
    for limit, groups in [
        (25 + 32 + 8, [names[:4], names[4:]]),
        (32 + 8, [names[:1], names[1:4], names[4:]]),
        (1, [names[:1], names[1:2], names[2:4], names[4:]]),
    ]:
        monkeypatch.setattr(linear_probe, "FEATURES_A_PASS", limit)
        found = linear_probe.group_layers(network.descriptions)
        assert [[part.name for part in group] for group in found] == groups
        assert linear_probe.measure_layers(network, PICTURES, LABELS) == at_once


def compare_probes(before: Right, after: Right) -> ProbeChange:
    """Return what is said of a probe that is right here, where the image's is right there."""
    return ProbeChange.from_mcnemar(compute_mcnemar(after, before))


def test_a_change_is_counted_image_by_image() -> None:
    """Only images that one of the two gets right count, and twenty to none are no chance."""
    before = np.arange(60) < 30
    better = compare_probes(before, np.arange(60) < 50)
    assert (better.gained, better.lost, better.is_gain) == (20, 0, True)
    assert better.p == pytest.approx(2 * 0.5**20)
    worse = compare_probes(np.arange(60) < 50, before)
    assert (worse.gained, worse.lost, worse.is_gain) == (0, 20, False)
    same = compare_probes(before, ~before)
    assert (same.gained, same.lost, same.p, same.is_gain) == (30, 30, 1, False)
    assert compare_probes(before, before).p == 1


def test_too_few_images_have_no_probe() -> None:
    """What can be counted is, what cannot be judged is left open."""
    from secondlook.training.layer_outputs import LayeredNetwork
    from secondlook.training.linear_probe import measure_layers

    found = measure_layers(
        LayeredNetwork(networks.build_copying_network()), PICTURES[:4], LABELS[:4]
    )
    assert [layer.probe for layer in found.layers] == [None] * 5
    assert [layer.recovered for layer in found.layers] == [None] * 5
    assert found.layers[1].zeros == 0.5


@pytest.mark.parametrize(("weight", "probed"), [(1e30, True), (np.inf, False)])
def test_values_beyond_all_bounds_break_nothing(weight: float, probed: bool) -> None:
    """Enormous ones are read like any others; where there are no numbers, nothing is said."""
    from secondlook.training.layer_outputs import LayeredNetwork
    from secondlook.training.linear_probe import measure_layers

    model = networks.build_copying_network()
    networks.set_weights(model, "convolution_1", np.full((2, 2, 1, 2), weight))
    found = measure_layers(LayeredNetwork(model), PICTURES, LABELS)
    assert [layer.probe is not None for layer in found.layers[:2]] == [True, probed]


def test_at_most_so_many_images_are_probed() -> None:
    """Of many validation images a fixed number is looked at."""
    from secondlook.training.layer_outputs import LayeredNetwork
    from secondlook.training.linear_probe import MAX_IMAGES, measure_layers

    many, labels = (np.concatenate([part] * 30) for part in (PICTURES, LABELS))
    assert len(many) > MAX_IMAGES
    assert (
        measure_layers(LayeredNetwork(networks.build_copying_network()), many, labels).images
        == MAX_IMAGES
    )
