"""Folders named after splits are never learned as classes, however data sets write them."""

import re
from pathlib import Path

import pytest

from secondlook.config.errors import DataError
from secondlook.data.class_folders import ClassFolders
from secondlook.data.idx import IdxPairs
from secondlook.data.sources import CsvList
from secondlook.data.splitting import find_split_words
from tests.support.datasets import make_png, write_class_folders, write_idx_pair


def find_labels(root: Path) -> set[tuple[str, str | None]]:
    """Return the classes and the splits that a folder holds."""
    return {(item.label, item.split) for item in ClassFolders(root).items()}


def check_refusal(folder: Path, layout: list[str], told: str) -> None:
    """Make two pictures in each folder, and see that one line tells why they are refused."""
    write_class_folders(folder, dict.fromkeys(layout, 2))
    with pytest.raises(DataError, match=re.escape(told)) as caught:
        ClassFolders(folder).items()
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "names",
    [
        *[("Training", "Testing"), ("TRAIN", "Test"), ("training_set", "test_set")],
        *[("train-images", "test images"), ("TrainData", "TestData"), ("trainset", "testset")],
        *[("seg_train", "seg_test"), ("train2017", "test2017"), ("brain train", "brain test")],
    ],
)
def test_words_for_splits_are_known_as_data_sets_write_them(
    tmp_path: Path, names: tuple[str, str]
) -> None:
    """In any case, with what is put beside them, and with what both have in common."""
    write_class_folders(tmp_path, {f"{name}/{label}": 2 for name in names for label in "ab"})
    assert find_labels(tmp_path) == {
        (label, split) for label in "ab" for split in ("train", "test")
    }


def test_an_archive_that_wraps_its_folders_twice_is_understood(tmp_path: Path) -> None:
    """training_set/training_set/cats, seg_test/images/cats: what lies between is no class."""
    layout = {"training_set/training_set/cats": 2, "training_set/training_set/dogs/young": 2}
    layout |= {"test_set/images/cats": 1, "test_set/images/dogs": 1, "val/val/val/cats": 1}
    write_class_folders(tmp_path, layout | {"val/val/val/dogs": 1})
    splits = ("train", "validation", "test")
    assert find_labels(tmp_path) == {(label, s) for label in ("cats", "dogs") for s in splits}


@pytest.mark.parametrize(
    ("layout", "told"),
    [
        (
            ["dev/cat", "dev/dog", "eval/cat", "eval/dog"],
            "dev, eval each hold cat, dog: are those the classes? Then name the folders above",
        ),
        (["fold1/cat", "fold1/dog", "fold2/cat", "fold2/dog"], "fold1, fold2 each hold cat, dog"),
        (["dev/cat", "dev/dog", "eval/cat", "eval/dog", "more/x"], "dev, eval each hold cat, dog"),
        (["setA/cat", "setA/dog", "setB/cat", "setB/dog"], "setA, setB each hold cat, dog"),
        ([f"{top}/{k}" for top in ("old", "new") for k in "abc"], "new, old each hold a, b, c"),
        ([f"{top}/{k}" for top in ("old", "new") for k in "abcde"], "hold a, b, c and 2 more"),
        (
            ["cat/train", "cat/test", "dog/train", "dog/test"],
            "found cat/test and cat/train, a split inside a class; expected train/<class>/<pict",
        ),
        (["train/cat", "train/dog", "dev/cat", "dev/dog"], "split folder train beside class fold"),
        (["train/cat", "test1"], "split folder train beside class folder test1"),
        (["seg_train/cat", "seg_test/cat", "seg_pred"], "split folder seg_test beside class fo"),
        (["training_set/training_set", "test_set/test_set"], "no pictures in class folders; "),
    ],
)
def test_what_looks_like_splits_and_is_unknown_is_refused(
    tmp_path: Path, layout: list[str], told: str
) -> None:
    """Other words, folds, splits inside of classes: in one line that says what to do."""
    check_refusal(tmp_path, layout, told)


