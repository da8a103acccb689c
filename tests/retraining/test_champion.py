"""The champion is asked about today's images as they are, each made when its turn comes."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from secondlook.artifacts.manifest import SPLITS, ManifestRow
from secondlook.config.errors import DataError
from secondlook.config.params import load_params
from secondlook.data import decoding
from secondlook.data.class_folders import ClassFolders
from secondlook.retraining.champion import PreparedImages, check_question
from tests.support.datasets import make_dataset_card

COUNTS = {split: {"not 8": 2, "8": 1} for split in SPLITS}
FACTS = make_dataset_card(["not 8", "8"], COUNTS, "8")


def test_pictures_are_made_as_preprocess_makes_them(project: Path) -> None:
    """In the champion's own size, in the order asked for, whatever piece is asked for."""
    spec = load_params().preprocess.model_copy(update={"height": 9, "width": 7})
    rows = [ManifestRow(f"8/{n}.png", "8", "test", f"{n}") for n in range(70)]
    (project / "8").mkdir()
    for n, row in enumerate(rows):
        Image.new("L", (20, 30), 3 * n).save(project / row.id)
    made = PreparedImages(rows, ClassFolders(project), spec)
    assert (len(made), made[64:128].shape) == (70, (6, 9, 7, 1))
    wanted = [decoding.decode_pixels((project / row.id).read_bytes(), spec) for row in rows[:3]]
    assert np.array_equal(made[0:3], wanted)


def test_another_question_is_no_comparison() -> None:
    """Other classes, or another positive one: the error says both, in one line."""
    check_question(FACTS, FACTS.model_copy(update={"digest": "other"}))
    for changes in ({"classes": ["not 8", "8", "9"]}, {"positive": None}):
        with pytest.raises(DataError, match="the champion knows the classes") as caught:
            check_question(FACTS, FACTS.model_copy(update=changes))
        assert "\n" not in str(caught.value)
