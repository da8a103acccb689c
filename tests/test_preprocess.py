"""The preprocess stage writes arrays that match the manifest, and says what it could not read."""

import resource
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from stages import preprocess, split
from stages.core import files
from stages.core.data import idx, images
from stages.core.errors import DataError
from stages.core.outputs.facts import Levels
from stages.core.params import Params
from tests.data_builder import folders, idx_pair, params, picture, saved

ROOT = Path(__file__).parents[1]
SPLITS = ("train", "validation", "test")
LAYOUT = {f"{part}/{name}": 2 for part in SPLITS for name in ("cat", "dog")}
SMALL = {"height": 4, "width": 4, "channels": 1, "max_rejected_fraction": 0.5}


def of(root: Path, positive: str | None = None, **spec: object) -> Params:
    """Return parameters for class folders and pictures of 4 x 4."""
    data = {"source": "folder", "path": str(root), "positive": positive}
    return params(data=data, preprocess=SMALL | spec)


def run(config: Params) -> dict[str, Any]:
    """Run split and preprocess; return what facts.json says."""
    split.run(config)
    preprocess.run(config)
    facts: dict[str, Any] = files.read_json(files.folder("preprocess") / "facts.json")
    return facts


def rows(name: str) -> list[dict[str, str]]:
    """Return the rows of a CSV file that was written."""
    return list(files.read_csv(files.folder("preprocess") / name))


def test_arrays_labels_and_list_agree(project: Path) -> None:
    """Row i of the arrays is the picture, and its class, that row i of the list names."""
    config = of(folders(project / "pets", LAYOUT))
    facts = run(config)
    listed = rows("images.csv")
    assert [row["split"] for row in listed] == [part for part in SPLITS for _ in range(4)]
    for part in SPLITS:
        pictures, labels = files.images(part), files.labels(part)
        assert (str(pictures.dtype), str(labels.dtype)) == ("uint8", "int64")
        for row, pixels, label in zip(
            [row for row in listed if row["split"] == part], pictures, labels, strict=True
        ):
            content = (project / "pets" / row["id"]).read_bytes()
            np.testing.assert_array_equal(pixels, images.read(content, config.preprocess))
            assert ["cat", "dog"][label] == row["label"] == row["id"].split("/")[1]
    assert rows("rejected.csv") == []
    assert facts["classes"] == ["cat", "dog"]
    assert facts["counts"] == {part: {"cat": 2, "dog": 2} for part in SPLITS}
    assert (facts["shape"], facts["rejected"], facts["name"]) == ([4, 4, 1], 0, "pets")


def test_pixel_statistics_are_those_of_the_training_images(project: Path) -> None:
    """Mean, standard deviation and histogram agree with NumPy's of the whole array."""
    facts = run(of(folders(project / "pets", LAYOUT)))
    pixels = files.images("train")
    assert facts["pixels"] == {
        "mean": pytest.approx(pixels.mean()),
        "std": pytest.approx(pixels.std()),
        "histogram": np.bincount(pixels.ravel(), minlength=256).tolist(),
    }


def test_the_statistics_of_fashion_mnist_are_the_published_ones(shared_data: Path) -> None:
    """Mean 72.9404 and deviation 90.0212 over the 60,000 training images."""
    pixels = idx.read(shared_data / "fashion-mnist" / "train-images-idx3-ubyte.gz", 3)
    found = Levels.of(np.bincount(pixels.ravel(), minlength=256))
    assert found.mean == pytest.approx(72.9404, abs=5e-5)
    assert found.std == pytest.approx(90.0212, abs=5e-5)


def test_levels_are_told_split_by_split(project: Path) -> None:
    """A split that is lighter is seen to be."""
    facts = run(of(folders(project / "pets", LAYOUT)))
    for part in SPLITS:
        pixels = files.images(part)
        found = {"mean": pytest.approx(pixels.mean()), "std": pytest.approx(pixels.std())}
        assert facts["levels"][part] == found


def noise(seed: int) -> Image.Image:
    """Return a picture of 16 x 16 grey pixels unlike any other."""
    pixels = np.random.default_rng(seed).integers(0, 200, (16, 16))
    return Image.fromarray(pixels.astype(np.uint8))