@pytest.mark.parametrize(
    ("layout", "labels"),
    [
        (["cats/web", "cats/phone", "dogs/web", "dogs/phone"], {"cats", "dogs"}),
        ([f"s{k}/{day}" for k in range(3) for day in ("one", "two")], {"s0", "s1", "s2"}),
        (["bullet_train/web", "freight_train/web"], {"bullet_train", "freight_train"}),
        (["training shoe", "boot"], {"training shoe", "boot"}),
        (["train", "test tube"], {"train", "test tube"}),
        (["valley/dry", "valley/wet", "training camp/dry"], {"valley", "training camp"}),
    ],
)
def test_classes_that_only_resemble_splits_stay_classes(
    tmp_path: Path, layout: list[str], labels: set[str]
) -> None:
    """Where the pictures come from may stand below the class, and a class may hold such a word."""
    write_class_folders(tmp_path, dict.fromkeys(layout, 2))
    assert find_labels(tmp_path) == {(label, None) for label in labels}


def test_a_list_knows_the_same_words(tmp_path: Path) -> None:
    """The column `split` may say Training or test set; what is no such word is refused."""
    for number in range(3):
        (tmp_path / f"{number}.png").write_bytes(make_png(number))
    (tmp_path / "labels.csv").write_text(
        "path,label,split\n0.png,a,Training\n1.png,a,test set\n2.png,a,VALID\n"
    )
    assert [item.split for item in CsvList(tmp_path).items()] == ["train", "test", "validation"]
    (tmp_path / "labels.csv").write_text("path,label,split\n0.png,a,dev\n")
    with pytest.raises(DataError, match="row 2: split 'dev'; expected train, validation, test"):
        CsvList(tmp_path).items()


def test_what_all_names_share_says_nothing() -> None:
    """Without it each must be one word for one split; a name that is left bare is none."""
    assert find_split_words(["mri_train", "mri_val", "mri"]) == ["train", "validation", None]
    assert find_split_words(["bullet_train", "freight_train"]) == [None, None]
    assert find_split_words(["data", "images", "", "t10k"]) == [None, None, None, "test"]


@pytest.mark.parametrize(
    ("layout", "told"),
    [
        (
            ["PetImages/Cat", "PetImages/Dog"],
            "only one folder, PetImages, which holds Cat, Dog; if",
        ),
        (["a/b/Cat", "a/b/Dog", "__MACOSX/a/b/Cat"], "only one folder, a/b, which holds Cat"),
        (
            ["archive/train/cat", "archive/test/cat"],
            "only one folder, archive, which holds test",
        ),
        (
            ["x/Training/cat", "x/Testing/cat", "y/Training/cat"],
            "x/Testing and x/Training, a",
        ),
    ],
)
def test_a_path_one_folder_too_high_names_what_it_found(
    tmp_path: Path, layout: list[str], told: str
) -> None:
    """One or two too high, above classes or splits, beside what a system left."""
    check_refusal(tmp_path, layout, told)


def test_folders_that_could_be_classes_or_not_are_told(tmp_path: Path) -> None:
    """Two by two may be read either way: which way they were is said."""
    layout = ["cats/web", "cats/phone", "dogs/web", "dogs/phone"]
    source = ClassFolders(write_class_folders(tmp_path, dict.fromkeys(layout, 1)))
    source.items()
    assert source.notes == [
        "cats, dogs each hold phone, web: their pictures are taken as of the classes cats, dogs"
    ]


def test_lists_and_idx_files_in_a_folder_below_are_named(tmp_path: Path) -> None:
    """Archives have them one or two folders deeper, or call the list otherwise."""
    (tmp_path / "train.csv").touch()
    with pytest.raises(DataError, match=r"found train\.csv: name it labels\.csv if it is the list"):
        CsvList(tmp_path).items()
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "b" / "labels.csv").touch()
    with pytest.raises(DataError, match=r"found .*/a/b/labels\.csv: set data\.path to .*/a/b$"):
        CsvList(tmp_path).items()
    write_idx_pair(tmp_path / "MNIST" / "raw", "train-{}-ubyte", [0, 1])
    with pytest.raises(DataError, match=r"gz, as in .*/MNIST/raw; correct data\.path"):
        IdxPairs(tmp_path, None, transposed=False)
