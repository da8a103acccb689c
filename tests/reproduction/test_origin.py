"""What a run says it came from: files as MLflow keeps them, written by hand."""

from collections.abc import Mapping
from pathlib import Path

import pytest
import yaml

from secondlook.config.errors import TrackingError
from secondlook.reproduction.origin import Origin
from secondlook.tracking.lookup import TrackedRun

TAGS = {"mlflow.source.git.commit": "c" * 40}
IMAGES = {"path": "data/photos", "md5": "d.dir", "size": 3, "nfiles": 1}
STAGES = ("split", "preprocess", "train@mine", "evaluate@mine")


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """Give the folder of what a run came from."""
    folder = tmp_path / "source"
    folder.mkdir()
    (folder / "params.yaml").write_text("data: {path: ./data/photos/}")
    write_lock(folder, STAGES)
    return folder


def write_lock(folder: Path, stages: tuple[str, ...]) -> None:
    """Write a dvc.lock of these stages."""
    deps = {"deps": [{"path": "stages/split.py", "md5": "e"}, IMAGES]}
    (folder / "dvc.lock").write_text(yaml.safe_dump({"stages": dict.fromkeys(stages, deps)}))


def load_origin(source: Path, tags: Mapping[str, str] = TAGS) -> Origin:
    """Return the origin of a run called mine."""
    return Origin.load(TrackedRun("i" * 32, "mine", ["mine", "again"], tags, source.parent))


def test_all_of_it_is_read(source: Path) -> None:
    """Commit, name, experiment, images and parameters are told; a path in its simplest form."""
    origin = load_origin(source, TAGS | {"second_look.dvc.experiment": "few"})
    assert (origin.name, origin.commit, origin.path) == ("mine", "c" * 40, "data/photos")
    assert origin.images == IMAGES
    assert (origin.difference, origin.environment) == (None, None)
    assert origin.description == f"run mine ({'i' * 32}, experiment few) of commit cccccccc"


def test_a_difference_is_a_file(source: Path) -> None:
    """What was not committed is found, and said to be there."""
    (source / "uncommitted.diff").write_text("diff --git a/b b/b")
    origin = load_origin(source)
    assert origin.difference == source / "uncommitted.diff"
    assert origin.description.endswith("and its uncommitted changes")


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("uncommitted.diff", "# 5000001 characters are too many", "were too long to keep"),
        ("dvc.lock", "stages: {split: {}}", "a dvc.lock without evaluate@mine, preprocess or"),
    ],
)
def test_what_says_too_little_is_told(source: Path, name: str, text: str, told: str) -> None:
    """A difference that was cut short, a dvc.lock without the run."""
    (source / name).write_text(text)
    with pytest.raises(TrackingError, match=told):
        _ = load_origin(source).description


@pytest.mark.parametrize("name", ["params.yaml", "dvc.lock"])
def test_what_is_missing_is_told(source: Path, name: str) -> None:
    """The artifact is named, and what adds it."""
    (source / name).unlink()
    with pytest.raises(TrackingError, match=f"has no artifact source/{name}; `dvc repro`"):
        load_origin(source)


def test_a_run_without_git_is_told(source: Path) -> None:
    """Its code is not known."""
    with pytest.raises(TrackingError, match="was tracked outside of git"):
        load_origin(source, {})