def test_copies_and_lookalikes_are_counted_and_listed(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A copy in test, one of another class, and a training image made lighter for validation."""
    root, cat = folders(project / "pets", LAYOUT), "train/cat/7.png"
    for seed, name in enumerate((cat, "train/dog/8.png", "train/dog/9.png")):
        (root / name).write_bytes(saved(noise(seed)))
    shutil.copy(root / "train/dog/8.png", root / "test/dog/8.png")
    shutil.copy(root / "train/dog/9.png", root / "train/cat/9.png")
    lighter = noise(0).point(lambda level: level + 40)
    (root / "validation/cat/7.png").write_bytes(saved(lighter))
    facts = run(of(root, height=16, width=16))
    assert facts["copies"] == {"duplicates": 0, "label_conflicts": 2, "across_splits": 2}
    assert {cat, "validation/cat/7.png"} in [
        {row["first_id"], row["second_id"]} for row in rows("lookalikes.csv")
    ]
    assert facts["alike"]["pairs"] == len(rows("lookalikes.csv"))
    told = f"{facts['alike']['pairs']} pairs in different splits or classes look the same"
    assert told in capsys.readouterr().out


def test_the_positive_class_comes_last(project: Path) -> None:
    """Label 1 is the class that is asked about, whatever the alphabet says."""
    facts = run(of(folders(project / "pets", LAYOUT), "cat"))
    assert (facts["classes"], facts["positive"]) == (["not cat", "cat"], "cat")
    labels = [row["label"] for row in rows("images.csv") if row["split"] == "test"]
    assert files.labels("test").tolist() == [int(label == "cat") for label in labels]


def contents() -> dict[str, bytes]:
    """Return the bytes of every file of the output."""
    return {path.name: path.read_bytes() for path in files.folder("preprocess").iterdir()}


def test_the_same_again_is_the_same_bytes(project: Path) -> None:
    """All ten files are byte-identical when they are made again."""
    config = of(folders(project / "pets", LAYOUT))
    run(config)
    first = contents()
    preprocess.run(config)
    assert contents() == first
    assert len(first) == 10


def test_the_digest_knows_pixels_classes_and_question(project: Path) -> None:
    """Another size, another name of a class, another question: each is other data."""
    root = folders(project / "pets", LAYOUT)
    digests = [
        run(of(root))["digest"],
        run(of(root, width=5))["digest"],
        run(of(root, "dog"))["digest"],
    ]
    for part in SPLITS:
        (root / part / "dog").rename(root / part / "eel")
    digests.append(run(of(root))["digest"])
    assert len(set(digests)) == 4
    assert run(of(root))["digest"] == digests[-1]


def test_unreadable_images_are_listed_with_the_reason(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Half a picture, an HTML page and nothing at all: three reasons, and the others go on."""
    root = folders(project / "pets", LAYOUT)
    (root / "train" / "cat" / "half.png").write_bytes(picture(200)[:50])
    (root / "train" / "dog" / "page.jpg").write_bytes(b"<html>")
    (root / "test" / "dog" / "empty.gif").touch()
    facts = run(of(root))
    assert [(row["id"], row["label"], row["split"]) for row in rows("rejected.csv")] == [
        ("train/cat/half.png", "cat", "train"),
        ("train/dog/page.jpg", "dog", "train"),
        ("test/dog/empty.gif", "dog", "test"),
    ]
    reasons = [row["reason"] for row in rows("rejected.csv")]
    assert reasons[0].startswith("damaged: ")
    assert reasons[1:] == ["not a picture: a web page (HTML)", "empty file"]
    assert (facts["rejected"], len(rows("images.csv"))) == (3, 12)
    assert facts["reasons"] == {"damaged": 1, "not a picture": 1, "empty file": 1}
    told = capsys.readouterr().out
    assert "preprocess: 4 train, 4 validation, 4 test images of 4 x 4 x 1" in told
    assert "3 rejected, see data/preprocess/rejected.csv: 1 damaged: " in told


def broken(project: Path, *names: str) -> Path:
    """Return a folder of twelve pictures of which some are broken."""
    root = folders(project / "pets", LAYOUT)
    for name in names:
        (root / name).write_bytes(b"broken")
    return root


def test_more_rejected_than_allowed_stop_the_stage(project: Path) -> None:
    """Three of twelve are a quarter: allowed as such, one less is not."""
    names = ("train/cat/0.png", "train/dog/0.png", "test/dog/1.png")
    root = broken(project, *names)
    assert run(of(root, max_rejected_fraction=0.25))["rejected"] == 3
    with pytest.raises(DataError) as caught:
        preprocess.run(of(root, max_rejected_fraction=0.24))
    assert str(caught.value) == (
        f"{root}: 3 of 12 images cannot be read, expected at most 0.24 of them (params.yaml: "
        "preprocess.max_rejected_fraction); mend or remove them; the first: "
        + "; ".join(
            f"{name}: not a picture: none of the formats that can be read" for name in names
        )
    )
    assert not any(files.PARTIAL.iterdir())


def test_a_class_of_which_nothing_is_left_stops_the_stage(project: Path) -> None:
    """Both dogs to validate with are broken, though only two of twelve are."""
    root = broken(project, "validation/dog/0.png", "validation/dog/1.png")
    split.run(of(root))
    with pytest.raises(DataError, match="no image of class 'dog' in validation can be read; mend"):
        preprocess.run(of(root))
    assert not files.folder("preprocess").exists()


def test_without_split_the_way_is_told(project: Path) -> None:
    """Run by hand before split, the stage says what to run."""
    root = folders(project / "pets", LAYOUT)
    with pytest.raises(DataError, match=r"data/split/manifest\.csv: no such file; run `dvc repro`"):
        preprocess.run(of(root))


def test_idx_images_go_through_unchanged(project: Path) -> None:
    """Pixels of 2 x 3 asked for as 2 x 3 are those of the file, transposed if so asked."""
    for part in SPLITS:
        idx_pair(project / "data", f"{part}-{{}}", [0, 1])
    spec = {"height": 3, "width": 2, "channels": 1}
    run(params(data={"path": "data", "positive": None, "transpose": True}, preprocess=spec))
    assert files.images("test")[1, :, :, 0].tolist() == [[1, 4], [2, 5], [3, 6]]


def secondlook(*arguments: str, limit: int | None = None) -> subprocess.CompletedProcess[str]:
    """Run a stage as a person does, no file growing beyond `limit` bytes."""

    def limited() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit or resource.RLIM_INFINITY,) * 2)

    return subprocess.run(
        [sys.executable, "-m", "stages", *arguments],
        capture_output=True,
        text=True,
        check=False,
        env={"PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"},
        preexec_fn=limited,
    )


