"""Every way in which a picture can be unlike training has its warning, and the usual has none."""

from pathlib import Path

import numpy as np
import pytest

from secondlook.config.errors import DataError
from secondlook.serving.ood_causes import OodWarning
from secondlook.serving.ood_detector import OodDetector
from tests.support import networks
from tests.support.datasets import make_dataset_card
from tests.support.networks import (
    STROKE_SIDE,
    Pixels,
    compute_embeddings,
    draw_strokes,
    make_seen_image,
)

SURE = np.array([0.0001, 0.9999], np.float32)


@pytest.fixture(scope="module")
def typical() -> OodDetector:
    """Give what is typical of light strokes on a dark ground."""
    return networks.fit_ood_detector()


def find_warnings(
    typical: OodDetector, pixels: Pixels, *size: int, far: bool = False
) -> dict[str, str]:
    """Return the warnings of a picture by kind; its embedding is that of a usual one, or is far."""
    usual = compute_embeddings(draw_strokes(1, 1))[0]
    embedding = usual + np.float32(1000 * far)
    found = typical.find_warnings(make_seen_image(pixels, *size), SURE, embedding)
    assert all(isinstance(one, OodWarning) and one.text[0].isupper() for one in found)
    return {one.kind: one.text for one in found}


def test_pictures_like_training_are_rarely_warned_of(typical: OodDetector) -> None:
    """At most one in twenty of the same kind."""
    pictures = draw_strokes(2, 1000)
    found = typical.score([make_seen_image(one) for one in pictures], compute_embeddings(pictures))
    warned = [typical.explain(like, one, SURE) for like, one in zip(found, pictures, strict=True)]
    assert sum(map(bool, warned)) <= 70
    assert [bool(some) for some in warned] == [like.is_unlike for like in found]


def test_inverted_pictures_are_offered_inversion(typical: OodDetector) -> None:
    """Dark strokes on a light ground: told with the levels of both edges, and how to mend it."""
    pictures = draw_strokes(3, 40)
    for picture in pictures:
        found = find_warnings(typical, 255 - picture)
        assert next(iter(found)) == "inverted"
        assert "--invert auto" in found["inverted"]
        assert typical.is_inverted(255 - picture)
        assert not typical.is_inverted(picture)
    assert "the other way round: its edge is at level 250 (0 is black" in found["inverted"]


def test_inversion_is_not_offered_where_it_does_not_help(typical: OodDetector) -> None:
    """A picture that is grey all over, or noise, is as unlike training either way."""
    grey = np.full((STROKE_SIDE, STROKE_SIDE, 1), 130, np.uint8)
    noise = np.random.default_rng(0).integers(0, 256, (STROKE_SIDE, STROKE_SIDE, 1), np.uint8)
    for picture in (grey, noise, 255 - noise):
        assert "inverted" not in find_warnings(typical, picture)


def test_values_of_0_to_1_are_recognised(typical: OodDetector) -> None:
    """A picture whose brightest level is 1 is black to the network, and nothing else is said."""
    found = find_warnings(typical, (draw_strokes(3, 1)[0] > 100).astype(np.uint8))
    assert list(found) == ["range"]
    assert "its brightest level is 1 of 255" in found["range"]
    assert "16 bits" in found["range"]


def test_training_of_0_to_1_is_recognised() -> None:
    """The other way round: training holds 0 to 1, the picture 0 to 255."""
    from dataclasses import replace

    from secondlook.data.profile import SizedImages, build_profile

    flags = (draw_strokes(0, 300) > 100).astype(np.uint8)
    split = SizedImages(flags, np.full((300, 2), STROKE_SIDE))
    low = replace(networks.fit_ood_detector(), pictures=build_profile(split, split))
    found = find_warnings(low, draw_strokes(3, 1)[0])
    assert list(found) == ["range"]
    assert "Divide by 255" in found["range"]


def test_an_empty_picture_is_told(typical: OodDetector) -> None:
    """All white."""
    assert list(find_warnings(typical, np.full((STROKE_SIDE, STROKE_SIDE, 1), 255, np.uint8))) == [
        "blank"
    ]


