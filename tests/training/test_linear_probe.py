"""What linear models read off features of which it is known what is in them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from secondlook.training import linear_probe

RANDOM = np.random.default_rng(5)
LABELS = np.arange(200) % 2


def noise(*shape: int) -> linear_probe.LayerFeatures:
    """Return noise, other noise every time."""
    return RANDOM.normal(size=shape).astype(np.float32)


def accuracy(features: linear_probe.LayerFeatures, labels: np.ndarray = LABELS) -> float:
    """Return how often a probe is right."""
    judged = linear_probe.split_folds(labels)
    assert judged is not None
    return float(
        (
            linear_probe.predict_classes(linear_probe.rotate_features(features), labels, judged)
            == labels
        ).mean()
    )


@pytest.mark.parametrize("values", [3, 5000])
def test_what_is_linear_is_found(values: int) -> None:
    """A direction that divides the classes is found among few values and among many."""
    features = noise(200, values)
    features[:, 0] += 100 * LABELS
    assert accuracy(features) == 1


@pytest.mark.parametrize("values", [3, 5000])
def test_nothing_is_found_in_noise(values: int) -> None:
    """However many values there are to learn by heart, unseen images are guessed."""
    assert 0.35 < accuracy(noise(200, values)) < 0.65


def test_what_is_not_linear_is_not_found() -> None:
    """Exclusive or is plain to see, and a linear probe is no better than chance."""
    signs = RANDOM.choice([-1, 1], (200, 2))
    labels = (signs.prod(axis=1) > 0).astype(np.int64)
    assert accuracy(signs.astype(np.float32), labels) < 0.65
    assert accuracy(np.column_stack([signs, signs.prod(axis=1)]).astype(np.float32), labels) == 1


def test_values_that_say_nothing_give_the_commonest_class() -> None:
    """A dead layer, all zeros, is answered with what is most frequent."""
    labels = (np.arange(100) < 20).astype(np.int64)
    assert accuracy(np.zeros((100, 30), np.float32), labels) == 0.8


@given(st.integers(2, 9), st.integers(1, 40))
def test_rotation_keeps_all_distances(images: int, values: int) -> None:
    """Between any two images, but for one scale; and there are no more columns than images."""
    features = noise(images, values)
    turned = linear_probe.rotate_features(features)
    assert turned.shape == (images, min(images, values))
    between, turned_between = (
        np.linalg.norm(rows[:, None] - rows[None], axis=2) for rows in (features, turned)
    )
    scale = turned_between[0, 1] / between[0, 1]
    np.testing.assert_allclose(turned_between, scale * between, rtol=1e-2, atol=1e-3)


def test_more_values_than_the_limit_are_mixed(monkeypatch: pytest.MonkeyPatch) -> None:
    """There are no more than the limit, and what was plain stays plain."""
    monkeypatch.setattr(linear_probe, "MAX_FEATURES", 256)
    features = noise(200, 1000)
    features[:, :500] += 3 * LABELS[:, None]
    batches = np.array_split(features.reshape(200, 50, 20), 4)
    mixed = np.concatenate([linear_probe.compute_features(batch) for batch in batches])
    assert mixed.shape == (200, 256)
    assert accuracy(mixed) > 0.95


def test_few_values_are_left_as_they_are() -> None:
    """Below the limit the outputs are put in rows, and nothing else."""
    outputs = noise(6, 2, 3, 4)
    np.testing.assert_array_equal(linear_probe.compute_features(outputs), outputs.reshape(6, -1))


def test_a_picture_is_recovered_as_far_as_it_is_there() -> None:
    """From a rotation of itself whole, from half of its independent values half, from noise not."""
    judged = linear_probe.split_folds(LABELS)
    assert judged is not None
    pictures = linear_probe.rotate_features(noise(200, 10))
    turn = np.linalg.qr(noise(10, 10))[0].astype(np.float32)
    assert (
        linear_probe.compute_recovered_variance(
            linear_probe.rotate_features(pictures @ turn), pictures, judged
        )
        > 0.99
    )
    assert linear_probe.compute_recovered_variance(
        linear_probe.rotate_features(pictures[:, :5]), pictures, judged
    ) == pytest.approx(0.5, abs=0.1)
    assert (
        linear_probe.compute_recovered_variance(
            linear_probe.rotate_features(noise(200, 5)), pictures, judged
        )
        < 0.05
    )


def test_folds_judge_each_image_once() -> None:
    """No image is judged by what was trained on it, and a rare class is no trouble."""
    labels = np.array([0] * 20 + [1])
    judged = linear_probe.split_folds(labels)
    assert judged is not None
    assert sorted(np.concatenate([test for _, test in judged])) == list(range(21))
    assert all(not set(training) & set(test) for training, test in judged)


def test_too_few_images_are_not_probed() -> None:
    """Where no class has an image for each fold, there is nothing to say."""
    assert linear_probe.split_folds(np.array([0, 1, 0, 1])) is None


def test_features_that_depend_on_each_other_are_rotated_too() -> None:
    """Fifty rows of rank three in a thousand dimensions keep their distances."""
    chance = np.random.default_rng(0)
    features = (chance.normal(size=(50, 3)) @ chance.normal(size=(3, 1000))).astype(np.float32)
    features[:10] = features[10:20]  # some images are there twice
    found = linear_probe.rotate_features(np.repeat(features, 8, axis=0))
    assert found.shape == (400, 400)
    assert np.isfinite(found).all()
    np.testing.assert_allclose(np.square(found).sum(axis=1).mean(), 1, rtol=1e-3)
