"""What home gives to nodes and takes from them: the snapshot, the remote, dvc.lock and notes."""

import json
import shutil
from contextlib import chdir
from pathlib import Path
from typing import Any

import pytest

from secondlook.config.errors import SecondLookError
from secondlook.config.params import load_params
from secondlook.scheduling.cluster import (
    Home,
    Snapshot,
    check_remote,
    find_shared_tracking,
    is_only_missing,
    push_arrays,
    take_snapshot,
)
from secondlook.scheduling.dvc_lock import load_lock_entries
from secondlook.scheduling.jobs import Job
from tests.support.project import run_command
from tests.support.shell_pipeline import build_shell_project

HEAD = "schema: '2.0'\nstages:\n"


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a project that was never run."""
    return build_shell_project(tmp_path_factory.mktemp("home") / "project")


@pytest.fixture
def project(built: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give a copy of it to be changed, and enter it."""
    folder = Path(shutil.copytree(built, tmp_path / "project", symlinks=True))
    monkeypatch.chdir(folder)
    return folder


def list_snapshot(snapshot: Snapshot, folder: Path) -> dict[str, str]:
    """Return the files of a snapshot and what they hold."""
    folder.mkdir()
    (folder / "bundle").write_bytes(snapshot.bundle)
    run_command(folder, "git", "clone", "--quiet", "--branch", "snapshot", "bundle", "clone")
    clone = folder / "clone"
    names = run_command(clone, "git", "ls-files").splitlines()
    return {name: (clone / name).read_text(errors="replace") for name in names}


def test_a_snapshot_is_the_working_tree_and_touches_nothing(project: Path, tmp_path: Path) -> None:
    """Changed, added, staged and deleted files are in it; git status, index and objects stay."""
    (project / "code.txt").write_text("changed")
    (project / "new file.txt").write_text("new")
    (project / "staged.txt").write_text("staged")
    (project / ".gitignore").open("a").write("/secret.txt\n")
    (project / "secret.txt").write_text("secret")
    run_command(project, "git", "add", "staged.txt")
    (project / "stage.sh").unlink()
    before = run_command(project, "git", "status", "--porcelain")
    objects = sorted((project / ".git" / "objects").rglob("*"))
    found = list_snapshot(take_snapshot("data/digits"), tmp_path / "there")
    assert found["code.txt"] == "changed"
    assert {"new file.txt", "staged.txt"} < found.keys()
    assert not {"stage.sh", "secret.txt"} & found.keys()
    assert run_command(project, "git", "status", "--porcelain") == before
    assert sorted((project / ".git" / "objects").rglob("*")) == objects
    assert run_command(project, "git", "for-each-ref").count("\n") == 1


@pytest.mark.usefixtures("project")
def test_the_same_files_are_the_same_commit() -> None:
    """Whenever, and whoever takes it; another file is another commit."""
    first = take_snapshot("data/digits")
    assert take_snapshot("data/digits").commit == first.commit
    Path("code.txt").write_text("second version")
    assert take_snapshot("data/digits").commit != first.commit


def test_images_that_git_knows_stay_at_home(project: Path, tmp_path: Path) -> None:
    """As the digits of this project do; those outside of the repository are none of it."""
    run_command(project, "git", "add", "--force", "data/digits/image.png")
    assert "data/digits/image.png" not in list_snapshot(
        take_snapshot("data/digits"), tmp_path / "a"
    )
    assert "data/digits/image.png" in list_snapshot(take_snapshot(str(tmp_path)), tmp_path / "b")


def test_a_project_inside_of_a_repository(built: Path, tmp_path: Path) -> None:
    """The whole repository goes, and where in it the project is."""
    shutil.copytree(built, tmp_path / "all" / "inner", symlinks=True)
    shutil.rmtree(tmp_path / "all" / "inner" / ".git")
    run_command(tmp_path / "all", "git", "init", "--quiet")
    (tmp_path / "all" / "library.py").write_text("shared")
    with chdir(tmp_path / "all" / "inner"):
        snapshot = take_snapshot("data/digits")
    assert snapshot.folder == "inner/"
    assert {"library.py", "inner/dvc.yaml"} <= list_snapshot(snapshot, tmp_path / "there").keys()


