"""What a training minimises and how it steps, beside what was worked out by hand."""

from typing import Any

import numpy as np
import pytest

from secondlook.config.training import TrainParams
from tests.support.training import make_small_run_params

SHAPE = (12, 14, 1)
MIXING = {"rotation": 0.0, "shift": 0.0, "zoom": 0.0, "flip": False, "mixup": 0.2}
IMAGES = np.random.default_rng(3).integers(0, 256, (70, *SHAPE)).astype(np.uint8)


def parameters(**changes: Any) -> TrainParams:  # noqa: ANN401 - whatever a run may change
    """Return those of one small run."""
    return make_small_run_params(**changes).run("small")


def test_adamw_takes_a_share_of_every_kernel_alone() -> None:
    """One step is Adam's, less rate times decay of what a kernel was; a bias is Adam's."""
    from secondlook.training.model import build_model

    labels, rate, decay = np.arange(len(IMAGES)) % 2, 0.01, 0.5
    steps = []
    for optimizer in ("adam", {"adamw": {"weight_decay": decay}}):
        train = parameters(optimizer=optimizer, learning_rate=rate, model="dense")
        model = build_model(train, SHAPE, 2)
        answer = model.get_layer("answer")
        answer.set_weights([kernel := answer.get_weights()[0], np.ones(2)])
        model.train_on_batch(IMAGES, labels)
        steps.append(answer.get_weights())
    (plain, bias), (decayed, same) = steps
    np.testing.assert_allclose(decayed, plain - rate * decay * kernel, atol=1e-6)
    np.testing.assert_allclose(same, bias, atol=1e-7)


@pytest.mark.parametrize("warmup", [0, 2])
def test_cosine_falls_over_the_epochs_allowed(warmup: int) -> None:
    """Up in equal steps from 0, half of it when half of what follows is over, 0 at the end."""
    from secondlook.training.model import build_model

    schedule = {"cosine": {"warmup": warmup}}
    train = parameters(learning_rate=0.5, epochs=10, learning_rate_schedule=schedule)
    optimizer = build_model(train, SHAPE, 2, steps=4).optimizer
    top, end = warmup * 4, 40
    known = {0: 0.0 if warmup else 0.5, top: 0.5, (top + end) // 2: 0.25, end: 0.0, end + 9: 0.0}
    known |= {top // 4: 0.125, top // 2: 0.25} if warmup else {}
    for step, rate in known.items():
        optimizer.iterations.assign(step)
        assert float(optimizer.learning_rate) == pytest.approx(rate, abs=1e-7)


def measure_objective(probabilities: list[list[float]], **changes: Any) -> float:  # noqa: ANN401
    """Return the objective for images of the classes 0 and 1 that weigh 1 and 3."""
    from secondlook.training.model import build_model

    model = build_model(parameters(model="dense", dense_units=[], **changes), (1, 1, 1), 2)
    kernel = np.log(probabilities[1]) - np.log(probabilities[0])
    model.set_weights([kernel[None], np.log(probabilities[0])])  # 0 and 255: the two rows
    images = np.array([0, 255], np.uint8).reshape(2, 1, 1, 1)
    return float(model.test_on_batch(images, np.array([0, 1]), sample_weight=np.array([1.0, 3.0])))


ANSWERS = [[0.9, 0.1], [0.8, 0.2]]  # the first right, the second wrong


def test_label_smoothing_by_hand() -> None:
    """With 0.2 of two classes the true one counts 0.9 and the other 0.1; weights as ever."""
    by_hand = -(
        1 * (0.9 * np.log(0.9) + 0.1 * np.log(0.1)) + 3 * (0.1 * np.log(0.8) + 0.9 * np.log(0.2))
    )
    assert measure_objective(ANSWERS, label_smoothing=0.2) == pytest.approx(by_hand / 2, rel=1e-5)
    plain = -(np.log(0.9) + 3 * np.log(0.2)) / 2
    assert measure_objective(ANSWERS) == pytest.approx(plain, rel=1e-5)


def test_focal_loss_by_hand() -> None:
    """(1 - p) ** gamma of the cross-entropy, p being the true class's probability; weights too."""
    by_hand = -(1 * 0.1**3 * np.log(0.9) + 3 * 0.8**3 * np.log(0.2))
    focal = {"focal": {"gamma": 3.0}}
    assert measure_objective(ANSWERS, loss=focal) == pytest.approx(by_hand / 2, rel=1e-5)


def test_mixed_labels_are_the_mean_of_both() -> None:
    """The objective of a label that is a quarter of the one class and the rest of the other."""
    import keras

    from secondlook.training.optimization import build_loss

    mixed = build_loss(parameters(augment=MIXING))
    plain = keras.losses.sparse_categorical_crossentropy
    assert not isinstance(mixed, str)
    answer = keras.ops.convert_to_tensor([[0.2, 0.8]])
    both = [float(plain(np.array([label]), answer)[0]) for label in (0, 1)]
    found = float(mixed(keras.ops.convert_to_tensor([[0.25, 0.75]]), answer)[0])
    assert found == pytest.approx(0.25 * both[0] + 0.75 * both[1], rel=1e-6)
