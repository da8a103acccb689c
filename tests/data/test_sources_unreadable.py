"""A source that may not be read is named, not the output that would have been made of it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.datasets import TWO_OF_EACH, make_png, write_class_folders, write_idx_pair
from tests.support.project import ROOT

POWERS = "-dac_override,-dac_read_search"  # by which root reads whatever it likes


def run_without_privileges(project: Path, *command: str) -> subprocess.CompletedProcess[str]:
    """Run Python as one who may read no more than the modes of files say."""
    lesser = ["setpriv", f"--bounding-set={POWERS}", f"--inh-caps={POWERS}"]
    return subprocess.run(
        [*(lesser if os.geteuid() == 0 else []), sys.executable, *command],
        cwd=project,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )


def point_to(project: Path, source: str, path: str) -> None:
    """Let params.yaml name another source."""
    file = project / "params.yaml"
    text = file.read_text(encoding="utf-8").replace("source: idx", f"source: {source}")
    text = text.replace("path: data/digits", f"path: {path}").replace('"8"', "null")
    file.write_text(text, encoding="utf-8")


@pytest.mark.parametrize(
    "locked", ["pets", "pets/train", "pets/train/cat", "pets/train/cat/deep", "pets/test/dog/9.png"]
)
def test_a_folder_or_picture_that_may_not_be_read_is_named(project: Path, locked: str) -> None:
    """At any depth: the pictures in it would else be missing unnoticed."""
    root = write_class_folders(project / "pets", TWO_OF_EACH)
    for name in ("train/cat/deep", "test/dog"):
        (root / name).mkdir(exist_ok=True)
        (root / name / "9.png").write_bytes(make_png(9))
    point_to(project, "folder", "pets")
    (project / locked).chmod(0)
    done = run_without_privileges(project, "-m", "stages", "split")
    (project / locked).chmod(0o755)
    assert done.returncode == 1
    assert done.stderr.startswith(f"secondlook: {locked}: Permission denied")
    assert "readable" in done.stderr
    assert "writable" not in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_folder_that_may_be_listed_but_not_entered_is_named(project: Path) -> None:
    """Readable without being searchable: names without files."""
    root = write_class_folders(project / "pets", TWO_OF_EACH)
    point_to(project, "folder", "pets")
    (root / "train" / "cat").chmod(0o444)
    done = run_without_privileges(project, "-m", "stages", "split")
    (root / "train" / "cat").chmod(0o755)
    assert done.stderr.startswith("secondlook: pets/train/cat/")
    assert "Permission denied: it may not be read; make the images readable" in done.stderr


@pytest.mark.parametrize("stage", ["split", "preprocess"])
def test_an_idx_file_that_may_not_be_read_is_named(project: Path, stage: str) -> None:
    """Also where the folder of the project may be written."""
    root = write_idx_pair(project / "idx", "all-{}", [i % 2 for i in range(60)])
    images = root / "all-images-idx3"
    point_to(project, "idx", "idx")
    if stage == "preprocess":
        assert run_without_privileges(project, "-m", "stages", "split").returncode == 0
    images.chmod(0)
    done = run_without_privileges(project, "-m", "stages", stage)
    assert done.stderr.startswith(f"secondlook: idx/{images.name}: Permission denied: it may not")


def test_a_list_that_may_not_be_read_is_named(project: Path) -> None:
    """And a picture that it names in a folder that may not be entered."""
    folder = project / "pets" / "in"
    folder.mkdir(parents=True)
    point_to(project, "csv", "pets")
    (project / "pets" / "labels.csv").write_text("path,label\nin/a.png,cat\n")
    folder.chmod(0)
    done = run_without_privileges(project, "-m", "stages", "split")
    folder.chmod(0o755)
    assert done.stderr.startswith("secondlook: pets/in/a.png: Permission denied: it may not be re")
    (project / "pets" / "labels.csv").chmod(0)
    assert (
        "pets/labels.csv: cannot be read"
        in run_without_privileges(project, "-m", "stages", "split").stderr
    )


def test_an_output_that_may_not_be_written_is_still_told_as_that(project: Path) -> None:
    """The other side: the images are fine, the folder data/ is not."""
    write_class_folders(project / "pets", TWO_OF_EACH)
    point_to(project, "folder", "pets")
    (project / "data").mkdir()
    (project / "data").chmod(0o555)
    done = run_without_privileges(project, "-m", "stages", "split")
    assert "data/split: Permission denied; make the folder writable" in done.stderr


def test_what_predict_may_not_read_is_one_picture_that_says_why(project: Path) -> None:
    """The others of its folder are answered: nothing is missing unnoticed."""
    root = write_class_folders(project / "own", {"a": 1, "b": 1, "c": 1})
    (root / "a").chmod(0)
    (root / "b").chmod(0o444)
    script = (
        "from pathlib import Path; from secondlook.serving.inputs import find_images\n"
        "from secondlook.config.errors import DataError\n"
        "for given in find_images(['own'], Path()):\n"
        "    try: print(given.name, len(given.read()))\n"
        "    except DataError as error: print(given.name, error)"
    )
    printed = run_without_privileges(project, "-c", script).stdout
    for name in "ab":
        (root / name).chmod(0o755)
    assert printed.splitlines() == [
        f"own/c/0.png {len(make_png(2))}",
        "own/a permission denied",
        "own/b/0.png permission denied",
    ]
