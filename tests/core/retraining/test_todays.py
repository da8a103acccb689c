"""Today's images against those that the champion has seen."""

from pathlib import Path

import pytest

from stages.core import files
from stages.core.errors import DataError
from stages.core.outputs.manifest import Row
from stages.core.retraining.todays import Today, check_unseen
from stages.core.tracking import held
from tests.facts_builder import SPLITS, invented

COUNTS = {split: {"a": 1, "b": 1} for split in SPLITS}
FACTS = invented(["a", "b"], COUNTS, "b")


def digest(number: int) -> str:
    """Return the digest of image number so and so."""
    return f"{number:016x}" + "0" * 48


def today(*numbers: int, split: str = "test") -> Today:
    """Return these images, all in one split."""
    return Today([Row(f"{n}.png", "a", split, digest(n)) for n in numbers], FACTS)


def test_new_and_gone_images_are_counted() -> None:
    """Of 1, 2 and 3 the last is gone; 4 and 5 are new."""
    found = today(1, 2, 4, 5).since({"train": {1}, "validation": {2}, "test": {3}})
    assert (found.images, found.added, found.removed) == (4, 2, 1)


def test_without_a_champion_nothing_is_new() -> None:
    """There is nothing to compare with."""
    found = today(1).since(None)
    assert (found.added, found.removed) == (None, None)


@pytest.mark.parametrize("split", ["train", "validation"])
def test_a_comparison_on_leaked_images_is_refused(split: str) -> None:
    """A test image that the champion was fitted or chosen by is named, in one line."""
    seen: dict[str, set[int]] = {"train": set(), "validation": set(), "test": {1}}
    check_unseen(today(1, 2, 3).tested, seen)
    with pytest.raises(DataError) as caught:
        check_unseen(today(*range(1, 9)).tested, seen | {split: set(range(2, 9))})
    told = "7 of today's 8 test images were in the champion's training or validation: 2.png, 3.png"
    assert told in str(caught.value)
    assert "\n" not in str(caught.value)


def test_labels_are_numbers_in_the_order_of_the_classes() -> None:
    """`b` is the second class."""
    rows = [Row("1", "b", "test", ""), Row("2", "a", "test", "")]
    assert Today(rows, FACTS).labels(rows).tolist() == [1, 0]


@pytest.mark.usefixtures("project")
def test_the_images_of_a_data_set_are_kept_and_read(tmp_path: Path) -> None:
    """What is written for MLflow is what the leak check reads: the first bytes of each digest."""
    rows = [Row("1", "a", "train", digest(7)), Row("2", "b", "test", digest(2**64 - 1))]
    with files.output("preprocess") as folder:
        files.write_csv(folder / "images.csv", ("id", "label", "split", "digest"), map(_told, rows))
    held.write(tmp_path)
    assert held.read(tmp_path) == {"train": {7}, "validation": set(), "test": {2**64 - 1}}


def _told(row: Row) -> dict[str, str]:
    return {name: getattr(row, name) for name in ("id", "label", "split", "digest")}
