"""IDX pairs are found, named and refused as they come."""

import re
from pathlib import Path

import numpy as np
import pytest

from secondlook.config.errors import DataError
from secondlook.data import idx
from secondlook.data.sources import open_source
from secondlook.data.splitting import Item
from tests.support.datasets import write_idx_pair
from tests.support.project import make_params


def list_idx_items(root: Path, **keys: object) -> list[Item]:
    """Return the items of the IDX files in a folder."""
    return open_source(make_params(data={"path": str(root), **keys}).data).items()


def test_one_pair_leaves_the_split_open(tmp_path: Path) -> None:
    """A single pair gives its labels as text, in order, and says nothing of splits."""
    write_idx_pair(tmp_path, "digits-{}-ubyte.gz", [7, 10, 7])
    assert list_idx_items(tmp_path) == [
        Item("digits-images#0", "7"),
        Item("digits-images#1", "10"),
        Item("digits-images#2", "7"),
    ]


@pytest.mark.parametrize(
    "name", ["{split}-{{}}-ubyte.gz", "emnist-letters-{split}-{{}}-ubyte", "{split}-{{}}.gz"]
)
@pytest.mark.parametrize("word", ["t10k", "test"])
def test_the_given_test_set_is_the_test_set(tmp_path: Path, name: str, word: str) -> None:
    """A pair for training and one for testing are known by the words in their names."""
    write_idx_pair(tmp_path, name.format(split="train"), [1, 2])
    write_idx_pair(tmp_path, name.format(split=word), [3])
    found = [(item.label, item.split) for item in list_idx_items(tmp_path)]
    assert sorted(found) == [("1", "train"), ("2", "train"), ("3", "test")]


def test_pixels_are_those_of_the_image_transposed_or_not(tmp_path: Path) -> None:
    """Image 1 holds 1 to 6 in two rows; `transpose` swaps rows and columns."""
    write_idx_pair(tmp_path, "{}", [0, 1])
    for transpose, expected in ((False, [[1, 2, 3], [4, 5, 6]]), (True, [[1, 4], [2, 5], [3, 6]])):
        files = open_source(make_params(data={"path": str(tmp_path), "transpose": transpose}).data)
        np.testing.assert_array_equal(files.content("images-idx3#1"), expected)


@pytest.mark.parametrize("first", [0, 1])
def test_class_names_go_to_labels_from_the_smallest_up(tmp_path: Path, first: int) -> None:
    """The first line names label 0 of MNIST, but label 1 of EMNIST letters."""
    write_idx_pair(tmp_path, "{}", [first + 1, first, first + 2])
    (tmp_path / "names.txt").write_text("ankle boot\ncafe\u0301\n帽子\n", encoding="utf-8")
    labels = [item.label for item in list_idx_items(tmp_path, class_names="names.txt")]
    assert labels == ["caf\u00e9", "ankle boot", "帽子"]


def test_plain_and_gzipped_copies_are_one(tmp_path: Path) -> None:
    """Files unpacked beside their archives are not taken for other data."""
    write_idx_pair(tmp_path, "train-{}-ubyte.gz", [1, 2])
    write_idx_pair(tmp_path, "train-{}-ubyte", [1, 2])
    assert len(list_idx_items(tmp_path)) == 2


def test_folders_that_hold_no_pairs_are_told(tmp_path: Path) -> None:
    """No files, one half of a pair, two training sets: each is said as it is."""
    with pytest.raises(DataError, match="no IDX files; expected a pair such as"):
        list_idx_items(tmp_path)
    write_idx_pair(tmp_path, "train-{}", [1, 2])
    idx.write_idx(tmp_path / "t10k-labels-idx1", np.array([1], np.uint8))
    with pytest.raises(DataError, match="no partner for t10k-labels-idx1; add it"):
        list_idx_items(tmp_path)
    (tmp_path / "t10k-labels-idx1").unlink()
    write_idx_pair(tmp_path, "letters-train-{}", [1, 2])
    several = "several IDX pairs for train: letters-train-images-idx3, train-images-idx3;"
    with pytest.raises(DataError, match=several):
        list_idx_items(tmp_path)


def test_images_without_labels_are_told(tmp_path: Path) -> None:
    """An images file alone is named."""
    write_idx_pair(tmp_path, "train-{}-ubyte.gz", [1])
    (tmp_path / "train-labels-idx1-ubyte.gz").unlink()
    with pytest.raises(DataError, match="no partner for train-images-idx3-ubyte; add it"):
        list_idx_items(tmp_path)


def test_counts_that_differ_are_told(tmp_path: Path) -> None:
    """Three images and two labels do not belong together."""
    write_idx_pair(tmp_path, "{}", [1, 2, 3])
    idx.write_idx(tmp_path / "labels-idx1", np.array([1, 2], np.uint8))
    with pytest.raises(DataError, match="3 images, but labels-idx1 holds 2 labels"):
        list_idx_items(tmp_path)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (b"a\nb", "2 class names for 3 different labels (0 to 2)"),
        (b"a\nb\nb", "class name 'b' 2 times"),
        (b"a\n\nb", "class name '' 1 times"),
        (b"caf\xe9\nb\nc", "expected a text file in the folder data.path, in UTF-8"),
        (None, "data.class_names: "),
    ],
)
def test_class_names_that_do_not_fit_are_told(
    tmp_path: Path, text: bytes | None, told: str
) -> None:
    """Too few, doubled, empty, not UTF-8, not there."""
    write_idx_pair(tmp_path, "{}", [0, 1, 2])
    if text is not None:
        (tmp_path / "names.txt").write_bytes(text)
    with pytest.raises(DataError, match=re.escape(told)):
        list_idx_items(tmp_path, class_names="names.txt")


def test_a_path_that_is_no_folder_is_told(tmp_path: Path) -> None:
    """A missing folder, and a file in place of one."""
    with pytest.raises(DataError, match=r"data\.path: .*/none is no such folder"):
        list_idx_items(tmp_path / "none")
    (tmp_path / "labels.csv").touch()
    with pytest.raises(DataError, match="is a file; expected the folder that holds it"):
        list_idx_items(tmp_path / "labels.csv")


def test_fashion_mnist_is_read_whole(shared_data: Path) -> None:
    """The four official files give 60,000 training and 10,000 test images, 7,000 a class."""
    items = list_idx_items(shared_data / "fashion-mnist")
    assert [item.split for item in items].count("test") == 10_000
    labels = [item.label for item in items]
    assert {label: labels.count(label) for label in set(labels)} == {
        str(number): 7_000 for number in range(10)
    }