def move_square(down: int, right: int, scale: int = 1) -> Pixels:
    """Return a stroke on black, moved, of every `scale`-th pixel of each side alone."""
    stroke = draw_strokes(3, 1)[0]
    stroke = np.where(stroke > 50, stroke, 0)[::scale, ::scale]
    canvas = np.zeros((STROKE_SIDE, STROKE_SIDE, 1), np.uint8)
    height = (STROKE_SIDE - len(stroke)) // 2
    canvas[height : height + len(stroke), height : height + len(stroke)] = stroke
    return np.roll(canvas, (down, right), axis=(0, 1))


def test_a_subject_off_the_middle_is_told(typical: OodDetector) -> None:
    """Eight pixels to the side."""
    assert "off_centre" in find_warnings(typical, move_square(0, 8))


def test_empty_margins_are_told(typical: OodDetector) -> None:
    """A third of the size: the box and what to do about it."""
    found = find_warnings(typical, move_square(0, 0, scale=3))
    assert found["margins"].endswith("; cut the empty margins off.")
    assert "99 % of the training pictures: " in found["margins"]


def test_blur_is_told(typical: OodDetector) -> None:
    """A mean over 5 x 5 pixels."""
    sharp = move_square(0, 0).astype(np.float64)
    rolls = range(-2, 3)
    blurred = np.mean([np.roll(sharp, (i, j), (0, 1)) for i in rolls for j in rolls], axis=0)
    assert "blur" in find_warnings(typical, blurred.astype(np.uint8))


def test_noise_is_told_though_the_network_is_sure(typical: OodDetector) -> None:
    """A softmax of 0.9999 comes with what the network cannot know, and with what is to be seen."""
    noise = np.random.default_rng(0).integers(0, 256, (STROKE_SIDE, STROKE_SIDE, 1), np.uint8)
    found = find_warnings(typical, noise, far=True)
    assert "detail" in found
    assert len(found) == 4
    assert list(found)[-1] == "distance"
    assert found["distance"] == (
        "Inside the network it is further from the training pictures than all of the validation "
        "pictures: that the answer is 99.99 % sure says little."
    )


@pytest.mark.parametrize(
    ("size", "kind", "text"),
    [
        ((72, 24), "aspect", "It is 3.00 times as wide as it is high"),
        ((24, 72), "aspect", "It is 0.33 times as wide as it is high"),
        ((8, 8), "size", "Its shorter side is 0.33 times the network's"),
    ],
)
def test_the_size_of_the_file_is_told(
    typical: OodDetector, size: tuple[int, int], kind: str, text: str
) -> None:
    """Far from square, or much smaller than what the network sees, all else being usual."""
    found = find_warnings(typical, draw_strokes(1, 1)[0], *size)
    assert list(found) == [kind]
    assert text in found[kind]
    assert find_warnings(typical, draw_strokes(1, 1)[0], 10 * STROKE_SIDE, 10 * STROKE_SIDE) == {}


def test_a_folder_is_counted(typical: OodDetector) -> None:
    """Forty strokes are no shift, forty inverted ones are, with every one warned of."""
    for pictures, shifted in ((draw_strokes(4, 40), False), (255 - draw_strokes(4, 40), True)):
        shift = typical.make_drift_monitor()
        for like in typical.score(
            [make_seen_image(one) for one in pictures], compute_embeddings(pictures)
        ):
            shift.add(like)
        (line,) = shift.lines
        assert ("shifted against" in line) == shifted
        assert ("100 % warned of" in line) == shifted


def test_another_version_is_told(tmp_path: Path) -> None:
    """Where facts.json lacks a feature of today, the error says what to do."""
    facts = make_dataset_card(
        ["a", "b"], {split: {"a": 1, "b": 1} for split in ("train", "validation")}
    )
    del facts.pictures.features["border"]
    with pytest.raises(DataError, match="another version of Second Look; run `dvc repro`"):
        OodDetector.read(tmp_path, facts)
