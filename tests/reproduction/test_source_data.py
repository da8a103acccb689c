"""Images are brought to a worktree from wherever they are: real git and dvc, no training."""

import hashlib
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from secondlook.config.errors import DataError
from secondlook.data.archives import list_archive
from secondlook.reproduction import source_data
from secondlook.reproduction.sandbox import (
    Sandbox,
    check_out_worktree,
    make_scratch_folder,
    resolve_revision,
)
from tests.support.archives import read_folder, write_zip
from tests.support.datasets import make_png, write_class_folders
from tests.support.project import build_project, commit_all, edit_params, run_command

pytestmark = pytest.mark.slow

PHOTOS = "data/photos"
CHANGES: dict[str, Any] = {
    "data": {"source": "folder", "path": PHOTOS, "positive": None},
    "runs": {"unweighted": {}},
}
AUTHOR = ("-c", "user.name=test", "-c", "user.email=test@example.com")


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a project that was split: its own images lie in a folder that nobody tracks."""
    folder = build_project(tmp_path_factory.mktemp("supply") / "project", CHANGES)
    write_class_folders(folder / PHOTOS, {"a": 30, "b": 30})
    run_command(folder, "dvc", "repro", "split")
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
    run_command(project, "dvc", "add", PHOTOS)
    run_command(project, "dvc", "remote", "add", "--default", "shelf", "../shelf")
    run_command(project, "dvc", "push", f"{PHOTOS}.dvc")
    return project


@contextmanager
def make_sandbox(project: Path, levels: int = 0) -> Iterator[Sandbox]:
    """Give a worktree of HEAD, so many folders deep, with the project's dvc.lock."""
    with make_scratch_folder() as folder:
        place = folder.joinpath(*["above"] * levels, "tree")
        with check_out_worktree(place, resolve_revision("HEAD"), None) as tree:
            yield prepare_sandbox(Sandbox(tree, folder, project))


def prepare_sandbox(shop: Sandbox) -> Sandbox:
    """Return a workshop with dvc.lock."""
    shutil.copy(shop.workspace / "dvc.lock", shop.project)
    shop.prepare()
    return shop


def read_recorded_images(project: Path, path: str = PHOTOS) -> dict[str, Any]:
    """Return what dvc.lock says of the images."""
    lock = yaml.safe_load((project / "dvc.lock").read_text(encoding="utf-8"))
    found: list[dict[str, Any]] = lock["stages"]["split"]["deps"]
    return next(dep for dep in found if dep["path"] == path)


def bring_images(project: Path) -> str:
    """Return from where the recorded images come to a worktree, after a look at them."""
    with make_sandbox(project) as made:
        source = source_data.bring_recorded_images(made, PHOTOS, read_recorded_images(project))
        assert len(list((made.project / PHOTOS).rglob("*.png"))) == 60
        assert source_data.find_changed_deps(made, "split") == []
    return source


def test_a_plain_folder_is_read_where_it_is(project: Path) -> None:
    """Images that neither git nor DVC know come from the workspace, while they are the same."""
    assert bring_images(project) == "the workspace's folder"
    (project / PHOTOS / "a/0.png").write_bytes(make_png(200))
    with (
        make_sandbox(project) as made,
        pytest.raises(DataError, match="and the folder holds others now;"),
    ):
        source_data.bring_recorded_images(made, PHOTOS, read_recorded_images(project))
    assert len(list((project / PHOTOS).rglob("*.png"))) == 60


def test_images_beside_the_project_are_found(project: Path) -> None:
    """A data.path that leads out of the project leads out of its worktree, and no further."""
    (project / PHOTOS).rename(project.parent / "photos")
    edit_params(project, {"data": {"path": "../photos"}})
    run_command(project, "dvc", "repro", "split")
    commit_all(project, "Beside")
    with make_sandbox(project, source_data.count_levels_above("../photos")) as made:
        assert source_data.bring_recorded_images(
            made, "../photos", read_recorded_images(project, "../photos")
        ) == ("the workspace's folder")
        assert (made.project.parent / "photos").is_relative_to(made.scratch)


def test_images_in_git_come_with_the_commit(project: Path) -> None:
    """They need not be in the workspace any more; of a part of them, the folder is taken."""
    run_command(project, "git", "add", f"{PHOTOS}/a")
    run_command(project, "git", *AUTHOR, "commit", "--quiet", "--message", "A part")
    assert bring_images(project) == "the workspace's folder"
    commit_all(project, "Photos")
    shutil.rmtree(project / PHOTOS)
    assert bring_images(project) == "git"


def test_images_in_dvc_come_from_cache_or_remote(added: Path) -> None:
    """The workspace's folder may be lost, then its cache; the .dvc file was never committed."""
    shutil.rmtree(added / PHOTOS)
    assert bring_images(added) == "DVC's cache"
    before = sorted((added / ".dvc/cache").rglob("*"))
    shutil.rmtree(added / ".dvc/cache/files")
    assert bring_images(added) == "the DVC remote shelf"
    assert not (added / ".dvc/cache/files").exists()
    assert before
    shutil.rmtree(added.parent / "shelf")
    with (
        make_sandbox(added) as made,
        pytest.raises(DataError, match=r"a remote \(shelf\), and the folder is"),
    ):
        source_data.bring_recorded_images(made, PHOTOS, read_recorded_images(added))