def test_a_disk_that_fills_up_is_told_and_leaves_nothing(project: Path) -> None:
    """The system refuses to let train.npy grow: one line, exit status 1, no output."""
    shutil.copytree(ROOT / "data" / "digits", project / "data" / "digits")
    assert secondlook("split").returncode == 0
    done = secondlook("preprocess", limit=300_000)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        "secondlook: data/preprocess: File too large; free some space and run again\n"
    )
    assert not (project / "data" / "preprocess").exists()
    assert list((project / "data" / ".partial").iterdir()) == []


def test_mistakes_in_the_data_are_one_line(project: Path) -> None:
    """A folder that is not there: one line on stderr, exit status 1, no traceback."""
    done = secondlook("split")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        "secondlook: params.yaml: data.path: data/digits is no such folder; correct the path\n"
    )
    assert not (project / "data" / "split").exists()


def test_photographs_of_five_classes(project: Path, shared_data: Path) -> None:
    """The real clothing folders: every photograph is read, and the splits stay as given."""
    shutil.unpack_archive(shared_data / "clothing_small_5.tar", project, filter="data")
    facts = run(of(project / "clothing_small_5", height=24, width=24, channels=3))
    assert facts["rejected"] == 0
    assert {part: sum(counts.values()) for part, counts in facts["counts"].items()} == {
        "train": 1412,
        "validation": 157,
        "test": 187,
    }


def test_awkward_files_as_one_class(project: Path, shared_data: Path) -> None:
    """Of the files that are named like pictures, those that Pillow cannot read are rejected."""
    root = folders(project / "odd", LAYOUT)
    shutil.copytree(shared_data / "awkward", root / "train" / "awkward")
    for part in ("validation", "test"):
        (root / part / "awkward").mkdir()
        (root / part / "awkward" / "a.png").write_bytes(saved(Image.new("L", (9, 9), 3)))
    facts = run(of(root, max_rejected_fraction=0.2))
    rejected = {Path(row["id"]).name for row in rows("rejected.csv")}
    assert rejected == {
        *("truncated.jpg", "truncated.png", "broken.png", "png_dos.png", "bomb.gif"),
        *("plain.heif", "multipage_rgb.tif", "html_page.jpg", "zero_bytes.jpg"),
    }
    assert facts["rejected"] == 9
