"""A folder with the project as it was: real git, in a repository of its own."""

import os
import signal
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest

from secondlook.config.errors import SecondLookError
from secondlook.reproduction.sandbox import (
    check_out_worktree,
    make_scratch_folder,
    resolve_revision,
)
from tests.support.project import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator


def run_git(*arguments: str) -> str:
    """Run git and return what it prints."""
    who = ["-c", "user.name=Me", "-c", "user.email=me@example.org"]
    return subprocess.run(
        ["git", *who, *arguments], capture_output=True, text=True, check=True
    ).stdout


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give a repository with two commits and a hook, enter it; temporary files go beside it."""
    folder, temporary = tmp_path / "project", tmp_path / "temporary"
    for path in (folder, temporary):
        path.mkdir()
    monkeypatch.setenv("TMPDIR", str(temporary))
    monkeypatch.setattr("tempfile.tempdir", None)
    monkeypatch.chdir(folder)
    run_git("init", "--quiet")
    for number in ("1", "2"):
        Path("code").write_text(number)
        run_git("add", ".")
        run_git("commit", "--quiet", "--message", number)
    hook = Path(".git/hooks/post-checkout")
    hook.write_text("#!/bin/sh\ntouch hooked\n")
    hook.chmod(0o755)
    return folder


def test_the_project_as_it_was(repository: Path, tmp_path: Path) -> None:
    """It is there at its commit, without hooks, and goes again; the workspace is as before."""
    Path("code").write_text("changed")
    with (
        make_scratch_folder() as folder,
        check_out_worktree(folder / "tree", resolve_revision("HEAD~1"), None) as project,
    ):
        assert (project / "code").read_text() == "1"
        assert not (project / "hooked").exists()
    assert not folder.exists()
    assert list((tmp_path / "temporary").iterdir()) == []
    assert run_git("worktree", "list").count("\n") == 1
    assert run_git("status", "--porcelain") == " M code\n"
    assert repository == Path.cwd()


@pytest.mark.usefixtures("repository")
def test_a_difference_is_applied(tmp_path: Path) -> None:
    """What was not committed comes on top."""
    Path("code").write_text("changed\n")
    (tmp_path / "diff").write_text(run_git("diff", "HEAD"))
    Path("code").write_text("changed again")
    with make_scratch_folder() as folder:
        with check_out_worktree(
            folder / "tree", resolve_revision("HEAD"), tmp_path / "diff"
        ) as project:
            assert (project / "code").read_text() == "changed\n"
        with (
            pytest.raises(SecondLookError, match=r"git apply: .*patch"),
            check_out_worktree(folder / "tree", resolve_revision("HEAD~1"), tmp_path / "diff"),
        ):
            pass
    assert run_git("worktree", "list").count("\n") == 1


@pytest.mark.usefixtures("repository")
def test_a_project_below_its_repository() -> None:
    """Where the project is a folder of its repository, it is so in the worktree."""
    Path("below").mkdir()
    Path("below/code").write_text("3")
    run_git("add", ".")
    run_git("commit", "--quiet", "--message", "3")
    os.chdir("below")
    with (
        make_scratch_folder() as folder,
        check_out_worktree(folder / "tree", resolve_revision("HEAD"), None) as project,
    ):
        assert project == folder / "tree" / "below"
        assert (project / "code").read_text() == "3"


@pytest.mark.usefixtures("repository")
def test_an_error_leaves_nothing(tmp_path: Path) -> None:
    """Whatever is raised inside, folder and worktree go."""
    with (
        pytest.raises(ZeroDivisionError),
        make_scratch_folder() as folder,
        check_out_worktree(folder / "tree", resolve_revision("HEAD"), None),
    ):
        _ = 1 / 0
    assert list((tmp_path / "temporary").iterdir()) == []
    assert run_git("worktree", "list").count("\n") == 1


# Has a worktree in a scratch folder, and sleeps over it.
SLEEPING = """
from secondlook.reproduction.sandbox import *
import time
with make_scratch_folder() as folder, check_out_worktree(
    folder / 'tree', resolve_revision('HEAD'), None
):
    print('there', flush=True)
    time.sleep(60)
