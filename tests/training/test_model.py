"""Build, save, load and ask a classifier."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from secondlook.config.params import Params, load_params
from secondlook.config.training import TrainParams

SHAPE = (12, 14, 1)
IMAGES = np.random.default_rng(3).integers(0, 256, (70, *SHAPE)).astype(np.uint8)


def parameters(**changes: Any) -> TrainParams:  # noqa: ANN401 - whatever a run may change
    """Return the project's `train:` section with changes, for one small run."""
    base: Params = load_params()
    return base.model_copy(update={"runs": {"small": {"filters": [4], **changes}}}).run("small")


@pytest.mark.parametrize("family", ["cnn", "dense"])
@pytest.mark.parametrize("classes", [2, 7])
def test_probabilities_sum_to_one(family: str, classes: int) -> None:
    """Binary and multi-class, convolutional and dense: one probability per class, sum 1."""
    from secondlook.training.model import build_model, predict_probabilities

    model = build_model(parameters(model=family), SHAPE, classes)
    probabilities = predict_probabilities(model, IMAGES)
    assert probabilities.shape == (70, classes)
    assert probabilities.dtype == np.float32
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-6)


def test_dense_has_no_convolution() -> None:
    """The dense network is the other one without its convolution and pooling layers."""
    from secondlook.training.model import build_model

    names = {
        family: [layer.name for layer in build_model(parameters(model=family), SHAPE, 2).layers]
        for family in ("cnn", "dense")
    }
    looking = ["convolution_1", "pooling_1"]
    assert names["cnn"] == ["scaled", *looking, "flat", "dense_1", "answer"]
    assert names["dense"] == ["scaled", "flat", "dense_1", "answer"]


def test_first_weights_are_drawn_from_the_image_on() -> None:
    """Those of layers that were made one after the other: a run stays the run that it was."""
    import keras
    from keras import layers

    from secondlook.training.model import build_model

    train = parameters(dense_units=[5])
    keras.utils.set_random_seed(train.seed)
    drawn = [
        layers.Conv2D(4, train.kernel_size),
        layers.MaxPooling2D(2),
        layers.Flatten(),
        layers.Dense(5),
        layers.Dense(2),
    ]
    wanted = keras.Sequential([keras.Input(SHAPE), *drawn])
    found = build_model(train, SHAPE, 2)
    for now, then in zip(found.get_weights(), wanted.get_weights(), strict=True):
        np.testing.assert_array_equal(now, then)


def test_an_image_is_judged_alone() -> None:
    """The answer for an image is the same bits, whoever is asked about with it."""
    from secondlook.training.model import build_model, predict_probabilities

    model = build_model(parameters(), SHAPE, 3)
    together = predict_probabilities(model, IMAGES)
    alone = np.concatenate([predict_probabilities(model, IMAGES[i : i + 1]) for i in range(5)])
    assert alone.tobytes() == together[:5].tobytes()


def test_same_seed_same_files(tmp_path: Path) -> None:
    """Two models of one seed are saved as the same bytes, of another seed as others."""
    from secondlook.training.model import build_model, save_model

    saved = []
    for number, seed in enumerate([1, 1, 2]):
        folder = tmp_path / str(number)
        folder.mkdir()
        augment = {"rotation": 0.1, "shift": 0.1, "zoom": 0.1, "flip": True}
        augment |= {"brightness": 0.1, "contrast": 0.1, "erasing": 0.5}
        train = parameters(seed=seed, dropout=0.5, augment=augment)
        save_model(build_model(train, SHAPE, 2), folder)
        saved.append([(folder / name).read_bytes() for name in ("model.json", "model.weights.h5")])
    assert saved[0] == saved[1]
    assert saved[0][1] != saved[2][1]


def test_loaded_model_gives_the_same_bits(tmp_path: Path) -> None:
    """Saving and loading changes no probability."""
    from secondlook.training.model import build_model, load_model, predict_probabilities, save_model

    model = build_model(parameters(), SHAPE, 2)
    save_model(model, tmp_path)
    again = predict_probabilities(load_model(tmp_path), IMAGES)
    assert again.tobytes() == predict_probabilities(model, IMAGES).tobytes()


def test_augmentation_is_for_training_only() -> None:
    """Predictions do not move, although the network turns and shifts what it trains on."""
    from secondlook.training.model import build_model, predict_probabilities

    augment = {"rotation": 0.3, "shift": 0.3, "zoom": 0.3, "flip": True}
    model = build_model(parameters(augment=augment), SHAPE, 2)
    assert [layer.name for layer in model.layers][1:5] == [
        "flipped",
        "rotated",
        "shifted",
        "zoomed",
    ]
    first, second = (predict_probabilities(model, IMAGES) for _ in range(2))
    assert first.tobytes() == second.tobytes()
    moved, elsewhere = (np.asarray(model(IMAGES[:8], training=True)) for _ in range(2))
    assert not np.array_equal(moved, elsewhere)


