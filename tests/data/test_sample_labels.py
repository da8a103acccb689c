"""Classes of pictures are read from the files beside them, as WebDataset packs them."""

import json
import re
from pathlib import Path

import pytest

from secondlook.config.errors import DataError
from tests.data.test_archived_folders import check_refusal, open_archives
from tests.support.archives import make_pictures, write_archive, write_tar
from tests.support.datasets import make_png


def find_labels(path: Path) -> list[tuple[str, str, str | None]]:
    """Return name, class and split of each picture."""
    return [
        (item.id.rpartition("/")[2], item.label, item.split) for item in open_archives(path).items()
    ]


@pytest.mark.parametrize("kind", ["tar", "zip"])
def test_a_text_or_a_json_names_the_class(tmp_path: Path, kind: str) -> None:
    """A name or a number; a .cls counts before a .json, keys in their order."""
    pictures = make_pictures(*(f"{i}.png" for i in range(7)))
    beside = {
        "0.cls": b" cat\r\n",
        "1.cls": b"7",
        "1.json": b'{"label": "dog"}',
        "2.json": b'{"label": 7, "cls": "x"}',
        "3.json": b'{"class": "cafe\xcc\x81", "cls": 3}',
        "4.json": b'{"class": "cafe\xcc\x81", "text": "a cat"}',
        "5.cls": "\ufeff帽".encode(),
        "6.json": b'{"label": "0"}',
    }
    path = write_archive(tmp_path / f"a.{kind}", pictures | beside)
    labels = ["cat", "7", "7", "3", "caf\u00e9", "帽", "0"]
    assert find_labels(path) == [(f"{i}.png", label, None) for i, label in enumerate(labels)]
    assert open_archives(path).skipped == []


def test_shards_of_splits_with_labels(tmp_path: Path) -> None:
    """By their names or their folders; or by folders in an archive."""
    own = make_pictures("0001.png", "0002.png") | {"0001.cls": b"0", "0002.cls": b"1"}
    for name in ("a/train-0.tar", "a/val-0.tar", "b/train/0.tar", "b/val/0.tar"):
        write_tar(tmp_path / name, own)
    inner = {
        f"{part}/{name}": content for part in ("val", "train") for name, content in own.items()
    }
    for path in (tmp_path / "a", tmp_path / "b", write_tar(tmp_path / "c.tar", inner)):
        assert find_labels(path) == [
            ("0001.png", "0", "train"),
            ("0002.png", "1", "train"),
            ("0001.png", "0", "validation"),
            ("0002.png", "1", "validation"),
        ]


def test_further_pictures_of_a_sample_are_passed_over(tmp_path: Path) -> None:
    """A mask, another view, a caption; and a name with dots in it has its own class."""
    pictures = make_pictures("1.jpg", "1.mask.png", "a.b.jpg")
    path = write_tar(
        tmp_path / "a.tar", pictures | {"1.cls": b"x", "a.b.cls": b"y", "1.txt": b"text"}
    )
    source = open_archives(path)
    assert [item.label for item in source.items()] == ["x", "y"]
    assert source.skipped == ["a.tar/1.mask.png", "a.tar/1.txt"]


@pytest.mark.parametrize("said", [b'{"camera": "x"}', b'{"a": 1}\n{"a": 2}', b'{"class": ["x"]}'])
def test_a_json_that_says_other_things_names_no_class(tmp_path: Path, said: bytes) -> None:
    """The folder does then."""
    pictures = make_pictures("cat/1.png", "dog/1.png")
    told = {name.replace("png", "json"): said for name in pictures}
    path = write_tar(tmp_path / "a.tar", pictures | told)
    assert find_labels(path) == [("1.png", "cat", None), ("1.png", "dog", None)]


@pytest.mark.parametrize(
    ("name", "content", "found"),
    [
        ("2.cls", b"", "''"),
        ("2.cls", b"a\nb", r"'a\nb'"),
        ("2.cls", b"caf\xe9", "no UTF-8"),
        ("2.json", b"{", "no JSON"),
        ("2.json", b"[" * 100_000, "no JSON"),
        ("2.json", b'{"camera": 1}', "none of the keys label, cls, class"),
        ("2.json", b'["cat"]', "none of the keys label, cls, class"),
        ("2.json", json.dumps({"label": 1.5}).encode(), "'1.5'"),
        ("2.json", b'{"label": true}', "'True'"),
        ("2.json", b'{"label": null, "class": "x"}', "'None'"),
        ("2.json", b'{"label": " "}', "' '"),
    ],
)
def test_what_names_no_class_is_refused(
    tmp_path: Path, name: str, content: bytes, found: str
) -> None:
    """Empty, of two lines, of another encoding, or of another kind: with what was expected."""
    pictures = make_pictures("1.png", "2.png") | {"1.cls": b"x", name: content}
    check_refusal(
        write_tar(tmp_path / "a.tar", pictures),
        f"a.tar/{name}: found {found}; expected the name or the whole number of a class, as text",
    )


def test_a_picture_without_a_class_is_refused(tmp_path: Path) -> None:
    """Where others have one, it would be missing unnoticed."""
    path = write_tar(tmp_path / "a.tar", make_pictures("1.png", "2.png") | {"1.cls": b"x"})
    check_refusal(path, "a.tar/2.png: neither a.tar/2.cls nor .json names its class, as other pic")


def test_samples_beside_splits_are_refused(tmp_path: Path) -> None:
    """Nobody knows which split they are of."""
    pictures = {
        "train/1.png": make_png(1),
        "train/1.cls": b"x",
        "2.png": make_png(2),
        "2.cls": b"y",
    }
    path = write_tar(tmp_path / "a.tar", pictures)
    with pytest.raises(DataError, match=re.escape("pictures beside the folders for splits; expec")):
        open_archives(path).items()
