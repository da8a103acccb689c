"""Archives are read as if they were unpacked: same classes, same splits, same words."""

import pickle
import re
import tarfile
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from secondlook.config.errors import DataError
from secondlook.config.params import DataParams
from secondlook.data.archived_folders import ArchivedFolders
from secondlook.data.class_folders import ClassFolders
from secondlook.data.sources import open_source
from tests.support.archives import (
    Description,
    describe,
    make_pictures,
    read_folder,
    write_archive,
    write_tar,
    write_zip,
)
from tests.support.datasets import TWO_OF_EACH, make_png, write_class_folders

BOTH = pytest.mark.parametrize("kind", ["tar", "zip"])


def open_archives(path: Path) -> ClassFolders:
    """Return what params.yaml would get as the source at a path."""
    data = DataParams(
        source="folder", path=str(path), positive=None, class_names=None, transpose=False
    )
    source = open_source(data)
    assert isinstance(source, ClassFolders)
    return source


def check_refusal(path: Path, told: str) -> None:
    """See that archives are refused in one line."""
    with pytest.raises(DataError, match=re.escape(told)) as caught:
        open_archives(path).items()
    assert "\n" not in str(caught.value)


def check_as_unpacked(folder: Path, archive: Path) -> None:
    """See that an archive of a folder gives what the folder gives, or is refused as it is."""
    write_archive(archive, read_folder(folder))
    plain, packed = ClassFolders(folder), open_archives(archive)
    here, there = describe_all(plain), describe_all(packed)
    assert there[0] == here[0]
    assert there[1].replace(str(archive), str(folder)).replace(f"{archive.name}/", "") == here[1]


def describe_all(source: ClassFolders) -> tuple[Description, str]:
    """Return the pictures of a source, and what is told, or why it is refused."""
    try:
        found = describe(source)
    except DataError as error:
        return [], str(error)
    return found, "\n".join([*source.skipped, *source.notes])


@BOTH
@pytest.mark.parametrize(
    "layout",
    [
        {"cat": 2, "dog/old": 1, "dog/young/shy": 1, "dog": 1, ".cache": 1, "cat/.hidden": 1},
        TWO_OF_EACH,
        {"training_set/training_set/cat": 1, "test_set/test_set/cat": 1},
        {"Train/images/cat": 1, "VAL/images/cat": 1, "test2017/images/cat": 1},
        {"train": 1, "bicycle": 1},
        {"cat": 1, "__MACOSX": 1, "__MACOSX/cat": 1, "dog/@eaDir": 1, "dog": 1},
        {"train/cat": 1, "extra": 1},
        {"train/cat": 1, "test/cat": 1, "train/.git": 2},
        {"cat/train": 1, "cat/test": 1, "dog/train": 1},
        {"fold1/cat": 1, "fold2/cat": 1, "fold1/dog": 1, "fold2/dog": 1},
        {".": 2},
        {"train/animals/cat": 1, "train/animals/dog": 1, "test/animals/cat": 1},
    ],
)
def test_an_archive_is_as_the_folder(tmp_path: Path, kind: str, layout: dict[str, int]) -> None:
    """Classes, splits, order, bytes, what is skipped and told, and what is refused."""
    root = tmp_path / "data"
    for name in layout:
        (root / name).mkdir(parents=True, exist_ok=True)
    for number, (name, count) in enumerate(layout.items()):
        for index in range(count):
            (root / name / f"{index}.png").write_bytes(make_png(number * 10 + index))
    (root / "README.txt").write_text("text", encoding="utf-8")
    check_as_unpacked(root, tmp_path / f"packed.{kind}")


PARTS = st.sampled_from(["cat", "dog", "train", "test", "deep", "Cat", ".git", "caf\u00e9"])
FILES = st.sampled_from(["1.png", "2.png", "notes.txt", ".DS_Store", "plain", "3.png~", "e.zip"])


@settings(max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.lists(PARTS, max_size=3), FILES), min_size=1, max_size=8))
@BOTH
def test_any_archive_is_as_the_folder(
    tmp_path_factory: pytest.TempPathFactory, kind: str, paths: list[tuple[list[str], str]]
) -> None:
    """Whatever stands where, but for a single folder around all, which is entered."""
    tmp_path = tmp_path_factory.mktemp("any")
    root = tmp_path / "data"
    for number, (parts, name) in enumerate(paths):
        folder = root.joinpath(*parts)
        folder.mkdir(parents=True, exist_ok=True)
        picture = name.endswith(("png", "~")) or name == "plain"
        (folder / name).write_bytes(make_png(number) if picture else b"text")
    if not {"train", "test"} & {parts[0] for parts, _ in paths if parts}:
        (root / "other").mkdir()
        (root / "other" / "1.png").write_bytes(make_png(99))
    assume(len(ClassFolders(root).list_folders(root)) != 1)
    check_as_unpacked(root, tmp_path / f"packed.{kind}")


