"""Split and preprocess make of archives what they make of the same pictures in folders."""

from pathlib import Path

import pytest

from secondlook.artifacts import files, manifest
from secondlook.config.errors import DataError
from secondlook.data import sources
from stages import preprocess, split
from tests.support.archives import make_pictures, read_folder, write_archive, write_tar
from tests.support.datasets import (
    make_folder_params,
    make_png,
    run_split_and_preprocess,
    write_class_folders,
)


def read_arrays() -> dict[str, bytes]:
    """Return the bytes of the arrays and labels that were written."""
    folder = files.stage_folder("preprocess")
    return {path.name: path.read_bytes() for path in sorted(folder.glob("*.npy"))}


def read_placed() -> list[tuple[str, str, str]]:
    """Return label, split and digest of each image of the manifest, in order."""
    rows = files.read_csv(files.stage_folder("split") / "manifest.csv")
    return [(row["label"], row["split"], row["digest"]) for row in rows]


@pytest.mark.parametrize("names", [("a.tar",), ("a.zip",), ("b/0.tar", "b/1.zip", "b/2.tar")])
def test_the_arrays_are_those_of_the_folder(project: Path, names: tuple[str, ...]) -> None:
    """To the byte, and so are splits, digests and what is rejected; ids name the archive."""
    root = write_class_folders(project / "pets", {"cat": 30, "dog": 25, "dog/old": 5})
    (root / "cat" / "broken.png").write_bytes(b"no picture")
    facts = run_split_and_preprocess(make_folder_params(root))
    expected, placed = read_arrays(), read_placed()
    contents = [*read_folder(root).items()]
    for part, name in enumerate(names):
        write_archive(project / name, contents[part :: len(names)])
    path = project / names[0].partition("/")[0]
    config = make_folder_params(path)
    packed = run_split_and_preprocess(config)
    assert (read_arrays(), read_placed()) == (expected, placed)
    assert packed == facts | {"name": path.name}
    rows = [*files.read_csv(files.stage_folder("preprocess") / "images.csv")]
    assert all(row["id"].rpartition("/")[0] for row in rows)
    # As `inspect` and `retrain` ask for single ones, of a source that listed nothing.
    again = [sources.open_source(config.data).content(row["id"]) for row in rows[:3]]
    assert again == [sources.open_source(config.data).content(row["id"]) for row in rows][:3]


def test_an_added_shard_moves_no_image(project: Path) -> None:
    """Data grow by archives; what was there stays what and where it was."""
    config = make_folder_params(project / "pets")
    for part in range(3):
        pictures = {
            f"{label}/{part}-{i}.png": make_png(60 * part + 30 * (label == "dog") + i)
            for label in ("cat", "dog")
            for i in range(30)
        }
        write_tar(project / "pets" / f"{part}.tar", pictures)
        if part:
            split.run(config)
            rows = [*files.read_csv(files.stage_folder("split") / "manifest.csv")]
            if part == 1:
                before = rows
    assert {row["id"]: row for row in rows}.items() >= {row["id"]: row for row in before}.items()
    assert (len(before), len(rows)) == (120, 180)


def test_a_damaged_picture_in_an_archive_is_told_by_its_id(project: Path) -> None:
    """One line, before anything is written."""
    pictures = {f"{label}/{i}.png": make_png(i) for label in ("cat", "dog") for i in range(9)}
    path = write_archive(project / "pets.zip", pictures)
    whole = bytearray(path.read_bytes())
    whole[whole.index(b"dog/4.png") + 40] ^= 255
    path.write_bytes(whole)
    with pytest.raises(DataError, match=r"pets\.zip/dog/4\.png: .*copy the archive again"):
        split.run(make_folder_params(path))
    assert not files.stage_folder("split").exists()


def test_an_archive_that_has_changed_since_is_told(project: Path) -> None:
    """Preprocess finds another archive than split has listed."""
    names = [f"{label}/{i}.png" for label in ("cat", "dog") for i in range(20)]
    pictures = make_pictures(*names)
    config = make_folder_params(write_tar(project / "pets.tar", pictures))
    split.run(config)
    del pictures["dog/7.png"]
    write_tar(project / "pets.tar", pictures)
    with pytest.raises(DataError, match=r"pets\.tar/dog/7\.png: no such file in the archive"):
        preprocess.run(config)


def test_arrays_hold_what_was_packed(project: Path) -> None:
    """The pixels of each image are those of the picture with its id."""
    pictures = {f"{label}/{i}.png": make_png(5 * i) for label in ("cat", "dog") for i in range(20)}
    config = make_folder_params(write_archive(project / "pets.zip", pictures))
    run_split_and_preprocess(config)
    rows = files.read_csv(files.stage_folder("preprocess") / "images.csv")
    names = [row["id"] for row in rows if row["split"] == "train"]
    arrays = manifest.load_images("train")[:]
    assert [image[0, 0, 0] for image in arrays] == [
        5 * int(name.rpartition("/")[2].removesuffix(".png")) for name in names
    ]
