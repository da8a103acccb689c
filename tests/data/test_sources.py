"""Class folders and CSV lists are read as people lay them out, and refused with the reason."""

import re
from pathlib import Path

import pytest

from secondlook.config.errors import DataError
from secondlook.data.class_folders import ClassFolders
from secondlook.data.sources import CsvList
from secondlook.data.splitting import Item
from tests.support.datasets import make_png, write_class_folders


def test_a_folder_is_a_class_with_all_that_is_in_it(tmp_path: Path) -> None:
    """Pictures at any depth are of the class at the top; hidden files are nothing."""
    write_class_folders(tmp_path, {"cat": 1, "dog/old": 1, "dog/young/shy": 1, ".cache": 1})
    (tmp_path / "cat" / ".DS_Store").touch()
    assert ClassFolders(tmp_path).items() == [
        Item("cat/0.png", "cat"),
        Item("dog/old/0.png", "dog"),
        Item("dog/young/shy/0.png", "dog"),
    ]


@pytest.mark.parametrize("word", ["validation", "valid", "val", "Val"])
def test_split_folders_are_honoured(tmp_path: Path, word: str) -> None:
    """The three words for validation mean the same."""
    write_class_folders(tmp_path, {"train/cat": 1, f"{word}/cat": 1, "test/cat": 1})
    found = {item.split: (item.id, item.label) for item in ClassFolders(tmp_path).items()}
    assert found == {
        "train": ("train/cat/0.png", "cat"),
        "validation": (f"{word}/cat/0.png", "cat"),
        "test": ("test/cat/0.png", "cat"),
    }


def test_a_class_may_be_called_train(tmp_path: Path) -> None:
    """A folder that holds pictures itself, beside other classes, is a class whatever its name."""
    write_class_folders(tmp_path, {"train": 1, "bicycle": 1})
    assert {item.label: item.split for item in ClassFolders(tmp_path).items()} == {
        "train": None,
        "bicycle": None,
    }


def test_any_folder_name_is_a_class_name(tmp_path: Path) -> None:
    """Spaces, commas, quotes, other alphabets; two spellings of one accent are one class."""
    names = ["t-shirt, red", 'the "best"', "帽子", "[b]bold", "cafe\u0301", "caf\u00e9"]
    write_class_folders(tmp_path, dict.fromkeys(names, 1))
    labels = [item.label for item in ClassFolders(tmp_path).items()]
    assert sorted(labels) == sorted([*names[:4], "caf\u00e9", "caf\u00e9"])
    assert all(ClassFolders(tmp_path).content(i.id) for i in ClassFolders(tmp_path).items())


def test_what_is_passed_over_is_listed(tmp_path: Path) -> None:
    """No picture by its suffix, a picture in no class, a class without one; not SOURCE.txt."""
    write_class_folders(tmp_path, {"cat": 1, "empty": 0})
    (tmp_path / "SOURCE.txt").touch()
    (tmp_path / "preview.png").write_bytes(make_png(0))
    (tmp_path / "cat" / "notes.txt").touch()
    (tmp_path / "cat" / "gone.png").symlink_to(tmp_path / "nowhere.png")
    source = ClassFolders(tmp_path)
    assert [item.id for item in source.items()] == ["cat/0.png"]
    assert source.skipped == ["cat/notes.txt", "empty/", "preview.png"]


@pytest.mark.parametrize(
    ("counts", "told"),
    [
        ({}, "no pictures in class folders; expected <class>/<picture>"),
        ({"cat": 0}, "expected <class>/<picture> or train/<class>/<picture>, found cat/"),
        ({"train": 2, "test": 2}, "no pictures in class folders"),
        ({"train/cat": 1, "extra": 1}, "split folder train beside class folder extra"),
    ],
)
def test_layouts_that_say_nothing_are_told(
    tmp_path: Path, counts: dict[str, int], told: str
) -> None:
    """Nothing, an empty class, pictures without classes, splits and classes side by side."""
    with pytest.raises(DataError, match=re.escape(told)):
        ClassFolders(write_class_folders(tmp_path, counts)).items()


