"""What `preprocess` leaves out, and what stops it."""

import resource
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from secondlook.artifacts import files
from secondlook.config.errors import DataError
from stages import preprocess, split
from tests.support.datasets import (
    TWO_OF_EACH,
    encode_image,
    make_folder_params,
    make_png,
    read_rows,
    run_split_and_preprocess,
    write_class_folders,
)
from tests.support.project import ROOT


def test_unreadable_images_are_listed_with_the_reason(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Half a picture, an HTML page and nothing at all: three reasons, and the others go on."""
    root = write_class_folders(project / "pets", TWO_OF_EACH)
    (root / "train" / "cat" / "half.png").write_bytes(make_png(200)[:50])
    (root / "train" / "dog" / "page.jpg").write_bytes(b"<html>")
    (root / "test" / "dog" / "empty.gif").touch()
    facts = run_split_and_preprocess(make_folder_params(root))
    assert [(row["id"], row["label"], row["split"]) for row in read_rows("rejected.csv")] == [
        ("train/cat/half.png", "cat", "train"),
        ("train/dog/page.jpg", "dog", "train"),
        ("test/dog/empty.gif", "dog", "test"),
    ]
    reasons = [row["reason"] for row in read_rows("rejected.csv")]
    assert reasons[0].startswith("damaged: ")
    assert reasons[1:] == ["not a picture: a web page (HTML)", "empty file"]
    assert (facts["rejected"], len(read_rows("images.csv"))) == (3, 12)
    assert facts["reasons"] == {"damaged": 1, "not a picture": 1, "empty file": 1}
    told = capsys.readouterr().out
    assert "preprocess: 4 train, 4 validation, 4 test images of 4 x 4 x 1" in told
    assert "3 rejected, see data/preprocess/rejected.csv: 1 damaged: " in told


def write_broken_folders(project: Path, *names: str) -> Path:
    """Return a folder of twelve pictures of which some are broken."""
    root = write_class_folders(project / "pets", TWO_OF_EACH)
    for name in names:
        (root / name).write_bytes(b"broken")
    return root


def test_more_rejected_than_allowed_stop_the_stage(project: Path) -> None:
    """Three of twelve are a quarter: allowed as such, one less is not."""
    names = ("train/cat/0.png", "train/dog/0.png", "test/dog/1.png")
    root = write_broken_folders(project, *names)
    assert (
        run_split_and_preprocess(make_folder_params(root, max_rejected_fraction=0.25))["rejected"]
        == 3
    )
    with pytest.raises(DataError) as caught:
        preprocess.run(make_folder_params(root, max_rejected_fraction=0.24))
    assert str(caught.value) == (
        f"{root}: 3 of 12 images cannot be read, expected at most 0.24 of them (params.yaml: "
        "preprocess.max_rejected_fraction); mend or remove them; the first: "
        + "; ".join(
            f"{name}: not a picture: none of the formats that can be read" for name in names
        )
    )
    assert not any(files.PARTIAL_FOLDER.iterdir())


def test_a_class_of_which_nothing_is_left_stops_the_stage(project: Path) -> None:
    """Both dogs to validate with are broken, though only two of twelve are."""
    root = write_broken_folders(project, "validation/dog/0.png", "validation/dog/1.png")
    split.run(make_folder_params(root))
    with pytest.raises(DataError, match="no image of class 'dog' in validation can be read; mend"):
        preprocess.run(make_folder_params(root))
    assert not files.stage_folder("preprocess").exists()


def test_without_split_the_way_is_told(project: Path) -> None:
    """Run by hand before split, the stage says what to run."""
    root = write_class_folders(project / "pets", TWO_OF_EACH)
    with pytest.raises(DataError, match=r"data/split/manifest\.csv: no such file; run `dvc repro`"):
        preprocess.run(make_folder_params(root))


def run_secondlook(*arguments: str, limit: int | None = None) -> subprocess.CompletedProcess[str]:
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
    """The system refuses to let train-00000.npy grow: one line, exit status 1, no output."""
    shutil.copytree(ROOT / "data" / "digits", project / "data" / "digits")
    assert run_secondlook("split").returncode == 0
    done = run_secondlook("preprocess", limit=300_000)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        "secondlook: data/preprocess: File too large; free some space and run again\n"
    )
    assert not (project / "data" / "preprocess").exists()
    assert list((project / "data" / ".partial").iterdir()) == []


def test_mistakes_in_the_data_are_one_line(project: Path) -> None:
    """A folder that is not there: one line on stderr, exit status 1, no traceback."""
    done = run_secondlook("split")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        "secondlook: params.yaml: data.path: data/digits is no such folder; correct the path\n"
    )
    assert not (project / "data" / "split").exists()


def test_awkward_files_as_one_class(project: Path, shared_data: Path) -> None:
    """Of the files that are named like pictures, those that Pillow cannot read are rejected."""
    root = write_class_folders(project / "odd", TWO_OF_EACH)
    shutil.copytree(shared_data / "awkward", root / "train" / "awkward")
    for part in ("validation", "test"):
        (root / part / "awkward").mkdir()
        (root / part / "awkward" / "a.png").write_bytes(encode_image(Image.new("L", (9, 9), 3)))
    facts = run_split_and_preprocess(make_folder_params(root, max_rejected_fraction=0.2))
    rejected = {Path(row["id"]).name for row in read_rows("rejected.csv")}
    assert rejected == {
        *("truncated.jpg", "truncated.png", "broken.png", "png_dos.png", "bomb.gif"),
        *("plain.heif", "multipage_rgb.tif", "html_page.jpg", "zero_bytes.jpg"),
    }
    assert facts["rejected"] == 9
