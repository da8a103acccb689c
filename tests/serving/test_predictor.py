"""A network that answers about pictures of any kind."""

from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image, ImageDraw

from secondlook.config.params import load_params
from secondlook.serving.inputs import InvertMode, ModelFiles
from secondlook.serving.output import Prediction
from stages import evaluate, preprocess, split, train
from tests.support.datasets import encode_image
from tests.support.project import edit_params, enter_project, link_code

if TYPE_CHECKING:
    from secondlook.serving.predictor import Predictor

pytestmark = pytest.mark.slow

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
def served(tmp_path_factory: pytest.TempPathFactory) -> "Predictor":
    """Give a network trained on light strokes, padded with black bars."""
    from secondlook.serving.predictor import Predictor

    folder = tmp_path_factory.mktemp("served")
    link_code(folder)
    for number in range(240):
        name = "across" if number % 2 else "down"
        path = folder / "data/strokes" / name / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(encode_image(strokes(number, across=bool(number % 2))))
    with enter_project(folder):
        edit_params(folder, CHANGES)
        split.run(load_params())
        preprocess.run(load_params())
        train.run(load_params(), "unweighted", lambda *_: None)
        evaluate.run(load_params(), "unweighted")
        return Predictor(ModelFiles.in_workspace("unweighted"))


def ask(served: "Predictor", picture: bytes, invert: InvertMode = "never") -> Prediction:
    """Return the answer about one picture."""
    (said,) = served.predict([lambda: picture], invert)
    assert isinstance(said, Prediction)
    return said


def test_a_picture_in_bars_is_offered_inversion(served: "Predictor") -> None:
    """Dark strokes between bars that stay black are recognised, and mended by `--invert auto`."""
    light = strokes(1001, across=True)
    dark = encode_image(Image.eval(light, lambda level: 255 - level))
    as_given, mended = ask(served, dark), ask(served, dark, "auto")
    assert "inverted" in [warning.kind for warning in as_given.warnings]
    assert mended.inverted
    np.testing.assert_array_equal(mended.seen.pixels, ask(served, encode_image(light)).seen.pixels)


def test_a_usual_picture_is_left_alone(served: "Predictor") -> None:
    """Where nothing speaks for it, auto inverts nothing; always does."""
    usual = encode_image(strokes(1002, across=False))
    assert not ask(served, usual, "auto").inverted
    assert ask(served, usual, "always").inverted