def test_a_name_that_is_not_utf8_is_told(tmp_path: Path) -> None:
    """Such a name could not be written into the manifest."""
    write_class_folders(tmp_path, {"cat": 1})
    (tmp_path / "cat" / "caf\udce9.png").write_bytes(make_png(1))
    with pytest.raises(DataError, match=r"'cat/caf\\udce9.png' holds control characters or is"):
        ClassFolders(tmp_path).items()


def test_a_file_that_has_gone_is_told(tmp_path: Path) -> None:
    """Reading a picture deleted since names it."""
    with pytest.raises(DataError, match=r"cat/0\.png: No such file or directory"):
        ClassFolders(tmp_path).content("cat/0.png")


def write_csv_list(root: Path, text: str) -> CsvList:
    """Return the list with this text, beside two pictures a.png and in/b.png."""
    (root / "in").mkdir(parents=True)
    (root / "a.png").write_bytes(make_png(0))
    (root / "in" / "b.png").write_bytes(make_png(1))
    (root / "labels.csv").write_text(text, encoding="utf-8")
    return CsvList(root)


def test_a_list_of_paths_and_labels(tmp_path: Path) -> None:
    """Two columns are enough; others are ignored, and so is a byte order mark."""
    source = write_csv_list(
        tmp_path, "\ufefflabel,seen by,path\ncat,Ann,a.png\n dog ,Bob,./in/b.png\n"
    )
    assert source.items() == [Item("a.png", "cat"), Item("in/b.png", "dog")]
    assert source.content("in/b.png") == make_png(1)


def test_a_list_with_splits_and_groups(tmp_path: Path) -> None:
    """Empty cells say nothing; val is validation."""
    source = write_csv_list(tmp_path, "path,label,split,group\na.png,cat,val,Ann\nin/b.png,dog,,\n")
    assert source.items() == [Item("a.png", "cat", "validation", "Ann"), Item("in/b.png", "dog")]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "no rows; expected one per picture"),
        ("path,label\n", "no rows; expected one per picture"),
        ("file,letter\na.png,cat\n", "found the columns file, letter; expected path and label"),
        ("path;label\na.png;cat\n", "found the columns path;label; expected path and label, sep"),
        ("path,label\na.png,\n", "row 2: path or label is empty"),
        ("path,label\na.png\n", "row 2: path or label is empty"),
        ("path,label\na.png,cat\nc.png,cat\n", "row 3: c.png: no such file in "),
        ("path,label\nin,cat\n", "row 2: in: no such file in "),
        ("path,label\n../a.png,cat\n", "row 2: ../a.png leaves the folder"),
        ("path,label\n/etc/passwd,cat\n", "row 2: /etc/passwd leaves the folder"),
        ('path,label\na.png,"c\rt"\n', "row 2: control characters in path, label or group"),
        ("path,label\nout.png,cat\n", "row 2: out.png leaves the folder"),
        ("path,label,split\na.png,cat,trian\n", "row 2: split 'trian'; expected train, valid"),
        ("path,label\na.png,cat\n./a.png,dog\n", "row 3: a.png is in row 2 too; delete one"),
        ("path,label\na\0.png,cat\n", "row 2: control characters in path, label or group"),
    ],
)
def test_lists_that_cannot_be_right_are_told(tmp_path: Path, text: str, told: str) -> None:
    """Missing columns and values, paths that lead nowhere or outside, also by a link."""
    (tmp_path / "outside.png").write_bytes(make_png(2))
    source = write_csv_list(tmp_path / "data", text)
    (tmp_path / "data" / "out.png").symlink_to(tmp_path / "outside.png")
    with pytest.raises(DataError, match=re.escape(told)) as caught:
        source.items()
    assert str(caught.value).startswith(f"{tmp_path}/data/labels.csv: ")


def test_a_list_that_is_not_there_or_not_utf8_is_told(tmp_path: Path) -> None:
    """Both are said to be unreadable, with what was expected."""
    with pytest.raises(
        DataError, match=r"labels\.csv: cannot be read .*expected a CSV file in UTF-8"
    ):
        CsvList(tmp_path).items()
    (tmp_path / "labels.csv").write_bytes(b"path,label\na.png,caf\xe9\n")
    with pytest.raises(DataError, match=r"labels\.csv: cannot be read"):
        CsvList(tmp_path).items()
