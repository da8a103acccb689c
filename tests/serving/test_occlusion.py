"""Covering part after part of an image, where it is known what the answer rests on."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from secondlook.artifacts.dataset_card import PixelStatistics
from secondlook.serving.occlusion import (
    OccludedImages,
    choose_cover_level,
    compute_saliency,
    place_patches,
)
from tests.support import networks
from tests.support.datasets import make_pixel_statistics


def test_only_the_corner_that_counts_is_hot() -> None:
    """A network that looks at one pixel: covering it matters, covering all else does not."""
    from secondlook.training.model import predict_probabilities

    model = networks.build_corner_network(14)
    image = np.full((14, 14, 1), 255, np.uint8)
    found = compute_saliency(lambda images: predict_probabilities(model, images), image, 1, cover=0)
    assert found.probability == pytest.approx(1 / (1 + np.exp(-4)))
    assert found.patch == (2, 2)
    assert found.heat[0, 0] == pytest.approx(found.probability - 0.5, abs=1e-6)
    assert not found.heat[2:].any()
    assert not found.heat[:, 2:].any()


def test_what_speaks_against_is_negative() -> None:
    """For the other class the same corner is as cold as it is hot for this one."""
    from secondlook.training.model import predict_probabilities

    model = networks.build_corner_network(14)
    image = np.full((14, 14, 1), 255, np.uint8)
    heats = [
        compute_saliency(
            lambda images: predict_probabilities(model, images), image, index, cover=0
        ).heat
        for index in (0, 1)
    ]
    np.testing.assert_allclose(heats[0], -heats[1], atol=1e-6)
    assert heats[0][0, 0] < 0


@given(st.integers(1, 600))
def test_patches_reach_from_end_to_end(side: int) -> None:
    """Every pixel is covered by some patch, none lies outside, and there are 13 at most."""
    length = max(1, round(side / 7))
    found = place_patches(side, length)
    assert (found[0].start, found[-1].stop) == (0, side)
    assert all(span.stop - span.start == length for span in found)
    assert all(b.start <= a.stop for a, b in pairwise(found))
    assert len(found) <= 13


def test_images_are_made_as_they_are_asked_for() -> None:
    """Each has one box in the level given, in all channels; the image itself stays as it is."""
    image = np.full((4, 4, 3), 9, np.uint8)
    boxes = [(slice(0, 2), slice(0, 2)), (slice(2, 4), slice(1, 3))]
    covered = OccludedImages(image, boxes, 200)
    assert len(covered) == 2
    [second] = covered[1:64]
    assert (second[2:4, 1:3] == 200).all()
    assert (second == 9).sum() == 36
    assert (image == 9).all()


def test_the_cover_is_the_background_or_the_mean() -> None:
    """A level that a quarter of all pixels has is the background; without one, the mean is it."""
    counts = [0] * 256
    counts[10], counts[100], counts[200] = 26, 37, 37
    assert choose_cover_level(PixelStatistics(mean=113.6, std=60, histogram=counts)) == 100
    assert choose_cover_level(make_pixel_statistics(127.4, 60)) == 127
