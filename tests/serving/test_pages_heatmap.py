"""Where an answer comes from, in colour and in words."""

import io

import numpy as np
import pytest
from PIL import Image

from secondlook.serving import pages
from secondlook.serving.occlusion import Saliency


def make_saliency(*spots: tuple[int, int, float]) -> Saliency:
    """Return what an answer rests on: single pixels of 9 x 9, and by how much."""
    values = np.zeros((9, 9))
    for row, column, change in spots:
        values[row, column] = change
    return Saliency(values, 0.9, (2, 2), 0)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("level", [0, 255])
def test_hot_is_orange_and_cold_is_blue(channels: int, level: int) -> None:
    """On black and on white, grey and colour alike; what does not matter stays grey."""
    image = np.full((9, 9, channels), level, np.uint8)
    picture = pages.draw_heatmap(image, make_saliency((0, 0, 0.3), (8, 8, -0.3)))
    pixels = np.asarray(Image.open(io.BytesIO(picture.content)).convert("RGB")).astype(int)
    hot, cold, rest = pixels[0, 0], pixels[-1, -1], pixels[120, 120]
    assert hot[0] > hot[2] + 80
    assert cold[2] > cold[0] + 80
    assert len(set(rest)) == 1
    assert (picture.width, picture.height) == (234, 234)


def test_small_changes_stay_faint() -> None:
    """A change of one point is not drawn as if it were everything."""
    assert pages.compute_full_change(make_saliency((0, 0, 0.01))) == pages.LEAST_FULL_CHANGE
    assert pages.compute_full_change(make_saliency((0, 0, -0.5))) == 0.5


@pytest.mark.parametrize(
    ("row", "column", "words"),
    [(0, 0, "top left"), (0, 4, "top"), (4, 4, "middle"), (8, 8, "bottom right"), (4, 0, "left")],
)
def test_places_have_names(row: int, column: int, words: str) -> None:
    """By thirds of the picture."""
    assert pages.describe_place(make_saliency((row, column, 1)).heat) == words


def test_the_words_say_what_the_colours_show() -> None:
    """Where covering lowers the probability most, and where it raises it; or that nothing does."""
    both = pages.describe_saliency(make_saliency((0, 0, 0.34), (8, 4, -0.02)), "8")
    assert "covering the top left lowers it most, by 34 percentage points" in both
    assert "covering the bottom raises it most, by 2 percentage points" in both
    assert "raises" not in pages.describe_saliency(make_saliency((0, 0, 0.34)), "8")
    assert "No part alone" in pages.describe_saliency(make_saliency((0, 0, 0.001)), "8")


def test_the_legend_says_how_it_was_made() -> None:
    """The patch, the level it is painted in, and what full colour means."""
    told = pages.describe_colours(make_saliency((0, 0, 0.34)))
    for words in ("2 x 2 pixels", "level 0", "Zeiler", "34 percentage points"):
        assert words in told
