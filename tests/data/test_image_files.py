"""Pictures below a folder are found, also behind links; what is passed over is counted and told."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from secondlook.config.errors import DataError
from secondlook.data.class_folders import ClassFolders
from secondlook.data.image_files import WalkNotes, walk_files
from secondlook.serving.inputs import find_images
from tests.support.datasets import encode_image, make_png, write_class_folders


def list_ids(root: Path) -> tuple[list[str], str]:
    """Return the ids of the pictures in class folders, and what is told of them."""
    source = ClassFolders(root)
    return [item.id for item in source.items()], "\n".join(source.notes)


def test_pictures_behind_linked_folders_are_pictures(tmp_path: Path) -> None:
    """At any depth, also links behind links; and it is told that dvc does not see there."""
    far = write_class_folders(tmp_path / "far", {"disk": 1, "disk/deep": 1, "other": 1})
    root = write_class_folders(tmp_path / "data", {"cat": 1, "dog": 1})
    (root / "cat" / "away").symlink_to(far / "disk")
    (far / "disk" / "further").symlink_to(far / "other")
    ids, told = list_ids(root)
    assert ids == [
        *("cat/0.png", "cat/away/0.png", "cat/away/deep/0.png", "cat/away/further/0.png"),
        "dog/0.png",
    ]
    assert told.startswith("2 linked folders were followed: cat/away, cat/away/further; dvc does n")
    assert all(ClassFolders(root).content(name) for name in ids)


def test_circles_and_second_ways_are_not_followed(tmp_path: Path) -> None:
    """To the class, to all classes, to a folder that is walked anyway, twice to one far away."""
    far = write_class_folders(tmp_path / "far", {"a": 1, "a/b": 1})
    root = write_class_folders(tmp_path / "data", {"cat": 1, "cat/z": 1, "dog": 1})
    ways = {"cat/self": "cat", "cat/all": "", "cat/again": "cat/z", "loop": "", "over": ".."}
    for name, target in ways.items():
        (root / name).symlink_to(root / target)
    for name in ("one", "two"):
        (root / "dog" / name).symlink_to(far / "a")
    (far / "a" / "back").symlink_to(far)
    ids, told = list_ids(root)
    assert ids == ["cat/0.png", "cat/z/0.png", *(f"dog/{k}.png" for k in ("0", "one/0", "one/b/0"))]
    lines = told.splitlines()
    assert lines[0].startswith("1 linked folders were followed: dog/one; dvc does not see what")
    assert lines[1].startswith("7 links to folders that are read already, or that hold them, not ")


def test_a_folder_reached_by_two_ways_is_walked_once(tmp_path: Path) -> None:
    """First its inner folder, then the whole: what was read is not read again."""
    far = write_class_folders(tmp_path / "far", {"whole": 1, "whole/part": 1})
    top = write_class_folders(tmp_path / "data", {"cat": 1}) / "cat"
    (top / "a").symlink_to(far / "whole" / "part")
    (top / "b").symlink_to(far / "whole")
    found = [path.relative_to(top).as_posix() for path in walk_files(top)]
    assert found == ["0.png", "a/0.png", "b/0.png"]


@pytest.mark.parametrize("name", ["cat/gone", "cat/gone.png", "gone", "cat/itself", "gone.png"])
def test_links_that_lead_nowhere_are_told(tmp_path: Path, name: str) -> None:
    """A disk that is not mounted takes its pictures with it; a link may also lead to itself."""
    root = write_class_folders(tmp_path, {"cat": 1, "dog": 1})
    (root / name).symlink_to(root / name if "itself" in name else "/nowhere/at all")
    ids, told = list_ids(root)
    assert ids == ["cat/0.png", "dog/0.png"]
    assert told == f"1 links that lead nowhere (warning): {name}"


def test_links_in_a_folder_that_is_asked_about(tmp_path: Path) -> None:
    """`predict` follows them too, and one that leads nowhere is a picture that says why."""
    far = write_class_folders(tmp_path / "far", {"disk": 1})
    root = write_class_folders(tmp_path / "own", {"a": 1})
    (root / "linked").symlink_to(far / "disk")
    (root / "gone.png").symlink_to(tmp_path / "gone.png")
    (root / "__MACOSX").mkdir()
    (root / "__MACOSX" / "0.png").write_bytes(make_png(1))
    given = list(find_images(["own"], tmp_path))
    names = ["own/a/0.png", "own/linked/0.png", "own/gone.png"]
    assert [image.name for image in given] == names
    assert given[1].read() == make_png(0)
    with pytest.raises(DataError, match="a link that leads nowhere"):
        given[2].read()


def test_a_split_that_leads_nowhere_is_told(tmp_path: Path) -> None:
    """Its images would be drawn from those of training without a word."""
    root = write_class_folders(tmp_path / "data", {"train/cat": 1, "test/cat": 1})
    (root / "val").symlink_to(tmp_path / "unmounted")
    (tmp_path / "far").mkdir()
    (root / "training").symlink_to(write_class_folders(tmp_path / "far" / "x", {"dog": 1}))
    ids, told = list_ids(root)
    assert ids == ["train/cat/0.png", "training/dog/0.png", "test/cat/0.png"]
    assert "1 linked folders were followed: training;" in told
    assert "1 links that lead nowhere (warning): val" in told


def test_links_to_files_are_files(tmp_path: Path) -> None:
    """As in data sets that link into a store of pictures."""
    root = write_class_folders(tmp_path / "data", {"cat": 1})
    (tmp_path / "0123.png").write_bytes(make_png(9))
    (root / "cat" / "linked.png").symlink_to(tmp_path / "0123.png")
    assert list_ids(root) == (["cat/0.png", "cat/linked.png"], "")


def test_a_walk_of_a_folder_that_is_a_link_itself(tmp_path: Path) -> None:
    """Its own link is no second way to it."""
    far = write_class_folders(tmp_path / "far", {"in": 1})
    (tmp_path / "here").symlink_to(far)
    met = WalkNotes()
    assert list(walk_files(tmp_path / "here", notes=met)) == [tmp_path / "here" / "in" / "0.png"]
    assert met == WalkNotes()


LEFT_OVER = [
    *("__MACOSX", "@eaDir", "$RECYCLE.BIN", "System Volume Information", "lost+found", ".Trashes"),
    *(".AppleDouble", ".ipynb_checkpoints", ".thumbnails", "Thumbs", "#recycle", ".Trash-1000"),
]


@pytest.mark.parametrize("name", LEFT_OVER)
def test_what_systems_leave_is_no_class_and_no_picture(tmp_path: Path, name: str) -> None:
    """Beside classes, inside of them, and beside and inside of splits, in any case: counted."""
    layout = {"cat": 1, "dog": 1, name: 1, f"cat/{name.lower()}/deep": 2}
    assert list_ids(write_class_folders(tmp_path / "classes", layout)) == (
        ["cat/0.png", "dog/0.png"],
        f"2 skipped, hidden or left by systems and programs: {name}, cat/{name.lower()}",
    )
    layout = {"train/cat": 1, f"train/{name}": 1, "test/cat": 1, f"{name}/train/cat": 1}
    assert list_ids(write_class_folders(tmp_path / "splits", layout)) == (
        ["train/cat/0.png", "test/cat/0.png"],
        f"2 skipped, hidden or left by systems and programs: {name}, train/{name}",
    )


def test_files_that_systems_leave_are_no_pictures(tmp_path: Path) -> None:
    """Hidden ones by their name, also where they look like pictures; others by their suffix."""
    root = write_class_folders(tmp_path, {"cat": 1, "dog": 1})
    for name in ("._0.png", ".DS_Store", ".picasa.ini"):
        (root / "cat" / name).write_bytes(b"\0\5\26\7")
    others = ["Icon\r", "Thumbs.db", "desktop.ini", "ehthumbs.db"]
    for name in others:
        (root / "dog" / name).touch()
    source = ClassFolders(root)
    assert [item.id for item in source.items()] == ["cat/0.png", "dog/0.png"]
    assert source.skipped == [r"'dog/Icon\r'", *(f"dog/{name}" for name in others[1:])]
    hidden = "cat/.DS_Store, cat/._0.png, cat/.picasa.ini"
    assert source.notes == [f"3 skipped, hidden or left by systems and programs: {hidden}"]


def test_only_pictures_need_a_name_fit_for_the_manifest(tmp_path: Path) -> None:
    """A note, a folder without pictures, a hidden file may be called as they like."""
    root = write_class_folders(tmp_path, {"cat": 1, "dog": 1, "em\npty": 0, "caf\udce9": 0})
    (root / "cat" / "no\tte.txt").touch()
    (root / "cat" / ".caf\udce9.png").touch()
    source = ClassFolders(root)
    assert len(source.items()) == 2
    assert source.skipped == [r"'caf\udce9/'", r"'cat/no\tte.txt'", r"'em\npty/'"]
    assert source.notes[0].endswith(r"programs: 'cat/.caf\udce9.png'")
    (root / "cat" / "a\tb.png").write_bytes(make_png(1))
    with pytest.raises(DataError, match=r"'cat/a\\tb.png' holds control characters or is not UTF"):
        ClassFolders(root).items()


def test_what_holds_no_picture_stands_beside_splits_unharmed(tmp_path: Path) -> None:
    """Documents, an empty folder, a preview: told, and neither class nor split."""
    root = write_class_folders(tmp_path, {"train/cat": 1, "test/cat": 1, "docs/more": 0, "new": 0})
    (root / "docs" / "more" / "read.txt").touch()
    (root / "preview.png").write_bytes(make_png(1))
    source = ClassFolders(root)
    assert [item.split for item in source.items()] == ["train", "test"]
    assert source.skipped == ["docs/", "new/", "preview.png"]


def test_pictures_are_known_by_their_content_where_no_suffix_says_so(tmp_path: Path) -> None:
    """No suffix, a suffix of their own, a wrong one: as old data sets and downloads have them."""
    root = write_class_folders(tmp_path, {"cat": 1})
    grey = Image.fromarray(np.arange(16, dtype=np.uint8).reshape(4, 4))
    pictures = {"00001": "PNG", "subject01.glasses": "GIF", "1.pgm": "PPM", "2.dat": "JPEG"}
    pictures |= {"3.txt": "PPM", "4": "JPEG2000", "5.image": "PCX", "6.rgb": "SGI", "7": "BMP"}
    for name, kind in pictures.items():
        (root / "cat" / name).write_bytes(encode_image(grey, kind))
    others = {"8": b"", "9.txt": b"P1 is the first of 10 20 people", "P5": b"P5 4 4 255 x"}
    others |= {"labels.csv": b"path,label\n", "a.pdf": b"%PDF-1.4", "b.eps": b"%!PS-Adobe-3.0"}
    for name, content in others.items():
        (root / "cat" / name).write_bytes(content)
    source = ClassFolders(root)
    assert {item.id for item in source.items()} == {
        *(f"cat/{name}" for name in pictures),
        "cat/0.png",
    }
    assert set(source.skipped) == {f"cat/{name}" for name in others}
    found = {image.name for image in find_images([str(root)], tmp_path)}
    assert found == {f"{root}/{item.id}" for item in source.items()}


@pytest.mark.parametrize(
    "name", ["0.png~", "0.png.bak", "0.jpg_original", "0.png.part", "0.CR2", "0.thm", "0.dng"]
)
def test_backups_raw_files_and_thumbnails_are_not_taken_for_pictures(
    tmp_path: Path, name: str
) -> None:
    """Pictures by their content, but a second time, half, or the preview of another."""
    root = write_class_folders(tmp_path, {"cat": 1})
    (root / "cat" / name).write_bytes(encode_image(Image.new("L", (4, 4)), "TIFF"))
    source = ClassFolders(root)
    assert [item.id for item in source.items()] == ["cat/0.png"]
    assert source.skipped == [f"cat/{name}"]