def test_levels_and_pieces_change_in_training_alone() -> None:
    """A level is moved, stretched about the mean, or gone, within the amounts asked for."""
    from secondlook.training.model import build_model

    still = {"rotation": 0.0, "shift": 0.0, "zoom": 0.0, "flip": False}
    wanted = {"brightness": 0.2, "contrast": 0.5, "erasing": 1.0}
    model = build_model(parameters(augment=still | wanted), SHAPE, 2)
    shares = np.random.default_rng(0).uniform(0.4, 0.6, (64, *SHAPE)).astype(np.float32)
    means = shares.mean(axis=(1, 2, 3), keepdims=True)
    made = {}
    for name in ("brightened", "contrasted", "erased"):
        layer = model.get_layer(name)
        np.testing.assert_array_equal(np.asarray(layer(shares, training=False)), shares)
        made[name] = np.asarray(layer(shares, training=True))
    moved = (made["brightened"] - shares).reshape(64, -1)
    assert moved.std(axis=1).max() < 1e-6
    assert -0.2 <= moved.min() < -0.1
    assert 0.1 < moved.max() <= 0.2
    factors = np.median((made["contrasted"] - means) / (shares - means), axis=(1, 2, 3))
    assert 0.5 <= factors.min() < 0.7
    assert 1.3 < factors.max() <= 1.5
    stretched = means + factors[:, None, None, None] * (shares - means)
    np.testing.assert_allclose(made["contrasted"], stretched, atol=1e-5)
    gone = (made["erased"] != shares).mean(axis=(1, 2, 3))
    assert gone.min() > 0
    assert 0.05 < gone.mean() < 0.33
    assert all(each.min() >= 0 and each.max() <= 1 for each in made.values())


def test_augmentation_of_nothing_adds_no_layer() -> None:
    """Shares of zero and no flip leave the network as it was."""
    from secondlook.training.model import build_model

    augment = {"rotation": 0.0, "shift": 0.0, "zoom": 0.0, "flip": False}
    assert len(build_model(parameters(augment=augment), SHAPE, 2).layers) == 6


def test_mixed_precision_answers_in_full_precision() -> None:
    """The layers compute in bfloat16, the probabilities are float32."""
    from secondlook.training.model import build_model

    model = build_model(parameters(precision="mixed_bfloat16"), SHAPE, 2)
    assert model.get_layer("dense_1").compute_dtype == "bfloat16"
    assert model.get_layer("answer").compute_dtype == "float32"
    assert build_model(parameters(), SHAPE, 2).get_layer("dense_1").compute_dtype == "float32"


@pytest.mark.parametrize("optimizer", ["adam", "sgd", "rmsprop"])
def test_optimizer_is_the_one_asked_for(optimizer: str) -> None:
    """Name and learning rate are those of params.yaml."""
    from secondlook.training.model import build_model

    model = build_model(parameters(optimizer=optimizer, learning_rate=0.25), SHAPE, 2)
    assert type(model.optimizer).__name__.lower() == optimizer
    assert float(model.optimizer.learning_rate) == 0.25


def test_regularization_is_in_the_objective() -> None:
    """L2 weighs on every kernel, dropout stands before the answer."""
    from secondlook.training.model import build_model

    model = build_model(parameters(l2=0.1, dropout=0.5), SHAPE, 2)
    assert len(model.losses) == 2
    assert model.layers[-2].rate == 0.5


def test_a_state_is_all_of_a_training() -> None:
    """A network that is given another's state trains on as that one: weights, chance, optimizer."""
    from secondlook.training.model import build_model, copy_variables, restore_variables

    augment = {"rotation": 0.1, "shift": 0.1, "zoom": 0.1, "flip": True}
    first, second = (
        build_model(parameters(augment=augment, dropout=0.5, seed=seed), SHAPE, 2)
        for seed in (1, 2)
    )
    labels = np.arange(len(IMAGES)) % 2
    for _ in range(3):
        first.train_on_batch(IMAGES, labels)
    restore_variables(second, copy_variables(first))
    for model in (first, second):
        model.train_on_batch(IMAGES, labels)
    for one, other in zip(copy_variables(first), copy_variables(second), strict=True):
        assert one.tobytes() == other.tobytes()


def test_embeddings_are_what_the_answer_is_read_from() -> None:
    """The last layer, applied by hand to the embeddings, gives the probabilities."""
    from secondlook.training.model import build_model, predict_batches, predict_probabilities

    model = build_model(parameters(dropout=0.5), SHAPE, 3)
    kernel, bias = model.get_layer("answer").get_weights()
    answers = list(predict_batches(model, IMAGES))
    assert [len(batch.embeddings) for batch in answers] == [64, 6]
    logits = np.concatenate([batch.embeddings for batch in answers]) @ kernel + bias
    by_hand = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(by_hand, predict_probabilities(model, IMAGES), rtol=1e-5)
