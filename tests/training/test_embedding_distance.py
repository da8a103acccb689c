"""The distance inside the network: far is far, like training is not, and files are stable."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from secondlook.config.errors import DataError
from secondlook.training.embedding_distance import (
    DISTANCE_FILE,
    MAX_WIDTH,
    EmbeddingDistance,
    collect_embeddings,
    fit_whitening,
    fold_embeddings,
)

Rows = NDArray[np.float32]
STRETCH = np.array([10, 1, 0.1, 1], np.float32)


def draw_embeddings(seed: int, count: int) -> tuple[Rows, NDArray[np.int64]]:
    """Return embeddings of two classes, spread very differently in four directions."""
    random = np.random.default_rng(seed)
    labels = np.arange(count) % 2
    rows = random.normal(0, 1, (count, 4)) * STRETCH + labels[:, None] * 40
    return rows.astype(np.float32), labels


@pytest.fixture(scope="module")
def distance() -> EmbeddingDistance:
    """Give the distance of two classes."""
    return EmbeddingDistance.fit(*draw_embeddings(0, 2000), draw_embeddings(1, 1000)[0])


def test_few_pictures_like_training_are_too_far(distance: EmbeddingDistance) -> None:
    """At most 2.5 % of validation are, and about that of others."""
    assert (distance.compute(draw_embeddings(1, 1000)[0]) > 1).mean() <= 0.025
    assert (distance.compute(draw_embeddings(2, 4000)[0]) > 1).mean() == pytest.approx(
        0.025, abs=0.015
    )


def test_what_is_far_depends_on_the_direction(distance: EmbeddingDistance) -> None:
    """Two units off are nothing where pictures spread by ten, and much where by a tenth."""
    row = draw_embeddings(0, 2)[0][:1]
    row[:] = 0
    wide, narrow = row.copy(), row.copy()
    wide[0, 0] += 2
    narrow[0, 2] += 2
    assert distance.compute(wide)[0] < 1 < distance.compute(narrow)[0]


def test_both_scale_and_direction_are_judged(distance: EmbeddingDistance) -> None:
    """Ten times the embedding of a training picture has its direction, and is too far."""
    rows = draw_embeddings(0, 20)[0]
    assert (distance.compute(rows) < 1).mean() > 0.8
    assert (distance.compute(10 * rows[1::2]) > 1).all()


def test_the_share_of_validation_pictures_as_far(distance: EmbeddingDistance) -> None:
    """Nothing is nearer than nothing, all are further than any, and half as far as the median."""
    middle = float(np.median(distance.validation))
    assert (distance.compute_share_beyond(0), distance.compute_share_beyond(1e9)) == (1, 0)
    assert distance.compute_share_beyond(middle) == pytest.approx(0.5, abs=0.01)
    values, shares = distance.distribution
    assert (len(values), shares[-1]) == (1000, 1)
    assert (np.diff(values) >= 0).all()


def test_it_is_read_as_it_was_written(distance: EmbeddingDistance, tmp_path: Path) -> None:
    """The file gives the same distances, is small, and the same bytes when it is made again."""
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
        again = EmbeddingDistance.fit(*draw_embeddings(0, 2000), draw_embeddings(1, 1000)[0])
        np.savez(tmp_path / name / DISTANCE_FILE, allow_pickle=False, **again.to_arrays())
    asked = draw_embeddings(3, 10)[0]
    np.testing.assert_array_equal(
        EmbeddingDistance.read(tmp_path / "first").compute(asked), distance.compute(asked)
    )
    first, second = (tmp_path / name / DISTANCE_FILE for name in ("first", "second"))
    assert first.read_bytes() == second.read_bytes()
    with pytest.raises(DataError, match=r"typical\.npz: no such file; run `dvc repro`"):
        EmbeddingDistance.read(tmp_path)


def test_a_network_that_learned_nothing_warns_of_nothing() -> None:
    """Where all embeddings are zero, none is far."""
    zeros = np.zeros((40, 6), np.float32)
    distance = EmbeddingDistance.fit(zeros, np.zeros(40, np.int64), zeros)
    assert distance.compute(zeros).max() <= 1


def test_wide_embeddings_are_folded_and_keep_their_distances() -> None:
    """Thousands of numbers become MAX_WIDTH; how far they are apart hardly changes."""
    rows = np.random.default_rng(0).normal(0, 1, (30, 5000)).astype(np.float32)
    narrow = collect_embeddings([rows[:20], rows[20:]])
    assert narrow.shape == (30, MAX_WIDTH)
    kept = np.linalg.norm(narrow[1:] - narrow[0], axis=1) / np.linalg.norm(
        rows[1:] - rows[0], axis=1
    )
    assert kept.mean() == pytest.approx(1, abs=0.1)
    np.testing.assert_array_equal(fold_embeddings(narrow), narrow)


def test_turned_pictures_spread_alike_in_all_directions() -> None:
    """The covariance within the classes becomes one."""
    rows, labels = draw_embeddings(0, 2000)
    found = rows @ fit_whitening(rows, labels)
    found[labels == 1] -= found[labels == 1].mean(axis=0)
    found[labels == 0] -= found[labels == 0].mean(axis=0)
    spread = np.diag(np.cov(found.T))
    assert (spread > 0.2).all()
    assert spread.max() == pytest.approx(1, abs=0.05)
