"""The split stage writes a manifest, tells what is odd, and refuses what cannot be judged."""

import hashlib
import re
from pathlib import Path

import pytest

from secondlook.artifacts import files
from secondlook.config.errors import DataError, ParamsError, SecondLookError
from secondlook.config.params import Params
from stages import split
from tests.support.datasets import TWO_OF_EACH, make_png, write_class_folders, write_idx_pair
from tests.support.project import make_params


def make_folder_params(root: Path, positive: str | None = None) -> Params:
    """Return parameters for class folders."""
    return make_params(data={"source": "folder", "path": str(root), "positive": positive})


def read_manifest() -> list[dict[str, str]]:
    """Return the rows of the manifest that was written."""
    return list(files.read_csv(files.stage_folder("split") / "manifest.csv"))


def test_a_given_layout_becomes_the_manifest(project: Path) -> None:
    """Twelve pictures in folders for each split: each row says which one, and its digest."""
    split.run(make_folder_params(write_class_folders(project / "pets", TWO_OF_EACH)))
    rows = read_manifest()
    assert {(row["id"].rsplit("/", 1)[0], row["split"], row["label"]) for row in rows} == {
        (place, *place.split("/")) for place in TWO_OF_EACH
    }
    assert rows[0]["digest"] == hashlib.sha256(make_png(0)).hexdigest()
    assert len(rows) == 12


def test_the_same_again_is_the_same_bytes(project: Path) -> None:
    """Both files are byte-identical when they are made again."""
    config = make_folder_params(write_class_folders(project / "pets", TWO_OF_EACH))
    made = []
    for _ in range(2):
        split.run(config)
        made.append([path.read_bytes() for path in sorted(files.stage_folder("split").iterdir())])
    assert made[0] == made[1]
    assert len(made[0]) == 2


def test_one_against_the_rest(project: Path) -> None:
    """With `positive` there are two classes: it, and what it is not."""
    names = ("cat", "dog", "emu")
    layout = {f"{part}/{name}": 1 for part in ("train", "val", "test") for name in names}
    split.run(make_folder_params(write_class_folders(project / "pets", layout), "dog"))
    found = {(row["id"].split("/")[1], row["label"]) for row in read_manifest()}
    assert found == {("cat", "not dog"), ("dog", "dog"), ("emu", "not dog")}


