"""git as a subprocess: what it says, or why it does not."""

from pathlib import Path

import pytest

from secondlook.config.errors import SecondLookError
from secondlook.config.processes import run_git
from tests.support.project import commit_all, run_command


def test_what_git_prints_is_returned(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As text; bytes that are not UTF-8 survive."""
    run_command(tmp_path, "git", "init", "--quiet")
    (tmp_path / "a").write_bytes(b"gr\xfc\xdfe")
    commit_all(tmp_path, "Start")
    monkeypatch.chdir(tmp_path)
    assert run_git("show", "HEAD:a").encode(errors="surrogateescape") == b"gr\xfc\xdfe"


def test_a_folder_of_somebody_else_is_told_with_the_way_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in a container with a mounted folder: git says which setting lets it in."""
    run_command(tmp_path, "git", "init", "--quiet")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")
    with pytest.raises(SecondLookError) as caught:
        run_git("rev-parse", "HEAD")
    assert str(caught.value) == (
        f"git rev-parse: fatal: detected dubious ownership in repository at '{tmp_path}'; "
        f"git config --global --add safe.directory {tmp_path}"
    )


def test_other_failures_are_gits_first_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No repository, no such commit, no git at all."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    with pytest.raises(
        SecondLookError, match=r"^git rev-parse: fatal: not a git repository[^\n]*$"
    ):
        run_git("rev-parse", "HEAD")
    run_command(tmp_path, "git", "init", "--quiet")
    with pytest.raises(SecondLookError, match=r"^git show: fatal: [^\n]*HEAD[^\n]*$"):
        run_git("-C", str(tmp_path), "show", "HEAD")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SecondLookError, match=r"^git: No such file or directory; install it$"):
        run_git("status")
