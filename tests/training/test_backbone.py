"""Pretrained networks: their levels, their layers in one graph, and what of them learns."""

from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pytest
from numpy.typing import NDArray

from secondlook.artifacts.files import hash_file
from secondlook.config.params import load_params
from secondlook.config.training import (
    BACKBONE_NAMES,
    BLOCK_COUNTS,
    BackboneName,
    FineTuneParams,
    TrainParams,
)
from secondlook.serving.export_format import FORMATS, drop_training_layers
from secondlook.training import backbone
from tests.support.training import shorten_backbone

if TYPE_CHECKING:
    import keras

pytestmark = pytest.mark.slow  # each network takes seconds to build
SHAPE = (32, 40, 3)
IMAGES = np.random.default_rng(3).integers(0, 256, (6, *SHAPE)).astype(np.uint8)
KERAS_MODULES = {
    "mobilenet_v2": "mobilenet_v2",
    "mobilenet_v3_small": "mobilenet_v3",
    "efficientnet_v2_b0": "efficientnet_v2",
    "resnet50_v2": "resnet_v2",
}


class Built(NamedTuple):
    """A classifier on a backbone, and the file of weights that it was given."""

    name: BackboneName
    train: TrainParams
    model: "keras.Model"
    weights: Path


@pytest.fixture(scope="module", params=BACKBONE_NAMES)
def built(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Built:
    """Give each network, with augmentation before it and dropout behind."""
    return build_classifier(request.param, tmp_path_factory.mktemp("weights"))


def build_classifier(name: BackboneName, folder: Path) -> Built:
    """Return a classifier on a backbone, whose weights are written into the folder."""
    from secondlook.training.model import build_model

    weights = folder / f"{name}.weights.h5"
    network = backbone.build_backbone(name)
    _scatter_statistics(network)
    network.save_weights(weights)
    augment = {"rotation": 0.1, "shift": 0.1, "zoom": 0.1, "flip": True, "contrast": 0.2}
    entry = {
        "model": "pretrained",
        "backbone": {"name": name, "sha256": hash_file(weights)},
        "dense_units": [4],
        "dropout": 0.2,
        "augment": augment,
    }
    params = load_params().model_copy(update={"runs": {"tuned": entry}})
    train = params.run("tuned")
    return Built(name, train, build_model(train, SHAPE, 3, weights=weights), weights)


def _scatter_statistics(network: "keras.Model") -> None:
    """Give every BatchNormalization statistics of its own, as training would."""
    random = np.random.default_rng(1)
    for layer in list_normalizations(network):
        gamma, beta, mean, variance = layer.get_weights()
        moved = [part + random.uniform(0, 0.1, part.shape) for part in (beta, mean, variance)]
        layer.set_weights([gamma, *moved])


def list_normalizations(network: "keras.Model") -> "list[keras.layers.Layer]":
    """Return the layers that have moving statistics."""
    from keras.layers import BatchNormalization

    return [layer for layer in network.layers if isinstance(layer, BatchNormalization)]


def ask(network: "keras.Model", images: NDArray[Any]) -> NDArray[np.float32]:
    """Return what a network makes of images, layer by layer: its graph alone takes seconds."""
    return np.asarray(network(images, training=False))


def test_levels_and_weights_are_those_of_keras(built: Built) -> None:
    """The maps are those of Keras's own network, with its own scaling and the same file."""
    import keras
    from keras import applications

    own = backbone.BACKBONES[built.train.backbone.name]  # type: ignore[union-attr] # it has one
    module = getattr(applications, KERAS_MODULES[built.name])
    wanted = getattr(applications, own.kind)(include_top=False, weights=None, input_shape=SHAPE)
    wanted.load_weights(built.weights)
    maps = ask(wanted, module.preprocess_input(IMAGES.astype(np.float32)))
    network = keras.Model(built.model.inputs, built.model.get_layer(backbone.END).output)
    found = ask(network, IMAGES)
    assert np.abs(maps).max() > 0
    np.testing.assert_allclose(found, maps, atol=1e-4 * np.abs(maps).max())


def test_layers_stand_one_by_one(built: Built) -> None:
    """No network within the network: what `inspect` and saliency ask of a layer, it can tell."""
    import keras

    from secondlook.training.layer_outputs import LayeredNetwork

    assert not [layer for layer in built.model.layers if isinstance(layer, keras.Model)]
    blocks = backbone.list_blocks(built.model)
    own = backbone.list_backbone_layers(built.model)
    assert len(own) > 150
    assert len(blocks) == BLOCK_COUNTS[built.name]
    told = [part.name for part in LayeredNetwork(built.model).descriptions]
    ends = [parts[-1].name for parts in blocks.values()]
    assert told == ["image", *ends, backbone.END, "pooled", "dense_1", "answer"]


def test_only_the_head_learns_at_first(built: Built) -> None:
    """The backbone is frozen, and leaves out no block at random."""
    from keras.layers import Dropout

    assert [variable.path for variable in built.model.trainable_variables] == [
        *("dense_1/kernel", "dense_1/bias", "answer/kernel", "answer/bias")
    ]
    own = backbone.list_backbone_layers(built.model)
    assert {layer.rate for layer in own if isinstance(layer, Dropout)} <= {0}


def test_the_last_blocks_learn_later(built: Built) -> None:
    """So many blocks and what follows them, or all; BatchNormalization never does."""
    blocks, own = backbone.list_blocks(built.model), backbone.list_backbone_layers(built.model)
    learning = {}
    for count in (1, 2, len(blocks), "all"):
        wanted = FineTuneParams(epochs=1, learning_rate=0.1, blocks=count)
        backbone.unfreeze_blocks(built.model, wanted)
        assert not [each for each in list_normalizations(built.model) if each.trainable]
        learning[count] = [each for each in own if each.trainable and each.trainable_variables]
        for layer in own:
            layer.trainable = False
    last, before = list(blocks.values())[-1], list(blocks.values())[-2]
    assert set(learning[1]) & set(last)
    assert not set(learning[1]) & set(before)
    assert set(learning[2]) >= set(learning[1])
    assert set(learning[2]) & set(before)
    assert not set(learning[len(blocks)]) & set(own[:2])  # the stem
    assert set(learning["all"]) > set(learning[len(blocks)])


def test_saved_and_loaded_it_is_the_same(built: Built, tmp_path: Path) -> None:
    """The same files again, the same answers, and what was frozen stays so."""
    from secondlook.training.model import load_model, save_model

    first, second = tmp_path / "first", tmp_path / "second"
    first.mkdir()
    second.mkdir()
    save_model(built.model, first)
    loaded = load_model(first)
    save_model(loaded, second)
    for name in ("model.json", "model.weights.h5"):
        assert (first / name).read_bytes() == (second / name).read_bytes()
    assert ask(loaded, IMAGES).tobytes() == ask(built.model, IMAGES).tobytes()
    assert not [each for each in list_normalizations(loaded) if each.trainable]


def test_what_is_exported_answers_the_same(built: Built) -> None:
    """Its levels are in it, and no augmentation."""
    plain = drop_training_layers(built.model)
    assert ask(plain, IMAGES).tobytes() == ask(built.model, IMAGES).tobytes()


def test_another_runtime_answers_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As TFLite, which has each kind of layer translated; a short network has all of them."""
    shorten_backbone(monkeypatch)
    model = build_classifier("mobilenet_v3_small", tmp_path).model
    FORMATS["tflite"].write(model, tmp_path)
    found = FORMATS["tflite"].open(tmp_path).ask(IMAGES)
    np.testing.assert_allclose(found, ask(model, IMAGES), atol=1e-4)


def test_fine_tuning_resumes_to_the_same_bytes(built: Built) -> None:
    """From the variables after one epoch, another network of the run makes the same second one.

    The other one has weights of its own until then. The last to ask for `built`, as it changes it.
    """
    from secondlook.training.model import (
        build_model,
        compile_model,
        copy_variables,
        restore_variables,
    )

    labels, whole = np.arange(len(IMAGES)) % 3, built.model
    resumed = build_model(built.train, SHAPE, 3)
    for model in (whole, resumed):
        backbone.unfreeze_blocks(model, FineTuneParams(epochs=2, learning_rate=0.1, blocks=1))
        compile_model(model, built.train, steps=1)
        model.run_eagerly = True  # a step takes a moment so, its graph many
    whole.fit(IMAGES, labels, batch_size=6, shuffle=False, verbose=0)
    saved = copy_variables(whole)
    whole.fit(IMAGES, labels, batch_size=6, shuffle=False, verbose=0)
    restore_variables(resumed, saved)
    resumed.fit(IMAGES, labels, batch_size=6, shuffle=False, verbose=0)
    for now, then in zip(copy_variables(resumed), copy_variables(whole), strict=True):
        assert now.tobytes() == then.tobytes()