def test_the_table_counts_images_per_class_and_split(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Rows are classes, columns splits, and names that look like markup are shown as they are."""
    layout = {"train/[b]": 3, "train/:smile:": 1, "val/[b]": 2, "val/:smile:": 1}
    write_class_folders(project / "pets", layout | {"test/[b]": 1, "test/:smile:": 1})
    split.run(make_folder_params(project / "pets"))
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert lines[1:] == [
        ["class", "train", "validation", "test", "all"],
        [":smile:", "1", "1", "1", "3"],
        ["[b]", "3", "2", "1", "6"],
        ["all", "4", "3", "2", "9"],
    ]


def test_a_table_of_many_classes_shows_the_ends(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of 40 classes the 15 largest and the 15 smallest are shown."""
    write_idx_pair(project / "data", "t10k-{}", list(range(40)) * 2)
    write_idx_pair(project / "data", "train-{}", list(range(40)) * 4)
    write_idx_pair(project / "data", "val-{}", list(range(40)))
    split.run(make_params(data={"path": "data", "positive": None}))
    text = capsys.readouterr().out
    assert "(and 10 of sizes between)" in text
    assert len(text.splitlines()) < 40


def test_copies_and_conflicts_are_listed_and_told(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A copy in one split, one in two splits, and one that is labelled both cat and dog."""
    root = write_class_folders(project / "pets", TWO_OF_EACH)
    for copy, number in (("train/cat/c", 0), ("test/cat/c", 1), ("train/dog/c", 0)):
        (root / f"{copy}.png").write_bytes(make_png(number))
    (root / "train" / "dog" / "d.png").write_bytes(make_png(2))
    split.run(make_folder_params(root))
    rows = list(files.read_csv(files.stage_folder("split") / "duplicates.csv"))
    assert [(row["id"], row["kind"]) for row in rows] == [
        ("train/cat/0.png", "label conflict"),
        ("train/cat/c.png", "label conflict"),
        ("train/dog/c.png", "label conflict"),
        ("train/cat/1.png", "across splits"),
        ("test/cat/c.png", "across splits"),
        ("train/dog/0.png", "duplicate"),
        ("train/dog/d.png", "duplicate"),
    ]
    told = capsys.readouterr().out
    assert "2 images are byte-identical copies, kept in one split: train/dog/0.png" in told
    assert "2 images stand in several splits as given" in told
    assert "3 images are byte-identical, but labelled differently (warning): train/cat/0" in told


def test_groups_that_a_layout_tears_are_told(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Ann is in training and in test: the list is honoured, and warned of."""
    rows = []
    for number, place in enumerate(TWO_OF_EACH):
        (project / f"{number}.png").write_bytes(make_png(number))
        part, name = place.split("/")
        rows.append(f"{number}.png,{name},{part},{'Bob' if part == 'validation' else 'Ann'}")
    (project / "labels.csv").write_text("\n".join(["path,label,split,group", *rows]))
    split.run(make_params(data={"source": "csv", "path": ".", "positive": None}))
    assert "warning: groups in several splits as given: 1, such as Ann" in capsys.readouterr().out


def test_skipped_files_are_told(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Files that are no pictures by name are counted, not silently lost."""
    root = write_class_folders(project / "pets", TWO_OF_EACH)
    (root / "train" / "cat" / "Thumbs.db").touch()
    split.run(make_folder_params(root))
    assert "1 skipped, no pictures by name or in no class folder: train/cat/Thumbs.db" in (
        capsys.readouterr().out
    )


def test_classes_that_may_be_one_are_told(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Numbers and capitals written in two ways, as lists joined from two tools have them."""
    names = ["1", "01", "1.0", "2", "Cat", "cat", "true", "null"]
    split.run(make_folder_params(write_class_folders(project / "pets", dict.fromkeys(names, 3))))
    lines = [line for line in capsys.readouterr().out.splitlines() if "warning" in line]
    assert lines == [
        "warning: 01, 1, 1.0 are different classes; are they meant to be?",
        "warning: Cat, cat are different classes; are they meant to be?",
    ]


@pytest.mark.parametrize(
    ("layout", "positive", "kind", "told"),
    [
        (
            TWO_OF_EACH | {"test/emu": 1},
            None,
            DataError,
            "class 'emu' has no image in train (0 in tr",
        ),
        ({"cat": 1, "dog": 30}, None, DataError, "class 'cat' has no image in "),
        ({"cat": 9}, None, DataError, "only one class, 'cat', in 9 images; expected at least two"),
        (
            TWO_OF_EACH,
            "dig",
            ParamsError,
            "data.positive: no image of class 'dig'; did you mean dog?",
        ),
        (TWO_OF_EACH, "8", ParamsError, "no image of class '8'; expected one of cat, dog"),
        ({}, None, DataError, "no pictures in class folders"),
    ],
)
def test_data_that_cannot_be_judged_are_refused(
    project: Path,
    layout: dict[str, int],
    positive: str | None,
    kind: type[SecondLookError],
    told: str,
) -> None:
    """A class missing from a split, too few images, one class, an unknown class, nothing."""
    root = project / "pets"
    root.mkdir()
    with pytest.raises(kind, match=re.escape(told)) as caught:
        split.run(make_folder_params(write_class_folders(root, layout), positive))
    assert "\n" not in str(caught.value)
    assert not files.stage_folder("split").exists()
    assert not any(files.PARTIAL_FOLDER.glob("*"))


def test_fashion_mnist_keeps_its_test_set(project: Path, shared_data: Path) -> None:
    """The 10,000 given test images stay, and 20 % of the others validate."""
    data = {"path": str(shared_data / "fashion-mnist"), "positive": None}
    split.run(make_params(data=data, split={"validation": 0.2, "test": 0.3, "seed": 17}))
    splits = [row["split"] for row in read_manifest()]
    assert splits.count("test") == 10_000
    assert splits.count("validation") == pytest.approx(12_000, abs=400)
    assert project.joinpath("data", "split", "manifest.csv").exists()
