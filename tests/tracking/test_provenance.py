"""Which code results come from: real git, in a repository of its own."""

import subprocess
from pathlib import Path

import pytest

from secondlook.tracking.provenance import read_provenance

CODE = Path("stages/train.py")


def git(*arguments: str, folder: Path | None = None) -> str:
    """Run git and return what it prints."""
    who = ["-c", "user.name=Me", "-c", "user.email=me@example.org"]
    command = ["git", *who, *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True).stdout


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give a repository with one commit, and enter it."""
    folder = tmp_path / "project"
    folder.mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.delenv("DVC_EXP_NAME", raising=False)
    CODE.parent.mkdir()
    CODE.write_text("a = 1\n")
    Path("params.yaml").write_text("b: 1\n")
    Path("dvc.lock").write_text("c: 1\n")
    git("init", "--quiet")
    git("config", "diff.noprefix", "true")  # a setting that `git apply` would stumble over
    git("add", ".")
    git("commit", "--quiet", "--message", "Start")
    return folder


@pytest.mark.usefixtures("repository")
def test_a_committed_tree_is_clean(tmp_path: Path) -> None:
    """The commit says it all; what came out (dvc.lock) makes nothing dirty, and is kept."""
    Path("dvc.lock").write_text("c: 2\n")
    found = read_provenance()
    commit = git("rev-parse", "HEAD").strip()
    expected = {"mlflow.source.git.commit": commit, "second_look.git.dirty": "false"}
    assert found.make_tags() == expected
    found.write(tmp_path)
    assert (tmp_path / "dvc.lock").read_text() == "c: 2\n"
    assert not (tmp_path / "uncommitted.diff").exists()


def test_a_dirty_tree_can_be_made_again(repository: Path, tmp_path: Path) -> None:
    """The difference holds changed files and new code, staged or not, and git applies it."""
    before = git("status", "--porcelain")
    CODE.write_text("a = 2\n")
    Path("stages/new.py").write_bytes("d = 'ä'\n".encode("latin-1"))
    Path("secondlook").mkdir()
    Path("secondlook/room.py").write_text("e = 1\n")
    Path("params.yaml").write_text("b: 2\n")
    git("add", "params.yaml")
    found = read_provenance()
    assert found.make_tags()["second_look.git.dirty"] == "true"
    assert git("status", "--porcelain") != before
    assert "?? stages/new.py" in git("status", "--porcelain")  # the index is as it was
    found.write(tmp_path)
    git("clone", "--quiet", str(repository), str(tmp_path / "clone"))
    git("apply", str(tmp_path / "uncommitted.diff"), folder=tmp_path / "clone")
    for path in (CODE, "stages/new.py", "secondlook/room.py", "params.yaml"):
        assert (tmp_path / "clone" / path).read_bytes() == Path(path).read_bytes()


@pytest.mark.usefixtures("repository")
def test_the_experiment_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """DVC tells the name of an experiment that it runs."""
    monkeypatch.setenv("DVC_EXP_NAME", "brave-owl")
    assert read_provenance().make_tags()["second_look.dvc.experiment"] == "brave-owl"


def test_without_git_there_is_a_reason(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Outside of any repository there is neither commit nor difference, and the problem is told."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    found = read_provenance()
    assert (found.commit, found.difference, found.make_tags()) == (None, None, {})
    assert found.problem is not None
    assert found.problem.startswith("git rev-parse: fatal: not a git repository")
