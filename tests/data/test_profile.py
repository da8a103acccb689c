"""What the pictures of a data set are like, from some of them."""

import numpy as np
import pytest

from secondlook.data import profile
from secondlook.data.image_features import compute_cell_means, convert_to_grey
from secondlook.data.profile import SizedImages, compute_mean_image, measure_sample
from tests.support.networks import STROKE_SIDE, draw_strokes


def make_sample(count: int) -> SizedImages:
    """Return strokes as training pictures, each given as wide as its number."""
    sizes = np.stack([np.arange(1, count + 1), np.full(count, STROKE_SIDE)], axis=1)
    return SizedImages(draw_strokes(0, count), sizes)


def test_the_mean_picture_is_that_of_all() -> None:
    """The mean of coarse pictures is the coarse mean picture."""
    some = make_sample(60)
    whole = convert_to_grey(np.asarray(some.pictures)).mean(axis=0, keepdims=True)
    np.testing.assert_allclose(compute_mean_image(some), compute_cell_means(whole)[0], atol=0.01)


def test_each_picture_keeps_its_own_size(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of 60 pictures 12 are looked at, evenly spread, in several blocks, each with its size."""
    monkeypatch.setattr(profile, "PROFILE_SAMPLE", 12)
    monkeypatch.setattr("secondlook.data.similarity.BLOCK_PIXELS", 5 * STROKE_SIDE * STROKE_SIDE)
    some = make_sample(60)
    found = measure_sample(some, compute_mean_image(some))
    places = np.linspace(0, 59, 12).astype(int)
    widths = STROKE_SIDE * 2**found.aspect
    assert widths == pytest.approx(places + 1, rel=1e-3)
    assert found.brightness == pytest.approx(some.pictures[places].mean(axis=(1, 2, 3)), abs=1e-3)
