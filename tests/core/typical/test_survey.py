"""What the pictures of a data set are like, from some of them."""

import numpy as np
import pytest

from stages.core.typical import survey
from stages.core.typical.features import coarse, in_grey
from stages.core.typical.survey import Split, features, mean_picture
from tests.typical_builder import SIDE, strokes


def split(count: int) -> Split:
    """Return strokes as training pictures, each given as wide as its number."""
    sizes = np.stack([np.arange(1, count + 1), np.full(count, SIDE)], axis=1)
    return Split(strokes(0, count), sizes)


def test_the_mean_picture_is_that_of_all() -> None:
    """The mean of coarse pictures is the coarse mean picture."""
    some = split(60)
    whole = in_grey(some.pictures).mean(axis=0, keepdims=True)
    np.testing.assert_allclose(mean_picture(some), coarse(whole)[0], atol=0.01)


def test_each_picture_keeps_its_own_size(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of 60 pictures 12 are looked at, evenly spread, in several blocks, each with its size."""
    monkeypatch.setattr(survey, "SAMPLE", 12)
    monkeypatch.setattr("stages.core.data.likeness.BLOCK", 5 * SIDE * SIDE)
    some = split(60)
    found = features(some, mean_picture(some))
    places = np.linspace(0, 59, 12).astype(int)
    widths = SIDE * 2**found.aspect
    assert widths == pytest.approx(places + 1, rel=1e-3)
    assert found.brightness == pytest.approx(some.pictures[places].mean(axis=(1, 2, 3)), abs=1e-3)
