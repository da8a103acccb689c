"""A folder as a whole: what differs is found, what does not is not, with few pictures or many."""

import numpy as np
import pytest

from secondlook.data.image_features import ImageFeatures
from secondlook.data.profile import compute_quantiles
from secondlook.serving.ood_causes import OodScore
from secondlook.serving.ood_detector import MIN_IMAGES, DriftMonitor, ReferenceDistribution

NAMES = (*ImageFeatures._fields, "distance")


def numbers(
    seed: int, count: int, moved: float = 0
) -> "np.ndarray[tuple[int, ...], np.dtype[np.float64]]":
    """Return normal numbers (count, names), the sharpness moved by so much."""
    found = np.random.default_rng(seed).normal(0, 1, (count, len(NAMES)))
    found[:, NAMES.index("sharpness")] += moved
    return found


def of(seed: int, count: int, moved: float = 0) -> DriftMonitor:
    """Return what counted so many pictures against 2,000 of training."""
    known = {
        name: ReferenceDistribution(*compute_quantiles(column), 2000)
        for name, column in zip(NAMES, numbers(0, 2000).T, strict=True)
    }
    shift = DriftMonitor(known)
    for row in numbers(seed, count, moved):
        shift.add(OodScore(row[:-1], row[:-1] / 9, float(row[-1]), 0.5))
    return shift


def test_a_folder_like_training_is_not_shifted() -> None:
    """Of twenty folders of pictures like training at most one is called shifted."""
    lines = [of(seed, 300).lines[0] for seed in range(1, 21)]
    assert sum("shifted" in line for line in lines) <= 1
    assert "as a whole not distinguishable from the training pictures" in lines[0]


def test_a_small_shift_of_many_is_found_and_named() -> None:
    """Half a deviation, which no single picture shows, in 300 pictures."""
    (line,) = of(1, 300, moved=0.5).lines
    assert line.startswith("as a whole shifted against the training pictures, most in sharpness (")
    assert "p below 0.001" in line


def test_the_distance_is_that_of_kolmogorov_and_smirnov() -> None:
    """It is scipy's, but for what lies between the values that are known of training."""
    from scipy.stats import ks_2samp

    shift, place = of(1, 500, moved=0.3), NAMES.index("sharpness")
    exact = ks_2samp(numbers(1, 500, 0.3)[:, place], numbers(0, 2000)[:, place]).statistic
    assert exact - 0.05 < shift.distances["sharpness"] <= exact + 1e-9


def test_few_pictures_tell_nothing() -> None:
    """Nineteen are no folder."""
    assert of(1, MIN_IMAGES - 1, moved=9).lines == []
    assert len(of(1, MIN_IMAGES, moved=9).lines) == 1


def test_the_share_that_is_warned_of_is_told() -> None:
    """A quarter of the pictures is beyond a limit."""
    shift = of(1, 0)
    for number in range(40):
        off = np.full(len(NAMES) - 1, 2.0 if number % 4 == 0 else 0.5)
        shift.add(OodScore(np.zeros(len(off)), off, 0.0, 1.0))
    assert (shift.pictures, shift.warned) == (40, 10)
    assert "25 % warned of, of pictures like those of training about 5 %" in shift.lines[0]


def test_equal_values_are_no_shift() -> None:
    """Where all of training is black at the border, so are other pictures, and that is no shift."""
    known = {name: ReferenceDistribution(np.zeros(1), np.ones(1), 500) for name in NAMES}
    shift = DriftMonitor(known)
    for _ in range(50):
        shift.add(OodScore(np.zeros(len(NAMES) - 1), np.zeros(len(NAMES) - 1), 0.0, 1.0))
    assert max(shift.distances.values()) == pytest.approx(0)
    assert "(Kolmogorov-Smirnov distance 0.00 of 1, p 1.000)" in shift.lines[0]