def test_images_in_a_folder_that_dvc_keeps(project: Path) -> None:
    """A .dvc file above data.path owns it."""
    (project / "own").mkdir()
    (project / PHOTOS).rename(project / "own/photos")
    run_command(project, "dvc", "add", "own")
    assert source_data.is_in_dvc(project, "own/photos")
    assert not source_data.is_in_dvc(project, PHOTOS)


def test_an_archive_comes_from_cache_remote_or_disk(project: Path) -> None:
    """It is a file, and all the same as a folder: also where its .dvc file was never committed."""
    photos, path = read_folder(project / PHOTOS), "data/photos.zip"
    write_zip(project / path, photos)
    edit_params(project, {"data": {"path": path}})
    run_command(project, "dvc", "repro", "split")

    def bring() -> str:
        with make_sandbox(project) as made:
            source = source_data.bring_recorded_images(
                made, path, read_recorded_images(project, path)
            )
            assert len(list_archive(made.project / path).members) == 60
            assert source_data.find_changed_deps(made, "split") == []
        return source

    run_command(project, "git", *AUTHOR, "commit", "--quiet", "--all", "--message", "Zip")
    assert bring() == "the workspace's file"
    run_command(project, "dvc", "add", path)
    (project / path).unlink()
    assert bring() == "DVC's cache"
    shutil.rmtree(project / ".dvc/cache/files")
    write_zip(project / path, photos | {"a/0.png": make_png(200)})
    with pytest.raises(DataError, match="and the file holds others now;"):
        bring()


def test_todays_images_are_brought_as_they_are(added: Path) -> None:
    """For other code, what is there now counts: from git or DVC, else from the disk."""
    with make_sandbox(added) as made:
        assert source_data.bring_present_images(made, PHOTOS) == "the workspace's folder"
    commit_all(added, "Add")
    with make_sandbox(added) as made:
        assert source_data.bring_present_images(made, PHOTOS) == "DVC's cache"
        assert source_data.bring_present_images(made, "data/digits") == "git"
        assert source_data.bring_present_images(made, str(added / "stages")) == "the disk"
        with pytest.raises(DataError, match="data/none: no images there"):
            source_data.bring_present_images(made, "data/none")


def test_code_that_changed_since_is_told(project: Path) -> None:
    """A file of the worktree that dvc.lock has another digest of is named."""
    with make_sandbox(project) as made:
        source_data.bring_recorded_images(made, PHOTOS, read_recorded_images(project))
        (made.project / "stages/split.py").write_text("# changed")
        assert source_data.find_changed_deps(made, "split") == ["stages/split.py"]


@pytest.mark.parametrize(
    ("path", "count"), [("data/x", 0), ("../x", 1), ("../../x/../y", 2), ("/x/../../y", 0)]
)
def test_levels_above_the_project(path: str, count: int) -> None:
    """A path that leads out of the project needs as many folders around its worktree."""
    assert source_data.count_levels_above(path) == count


WEIGHTS = "data/weights/mobilenet_v2.weights.h5"


@pytest.fixture
def weighted(project: Path) -> Path:
    """Give it with a file of weights in DVC, pushed; its .dvc file was not committed."""
    (project / WEIGHTS).parent.mkdir()
    (project / WEIGHTS).write_bytes(b"weights")
    run_command(project, "dvc", "add", WEIGHTS)
    run_command(project, "dvc", "remote", "add", "--default", "shelf", "../shelf")
    run_command(project, "dvc", "push", f"{WEIGHTS}.dvc")
    return project


def bring_weights(project: Path, content: bytes = b"weights") -> str:
    """Return from where the weights with that content come to a worktree, after a look at them."""
    wanted = {"name": "mobilenet_v2", "sha256": hashlib.sha256(content).hexdigest()}
    with make_sandbox(project) as made:
        source = source_data.bring_weights(made, wanted)
        assert (made.project / WEIGHTS).read_bytes() == content
    return source


def test_weights_come_from_dvc_or_the_workspace(weighted: Path) -> None:
    """By their digest: what DVC has under that name, or what lies there, may be others."""
    assert bring_weights(weighted) == "DVC's cache"
    (weighted / WEIGHTS).unlink()
    shutil.rmtree(weighted / ".dvc/cache/files")
    assert bring_weights(weighted) == "the DVC remote shelf"
    commit_all(weighted, "Weights")
    (weighted / WEIGHTS).write_bytes(b"newer")
    assert bring_weights(weighted) == "the DVC remote shelf"
    assert bring_weights(weighted, b"newer") == "the workspace's file"
    assert (weighted / WEIGHTS).read_bytes() == b"newer"
    digest = hashlib.sha256(b"gone").hexdigest()
    told = rf"{WEIGHTS}: weights with the run's sha256 \({digest}\) are neither .* \(shelf\) nor in"
    with pytest.raises(DataError, match=told):
        bring_weights(weighted, b"gone")


def test_weights_in_git_come_with_the_commit(project: Path) -> None:
    """As small ones may."""
    (project / WEIGHTS).parent.mkdir()
    (project / WEIGHTS).write_bytes(b"weights")
    commit_all(project, "Weights")
    (project / WEIGHTS).unlink()
    assert bring_weights(project) == "git"