"""


@contextmanager
def start_worker(code: str = SLEEPING) -> "Iterator[subprocess.Popen[str]]":
    """Give a process that runs the code, once it has said so."""
    with subprocess.Popen(
        [sys.executable, "-c", code],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "there\n"
            yield process
        finally:
            process.kill()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
@pytest.mark.usefixtures("repository")
def test_a_signal_leaves_nothing(tmp_path: Path, number: signal.Signals) -> None:
    """Ctrl-C, a scheduler's SIGTERM and a closed terminal clean up too."""
    with start_worker() as process:
        process.send_signal(number)
        process.communicate()
    assert process.returncode != 0
    assert list((tmp_path / "temporary").iterdir()) == []
    assert run_git("worktree", "list").count("\n") == 1


@pytest.mark.usefixtures("repository")
def test_what_a_killed_process_left_goes_with_the_next(tmp_path: Path) -> None:
    """Of two processes one is killed: its folder and worktree go, those of the living stay."""
    temporary = tmp_path / "temporary"
    with start_worker() as killed:
        killed.kill()
    (left,) = temporary.iterdir()
    (temporary / "second-look-without-a-lock").mkdir()
    with start_worker() as living:
        assert living.poll() is None
        assert not left.exists()
        with make_scratch_folder() as folder, check_out_worktree(folder / "tree", "HEAD", None):
            assert len(list(temporary.iterdir())) == 3
            assert run_git("worktree", "list").count("\n") == 3
    assert (temporary / "second-look-without-a-lock").is_dir()


# Works in a sandbox as a stage of dvc does: a shell, and below it one that goes on writing.
WORKING = """
from pathlib import Path
from secondlook.config.processes import start_command
from secondlook.reproduction.sandbox import *
with make_scratch_folder() as folder:
    shop = Sandbox(folder, folder, Path.cwd())
    script = "(while :; do mkdir -p deep/down; date > deep/down/$$; done) & echo there; wait"
    with start_command(["/bin/sh", "-c", script], cwd=folder, environment=shop.environment) as work:
        work.wait()
"""


def list_shells(worker: "subprocess.Popen[str]") -> list[psutil.Process]:
    """Return the shells that work for a worker."""
    [shell] = psutil.Process(worker.pid).children()
    below = [each for each in shell.children() if each.cmdline()[:1] == ["/bin/sh"]]
    return [shell, *below]


@pytest.mark.usefixtures("repository")
def test_what_a_killed_process_left_at_work_ends_with_the_next(tmp_path: Path) -> None:
    """It would go on writing into a folder that goes; whose owner lives, it goes on."""
    temporary = tmp_path / "temporary"
    with start_worker(WORKING) as killed, start_worker(WORKING) as living:
        # The shell and the one below it; what they start comes and goes.
        whole, spared = (list_shells(each) for each in (killed, living))
        killed.kill()
        killed.wait()
        assert all(each.is_running() for each in whole)
        assert len(list(temporary.iterdir())) == 2
        with make_scratch_folder():
            assert len(list(temporary.iterdir())) == 2
            _, left = psutil.wait_procs(whole, timeout=10)
            assert left == []
            assert all(each.is_running() for each in spared)
    with make_scratch_folder() as folder:
        assert list(temporary.iterdir()) == [folder]


@pytest.mark.usefixtures("repository")
def test_a_commit_of_another_clone_is_told() -> None:
    """A commit that is not here is named, and how to get it."""
    with pytest.raises(SecondLookError, match=r"commit f{40} is not in this clone; `git fetch`"):
        resolve_revision("f" * 40)


@pytest.mark.usefixtures("repository")
def test_without_git_it_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No git on PATH, or no repository: one line each."""
    head = resolve_revision("HEAD")
    with monkeypatch.context() as patch:
        patch.setenv("PATH", str(tmp_path))
        with (
            pytest.raises(SecondLookError, match="git: not found"),
            check_out_worktree(tmp_path / "t", head, None),
        ):
            pass
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    with (
        pytest.raises(SecondLookError, match="not a git repo"),
        check_out_worktree(tmp_path / "t", head, None),
    ):
        pass
