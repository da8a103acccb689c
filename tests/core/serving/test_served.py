"""A network that answers about pictures of any kind."""

import numpy as np
import pytest
from PIL import Image, ImageDraw

from stages import evaluate, preprocess, split, train
from stages.core.params import load
from stages.core.serving.answer import Answer
from stages.core.serving.parts import Invert, Parts
from stages.core.serving.served import Served
from tests.conftest import ROOT, entered
from tests.data_builder import saved
from tests.pipeline_builder import change

CHANGES = {
    "data": {"source": "folder", "path": "data/strokes", "positive": None},
    "preprocess": {"height": 12, "width": 12, "resize": "pad"},
    "train": {"filters": [2], "dense_units": [8], "epochs": 1},
    "runs": {"unweighted": {}},
}


def strokes(number: int, *, across: bool) -> Image.Image:
    """Return a light stroke on black, across or down, somewhere near the middle."""
    chance = np.random.default_rng(number)
    place, length = int(chance.integers(12, 20)), int(chance.integers(8, 12))
    picture = Image.new("L", (40, 32), int(chance.integers(0, 8)))
    ends = (20 - length, place, 20 + length, place) if across else (place, 16 - length, place, 27)
    ImageDraw.Draw(picture).line(ends, int(chance.integers(200, 255)), 4)
    return picture


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Served:
    """Give a network trained on light strokes, padded with black bars."""
    folder = tmp_path_factory.mktemp("served")
    (folder / "stages").symlink_to(ROOT / "stages")
    for number in range(240):
        name = "across" if number % 2 else "down"
        path = folder / "data/strokes" / name / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(saved(strokes(number, across=bool(number % 2))))
    with entered(folder):
        change(folder, CHANGES)
        split.run(load())
        preprocess.run(load())
        train.run(load(), "unweighted", lambda *_: None)
        evaluate.run(load(), "unweighted")
        return Served(Parts.of_run("unweighted"))


def asked(served: Served, picture: bytes, invert: Invert = "never") -> Answer:
    """Return the answer about one picture."""
    (said,) = served.answers([lambda: picture], invert)
    assert isinstance(said, Answer)
    return said


def test_a_picture_in_bars_is_offered_inversion(served: Served) -> None:
    """Dark strokes between bars that stay black are recognised, and mended by `--invert auto`."""
    light = strokes(1001, across=True)
    dark = saved(Image.eval(light, lambda level: 255 - level))
    as_given, mended = asked(served, dark), asked(served, dark, "auto")
    assert "inverted" in [warning.kind for warning in as_given.warnings]
    assert mended.inverted
    np.testing.assert_array_equal(mended.seen.pixels, asked(served, saved(light)).seen.pixels)


def test_a_usual_picture_is_left_alone(served: Served) -> None:
    """Where nothing speaks for it, auto inverts nothing; always does."""
    usual = saved(strokes(1002, across=False))
    assert not asked(served, usual, "auto").inverted
    assert asked(served, usual, "always").inverted