@BOTH
def test_a_folder_around_all_is_entered(tmp_path: Path, kind: str) -> None:
    """As `tar cf pets.tar pets` makes it: data.path cannot lead into an archive."""
    pictures = make_pictures("pets/all/cat/1.png", "pets/all/dog/1.png", "pets/all/dog/2.png")
    pictures["pets/SOURCE.txt"] = b"text"
    source = open_archives(write_archive(tmp_path / f"a.{kind}", pictures))
    assert [(item.id, item.label) for item in source.items()] == [
        (f"a.{kind}/pets/all/cat/1.png", "cat"),
        (f"a.{kind}/pets/all/dog/1.png", "dog"),
        (f"a.{kind}/pets/all/dog/2.png", "dog"),
    ]


def test_shards_are_one_set_of_images(tmp_path: Path) -> None:
    """In the order of one archive; the same path in two of them is two pictures."""
    names = [f"{label}/{number}.png" for label in ("cat", "dog") for number in range(5)]
    pictures = make_pictures(*names)
    whole = open_archives(write_tar(tmp_path / "whole.tar", pictures))
    for part in range(3):
        own = dict([*pictures.items()][part::3])
        write_archive(tmp_path / "shards" / f"pets-{part}.{('tar', 'zip')[part % 2]}", own)
    (tmp_path / "shards" / "README.txt").touch()
    source = open_archives(tmp_path / "shards")
    assert describe(source) == describe(whole)
    assert source.items()[0].id == "pets-0.tar/cat/0.png"
    assert source.skipped[:1] == ["README.txt"]
    write_tar(tmp_path / "shards" / "more" / "new.tar", make_pictures("cat/0.png"))
    again = open_archives(tmp_path / "shards")
    assert [item.id for item in again.items()][:2] == [
        "pets-0.tar/cat/0.png",
        "pets-1.zip/cat/1.png",
    ]


def test_an_archive_stands_for_the_folder_of_what_is_in_it(tmp_path: Path) -> None:
    """Those in folders named after splits, and in folders named after classes."""
    for part in ("train", "val", "test"):
        write_tar(tmp_path / "a" / part / "0.tar", make_pictures("cat/1.png", "dog/1.png"))
    found = open_archives(tmp_path / "a").items()
    assert [(item.id, item.split) for item in found[:3:2]] == [
        ("train/0.tar/cat/1.png", "train"),
        ("val/0.tar/cat/1.png", "validation"),
    ]
    for label in ("cat", "dog"):
        write_tar(tmp_path / "b" / label / "0.tar", make_pictures("1.png", "2.png"))
    assert {item.label for item in open_archives(tmp_path / "b").items()} == {"cat", "dog"}


@pytest.mark.parametrize(
    "names",
    [
        ("train.zip", "test.zip"),
        ("pets-train-000000.tar", "pets-train-000001.tar", "pets-val-000000.tar"),
        ("train-00000-of-00002.tar", "train-00001-of-00002.tar", "valid-00000-of-00001.tar"),
        ("train_shard_1.tar", "test_shard_1.tar", "validation_shard_1.tar"),
        ("train2017.zip", "val2017.zip"),
    ],
)
@pytest.mark.parametrize("inner", ["", "{}/", "images/"])
def test_archives_named_after_splits_are_these(
    tmp_path: Path, names: tuple[str, ...], inner: str
) -> None:
    """Also where the folder of the split is in them once more."""
    words = ("train", "val", "test")
    for name in names:
        word = next(word for word in words if word in name)
        pictures = make_pictures(*(f"{inner.format(word)}{c}/1.png" for c in ("cat", "dog")))
        write_archive(tmp_path / name, pictures)
    found = open_archives(tmp_path).items()
    assert {item.label for item in found} == {"cat", "dog"}
    assert len(found) == 2 * len(names)
    assert all((item.split or "")[:3] in item.id for item in found)


def test_archives_named_after_splits_beside_others_are_refused(tmp_path: Path) -> None:
    """Its pictures would be drawn from those of training without a word."""
    for name in ("train-0.tar", "extra.tar"):
        write_tar(tmp_path / name, make_pictures("cat/1.png", "dog/1.png"))
    check_refusal(
        tmp_path, "archive train-0.tar is named after a split, extra.tar is not; expected"
    )


