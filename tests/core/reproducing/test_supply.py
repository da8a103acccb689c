"""Images are brought to a worktree from wherever they are: real git and dvc, no training."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from stages.core.errors import DataError
from stages.core.reproducing import supply
from stages.core.reproducing.workshop import Workshop
from stages.core.reproducing.worktree import resolved, scratch, worktree
from tests.data_builder import folders, picture
from tests.pipeline_builder import build, change, commit, run

PHOTOS = "data/photos"
CHANGES: dict[str, Any] = {
    "data": {"source": "folder", "path": PHOTOS, "positive": None},
    "runs": {"unweighted": {}},
}
AUTHOR = ("-c", "user.name=test", "-c", "user.email=test@example.com")


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a project that was split: its own images lie in a folder that nobody tracks."""
    folder = build(tmp_path_factory.mktemp("supply") / "project", CHANGES)
    folders(folder / PHOTOS, {"a": 30, "b": 30})
    run(folder, "dvc", "repro", "split")
    return folder


@pytest.fixture
def project(plain: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give a copy of it, to change, and enter it."""
    folder = Path(shutil.copytree(plain, tmp_path / "project", symlinks=True))
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def added(project: Path) -> Path:
    """Give it with its images in DVC, pushed to a remote whose address is relative."""
    run(project, "dvc", "add", PHOTOS)
    run(project, "dvc", "remote", "add", "--default", "shelf", "../shelf")
    run(project, "dvc", "push", f"{PHOTOS}.dvc")
    return project


@contextmanager
def shop(project: Path, levels: int = 0) -> Iterator[Workshop]:
    """Give a worktree of HEAD, so many folders deep, with the project's dvc.lock."""
    with scratch() as folder:
        place = folder.joinpath(*["above"] * levels, "tree")
        with worktree(place, resolved("HEAD"), None) as tree:
            yield equipped(Workshop(tree, folder, project))


def equipped(shop: Workshop) -> Workshop:
    """Return a workshop with dvc.lock."""
    shutil.copy(shop.workspace / "dvc.lock", shop.project)
    shop.prepare()
    return shop


def recorded(project: Path, path: str = PHOTOS) -> dict[str, Any]:
    """Return what dvc.lock says of the images."""
    lock = yaml.safe_load((project / "dvc.lock").read_text(encoding="utf-8"))
    found: list[dict[str, Any]] = lock["stages"]["split"]["deps"]
    return next(dep for dep in found if dep["path"] == path)


def brought(project: Path) -> str:
    """Return from where the recorded images come to a worktree, after a look at them."""
    with shop(project) as made:
        source = supply.bring(made, PHOTOS, recorded(project))
        assert len(list((made.project / PHOTOS).rglob("*.png"))) == 60
        assert supply.strayed(made, "split") == []
    return source


def test_a_plain_folder_is_read_where_it_is(project: Path) -> None:
    """Images that neither git nor DVC know come from the workspace, while they are the same."""
    assert brought(project) == "the workspace's folder"
    (project / PHOTOS / "a/0.png").write_bytes(picture(200))
    with shop(project) as made, pytest.raises(DataError, match="and the folder holds others now;"):
        supply.bring(made, PHOTOS, recorded(project))
    assert len(list((project / PHOTOS).rglob("*.png"))) == 60


def test_images_beside_the_project_are_found(project: Path) -> None:
    """A data.path that leads out of the project leads out of its worktree, and no further."""
    (project / PHOTOS).rename(project.parent / "photos")
    change(project, {"data": {"path": "../photos"}})
    run(project, "dvc", "repro", "split")
    commit(project, "Beside")
    with shop(project, supply.levels("../photos")) as made:
        assert supply.bring(made, "../photos", recorded(project, "../photos")) == (
            "the workspace's folder"
        )
        assert (made.project.parent / "photos").is_relative_to(made.scratch)


def test_images_in_git_come_with_the_commit(project: Path) -> None:
    """They need not be in the workspace any more; of a part of them, the folder is taken."""
    run(project, "git", "add", f"{PHOTOS}/a")
    run(project, "git", *AUTHOR, "commit", "--quiet", "--message", "A part")
    assert brought(project) == "the workspace's folder"
    commit(project, "Photos")
    shutil.rmtree(project / PHOTOS)
    assert brought(project) == "git"


def test_images_in_dvc_come_from_cache_or_remote(added: Path) -> None:
    """The workspace's folder may be lost, then its cache; the .dvc file was never committed."""
    shutil.rmtree(added / PHOTOS)
    assert brought(added) == "DVC's cache"
    before = sorted((added / ".dvc/cache").rglob("*"))
    shutil.rmtree(added / ".dvc/cache/files")
    assert brought(added) == "the DVC remote shelf"
    assert not (added / ".dvc/cache/files").exists()
    assert before
    shutil.rmtree(added.parent / "shelf")
    with (
        shop(added) as made,
        pytest.raises(DataError, match=r"a remote \(shelf\), and the folder is"),
    ):
        supply.bring(made, PHOTOS, recorded(added))


def test_images_in_a_folder_that_dvc_keeps(project: Path) -> None:
    """A .dvc file above data.path owns it."""
    (project / "own").mkdir()
    (project / PHOTOS).rename(project / "own/photos")
    run(project, "dvc", "add", "own")
    assert supply.owned(project, "own/photos")
    assert not supply.owned(project, PHOTOS)


def test_todays_images_are_brought_as_they_are(added: Path) -> None:
    """For other code, what is there now counts: from git or DVC, else from the disk."""
    with shop(added) as made:
        assert supply.bring_present(made, PHOTOS) == "the workspace's folder"
    commit(added, "Add")
    with shop(added) as made:
        assert supply.bring_present(made, PHOTOS) == "DVC's cache"
        assert supply.bring_present(made, "data/digits") == "git"
        assert supply.bring_present(made, str(added / "stages")) == "the disk"
        with pytest.raises(DataError, match="data/none: no images there"):
            supply.bring_present(made, "data/none")


def test_code_that_changed_since_is_told(project: Path) -> None:
    """A file of the worktree that dvc.lock has another digest of is named."""
    with shop(project) as made:
        supply.bring(made, PHOTOS, recorded(project))
        (made.project / "stages/split.py").write_text("# changed")
        assert supply.strayed(made, "split") == ["stages/split.py"]


@pytest.mark.parametrize(
    ("path", "count"), [("data/x", 0), ("../x", 1), ("../../x/../y", 2), ("/x/../../y", 0)]
)
def test_levels_above_the_project(path: str, count: int) -> None:
    """A path that leads out of the project needs as many folders around its worktree."""
    assert supply.levels(path) == count