@pytest.mark.usefixtures("project")
def test_what_is_too_large_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rather than sent to every node."""
    monkeypatch.setattr("secondlook.scheduling.cluster.MAX_SNAPSHOT", 1000)
    with pytest.raises(SecondLookError, match=r"let \.gitignore name what no training reads"):
        take_snapshot("data/digits")


def test_without_a_repository_there_is_no_snapshot(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One line of git's."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SecondLookError, match="not a git repository"):
        take_snapshot("data/digits")


@pytest.mark.parametrize(
    ("commands", "told"),
    [
        ([], None),
        ([["remote", "remove", "shared"]], "DVC has no default remote"),
        (
            [
                ["remote", "remove", "shared"],
                ["remote", "add", "--local", "--default", "mine", "/mine"],
            ],
            "the remote mine does not stand in .dvc/config",
        ),
        (
            [["remote", "add", "--force", "--default", "shared", "../away"]],
            "a path relative to this project",
        ),
        ([["config", "--local", "remote.shared.jobs", "2"]], None),
    ],
)
def test_nodes_have_to_know_the_remote(
    project: Path, commands: list[list[str]], told: str | None
) -> None:
    """It stands in the file that they are given, with a path that means the same there."""
    for command in commands:
        run_command(project, "dvc", *command)
    if told is None:
        assert check_remote() == "shared"
    else:
        with pytest.raises(SecondLookError, match=told):
            check_remote()


def test_a_remote_that_is_down_is_one_line(project: Path, tmp_path: Path) -> None:
    """Before any node is asked."""
    run_command(project, "dvc", "repro", "preprocess")
    (tmp_path / "file").write_text("no folder")
    run_command(project, "dvc", "remote", "modify", "shared", "url", str(tmp_path / "file" / "in"))
    with pytest.raises(
        SecondLookError, match=r"^--ray: the remote shared does not answer: [^\n]+$"
    ):
        push_arrays("shared")


def make_status(**changes: Any) -> dict[str, list[Any]]:  # noqa: ANN401 - as dvc has it
    """Return what `dvc status` says of a run, with changes."""
    missing = [{"changed outs": {"data/train/first": "not in cache"}}]
    return {"train@first": missing} | changes


@pytest.mark.parametrize(
    ("stale", "missing"),
    [
        (make_status(), True),
        (make_status(**{"evaluate@first": [{"changed deps": {"data/x": "deleted"}}]}), True),
        ({"evaluate@first": [{"changed outs": {"data/x": "deleted"}}]}, False),
        (make_status(**{"evaluate@first": ["changed command"]}), False),
        ({"train@first": [{"changed deps": {"data/preprocess": "modified"}}]}, False),
        ({"train@first": [{"changed deps": {"params.yaml": {"train.seed": "modified"}}}]}, False),
        ({"train@first": [{"changed deps": {"params.yaml": {"runs.first": "new"}}}]}, False),
    ],
)
def test_what_is_only_missing_is_pulled(stale: dict[str, list[Any]], *, missing: bool) -> None:
    """Whatever else dvc says of a run means to train it."""
    assert is_only_missing("first", stale) is missing


def test_what_a_node_returns_becomes_the_projects_own(project: Path) -> None:
    """Two entries of dvc.lock and no others, when it trained, and on which machine."""
    Path("dvc.lock").write_text(f"{HEAD}  split:\n    cmd: own\n")
    home = Home(load_params(), Snapshot("", "", b""), lambda *_: None)  # type: ignore[arg-type]
    home.unfinished.append("first")
    told = "".join(
        f"  {name}:\n    cmd: there\n" for name in ("split", "train@first", "train@other")
    )
    notes = {"k.json": [1, 2], "k.environment.json": {"weights": "w", "environment": {"CPU": "X"}}}
    lock = f"{HEAD}{told}  evaluate@first:\n    cmd: there\n"
    home.adopt(Job("first", 1), {"lock": lock, "notes": notes, "node": "far"})
    assert list(load_lock_entries()) == ["split", "train@first", "evaluate@first"]
    assert "cmd: own" in Path("dvc.lock").read_text()
    kept = json.loads((project / ".dvc/tmp/second_look/k.environment.json").read_text())
    assert kept == {"weights": "w", "environment": {"CPU": "X", "node": "far"}}
    assert home.unfinished == []
    [line] = home.list_differences()
    assert line.startswith("far, where it was trained, is another machine than this: CPU: X then")


@pytest.mark.parametrize(
    ("uri", "shared"),
    [
        ("", None),
        ("sqlite:///mlflow.db", None),
        ("http://mlflow:5000", "http://mlflow:5000"),
        ("https://user:secret@mlflow", None),
        ("postgresql://user:secret@db/mlflow", None),
    ],
)
def test_no_password_is_sent(uri: str, shared: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server without one is told to nodes, so that they show their epochs there."""
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    assert find_shared_tracking() == shared
