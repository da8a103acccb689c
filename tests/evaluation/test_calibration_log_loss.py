"""Where the log loss comes from."""

import numpy as np
import pytest

from secondlook.evaluation.calibration import (
    LOSS_EDGES,
    LossDistribution,
    compute_loss_distribution,
    compute_worst_share,
    count_half_of_loss,
)
from secondlook.evaluation.metrics import Labels, Probabilities, compute_log_losses

CERTAIN = 15.9  # nats that a mistake costs which float32 cannot tell from certain


def make_probabilities(
    accuracy: float, loss: float, mistake: float, count: int = 10_000
) -> tuple[Labels, Probabilities]:
    """Build labels and float32 probabilities of 10 classes with this accuracy and log loss.

    Each mistake costs `mistake` nats; the rest of the loss is shared evenly by the right answers.
    """
    labels = np.arange(count) % 10
    wrong = np.arange(count) >= round(accuracy * count)
    each = (loss * count - wrong.sum() * mistake) / (~wrong).sum()
    given = np.exp(-np.where(wrong, mistake, each)).astype(np.float32)
    probabilities = np.zeros((count, 10), dtype=np.float32)
    probabilities[np.arange(count), labels] = given
    probabilities[np.arange(count), (labels + 1) % 10] = 1 - given
    return labels, probabilities


def test_loss_per_image_averages_to_scikit_learns() -> None:
    """The mean of the per-image losses is sklearn's log_loss, certain mistakes included."""
    from sklearn.metrics import log_loss

    random = np.random.default_rng(0)
    probabilities = random.dirichlet(np.full(4, 0.05), 500).astype(np.float32)
    labels = random.integers(0, 4, 500)
    losses = compute_log_losses(labels, probabilities)
    assert losses.dtype == np.float64
    assert losses.max() == pytest.approx(-np.log(np.finfo(np.float32).eps))
    assert losses.mean() == pytest.approx(log_loss(labels, probabilities), rel=1e-5)


def test_textbook_case_names_the_most_confidently_wrong() -> None:
    """Of 98.1 %/0.1882, 98.5 %/0.0997, 99.1 %/0.2544 the third errs least, but most surely."""
    from sklearn.metrics import log_loss

    told: list[LossDistribution] = []
    for accuracy, loss, mistake in (
        (0.981, 0.1882, 6),
        (0.985, 0.0997, 3),
        (0.991, 0.2544, CERTAIN),
    ):
        labels, probabilities = make_probabilities(accuracy, loss, mistake)
        assert (probabilities.argmax(axis=1) == labels).mean() == accuracy
        assert log_loss(labels, probabilities) == pytest.approx(loss, abs=5e-5)
        told.append(compute_loss_distribution(labels, probabilities))
    means, wrong, worst = (
        [getattr(s, name) for s in told] for name in ("mean", "confidence_wrong", "worst_share")
    )
    assert [round(mean, 4) for mean in means] == [0.1882, 0.0997, 0.2544]
    assert np.argmax(wrong) == 2
    assert wrong[2] > 0.9999
    assert np.argmax(worst) == 2
    assert told[2].histogram[-1] == 90
    assert told[2].half < 100


def test_shares_of_the_total_are_counted_by_hand() -> None:
    """One loss of 50 among 99 of 0.5 and 50 of 0: one per cent of images carries most."""
    losses = np.array([50.0] + [0.5] * 99)
    assert compute_worst_share(losses) == pytest.approx(50 / 99.5)
    assert count_half_of_loss(losses) == 1
    assert count_half_of_loss(np.ones(10)) == 5
    assert count_half_of_loss(np.ones(11)) == 6
    assert compute_worst_share(np.ones(7)) == pytest.approx(1 / 7)


def test_histogram_holds_every_image_once() -> None:
    """Bins are closed below and open above, and none is lost between the floor and infinity."""
    given = np.array([1.0, 0.9995, 0.99, 0.5, 0.2, 0.0], dtype=np.float32)
    probabilities = np.stack([given, 1 - given], axis=1)
    found = compute_loss_distribution(np.zeros(6, dtype=np.int64), probabilities).histogram
    assert len(found) == len(LOSS_EDGES) - 1
    assert found == [2, 0, 0, 1, 0, 0, 1, 1, 0, 1]


def test_confidence_is_told_apart_by_right_and_wrong() -> None:
    """Right at 0.9 and 0.7, wrong at 0.6; a run without mistakes has no confidence when wrong."""
    probabilities = np.array([[0.9, 0.1], [0.3, 0.7], [0.6, 0.4]], dtype=np.float32)
    found = compute_loss_distribution(np.array([0, 1, 1]), probabilities)
    assert found.confidence_right == pytest.approx(0.8)
    assert found.confidence_wrong == pytest.approx(0.6)
    assert compute_loss_distribution(np.array([0, 1, 0]), probabilities).confidence_wrong is None
