"""Today's images against those that the champion has seen."""

from pathlib import Path

import pytest

from secondlook.artifacts import files
from secondlook.artifacts.manifest import MANIFEST_COLUMNS, SPLITS, ManifestRow
from secondlook.config.errors import DataError
from secondlook.retraining.data_checks import CurrentData, check_unseen
from secondlook.tracking import provenance
from tests.support.datasets import make_dataset_card

COUNTS = {split: {"a": 1, "b": 1} for split in SPLITS}
FACTS = make_dataset_card(["a", "b"], COUNTS, "b")


def make_digest(number: int) -> str:
    """Return the digest of image number so and so."""
    return f"{number:016x}" + "0" * 48


def make_current_data(*numbers: int, split: str = "test") -> CurrentData:
    """Return these images, all in one split."""
    return CurrentData(
        [ManifestRow(f"{n}.png", "a", split, make_digest(n)) for n in numbers], FACTS
    )


def test_new_and_gone_images_are_counted() -> None:
    """Of 1, 2 and 3 the last is gone; 4 and 5 are new."""
    found = make_current_data(1, 2, 4, 5).count_changes(
        {"train": {1}, "validation": {2}, "test": {3}}
    )
    assert (found.images, found.added, found.removed) == (4, 2, 1)


def test_without_a_champion_nothing_is_new() -> None:
    """There is nothing to compare with."""
    found = make_current_data(1).count_changes(None)
    assert (found.added, found.removed) == (None, None)


@pytest.mark.parametrize("split", ["train", "validation"])
def test_a_comparison_on_leaked_images_is_refused(split: str) -> None:
    """A test image that the champion was fitted or chosen by is named, in one line."""
    seen: dict[str, set[int]] = {"train": set(), "validation": set(), "test": {1}}
    check_unseen(make_current_data(1, 2, 3).test_rows, seen)
    with pytest.raises(DataError) as caught:
        check_unseen(make_current_data(*range(1, 9)).test_rows, seen | {split: set(range(2, 9))})
    told = "7 of today's 8 test images were in the champion's training or validation: 2.png, 3.png"
    assert told in str(caught.value)
    assert "\n" not in str(caught.value)


def test_labels_are_numbers_in_the_order_of_the_classes() -> None:
    """`b` is the second class."""
    rows = [ManifestRow("1", "b", "test", ""), ManifestRow("2", "a", "test", "")]
    assert CurrentData(rows, FACTS).encode_labels(rows).tolist() == [1, 0]


@pytest.mark.usefixtures("project")
def test_the_images_of_a_data_set_are_kept_and_read(tmp_path: Path) -> None:
    """What is written for MLflow is what the leak check reads: the first bytes of each digest."""
    rows = [
        ManifestRow("1", "a", "train", make_digest(7)),
        ManifestRow("2", "b", "test", make_digest(2**64 - 1)),
    ]
    with files.create_output("preprocess") as folder:
        cells = [row.to_cells() for row in rows]
        files.write_csv(folder / "images.csv", MANIFEST_COLUMNS, cells)
    provenance.write_image_digests(tmp_path)
    assert provenance.load_image_digests(tmp_path) == {
        "train": {7},
        "validation": set(),
        "test": {2**64 - 1},
    }