def test_links_and_what_systems_leave_are_told(tmp_path: Path) -> None:
    """And nothing else of an archive is passed over without a word."""
    link = tarfile.TarInfo("cat/link.png")
    link.type, link.linkname = tarfile.SYMTYPE, "1.png"
    pictures = make_pictures("cat/1.png", "dog/1.png", "cat/._1.png", "__MACOSX/cat/._1.png")
    source = open_archives(
        write_tar(tmp_path / "a.tar", pictures | {"cat/b.zip": b"PK", "cat/readme": b"?"}, [link])
    )
    assert len(source.items()) == 2
    assert source.skipped == ["a.tar/cat/b.zip", "a.tar/cat/readme"]
    assert source.notes == [
        "1 links or devices inside of archives, not followed (warning): a.tar/cat/link.png",
        "2 skipped, hidden or left by systems and programs: a.tar/__MACOSX, a.tar/cat/._1.png",
    ]


@pytest.mark.parametrize(
    ("contents", "told"),
    [
        ({}, "no pictures in class folders; expected <class>/<picture> or train/<class>"),
        ({"cat/notes.txt": b"x"}, "no pictures in class folders"),
        ({"data.zip": b"PK"}, "no pictures in class folders"),
        (
            {"cat/notes.txt": b"x", "dog/b.tar": b"x"},
            "found a.zip/cat/notes.txt; correct data.path",
        ),
        ({"cat/a\tb.png": make_png(1)}, r"'a.zip/cat/a\tb.png' holds control characters or is"),
        ({"1.png": make_png(1)}, "no pictures in class folders"),
    ],
)
def test_an_archive_that_says_nothing_is_refused(
    tmp_path: Path, contents: dict[str, bytes], told: str
) -> None:
    """Empty, without pictures or classes, other archives alone, a name unfit for the manifest."""
    check_refusal(write_zip(tmp_path / "a.zip", contents), told)


def test_a_name_that_is_not_utf8_is_refused(tmp_path: Path) -> None:
    """As in folders; where it is no picture's, it is told."""
    path = write_tar(tmp_path / "a.tar", make_pictures("cat/1.png") | {"cat/caf\udce9": b"x"})
    source = open_archives(path)
    assert (len(source.items()), source.skipped) == (1, [r"'a.tar/cat/caf\udce9'"])
    check_refusal(
        write_tar(tmp_path / "b.tar", make_pictures("cat/caf\udce9.png")), "or is not UTF-8; rename"
    )


def test_what_data_path_may_be(tmp_path: Path) -> None:
    """An archive is a folder's; pictures of its own make a folder one of pictures."""
    check_refusal(tmp_path / "gone.zip", "gone.zip is no such folder; correct the path")
    picture = tmp_path / "cat.png"
    picture.write_bytes(make_png(1))
    check_refusal(picture, "is a file; expected the folder that holds it, or a tar or zip archive")
    root = write_class_folders(tmp_path / "pets", {"cat": 1, "dog": 1})
    write_zip(root / "old.zip", make_pictures("cat/9.png"))
    source = open_archives(root)
    assert not isinstance(source, ArchivedFolders)
    assert len(source.items()) == 2


@pytest.mark.parametrize("name", ["b.tar.gz", "b.tgz", "b.7z"])
def test_packed_shards_are_not_left_out(tmp_path: Path, name: str) -> None:
    """Beside others they would be missing unnoticed."""
    write_tar(tmp_path / "a.tar", make_pictures("cat/1.png", "dog/1.png"))
    (tmp_path / name).write_bytes(b"\x1f\x8b")
    check_refusal(
        tmp_path, "no single picture can be read from what is packed by gzip: `gunzip` it"
    )


def read_ids(source: ArchivedFolders, names: list[str]) -> list[bytes]:
    """Read pictures in another process."""
    return [source.content(name) for name in names]


def test_other_processes_read_the_same(tmp_path: Path) -> None:
    """Two at once, of two archives, after the source was listed here."""
    for part in range(2):
        names = [f"{label}/{part}{i}.png" for label in ("cat", "dog") for i in range(100)]
        write_archive(tmp_path / f"{part}.{('tar', 'zip')[part]}", make_pictures(*names))
    source = open_archives(tmp_path)
    assert isinstance(source, ArchivedFolders)
    names = [item.id for item in source.items()]
    here = read_ids(source, names)
    # Not by a fork: the tests' own process has threads, whose locks a child could wait for.
    with ProcessPoolExecutor(2, get_context("spawn")) as pool:
        jobs = [pool.submit(read_ids, source, names[part::2]) for part in range(2)]
        assert [job.result() for job in jobs] == [here[::2], here[1::2]]
    again = pickle.loads(pickle.dumps(source))  # noqa: S301 - our own
    assert again.content(names[7]) == here[7]
    assert [item.id for item in again.items()] == names == [item.id for item in source.items()]
