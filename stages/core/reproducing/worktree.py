"""The project as it was at a commit, in a folder of its own that goes away again."""

import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType

from stages.core.errors import SecondLookError

# Hooks of the repository (`dvc install` adds some) would work on the workspace.
QUIET = ("-c", "core.hooksPath=/dev/null", "-c", "advice.detachedHead=false")
ENDING = (signal.SIGTERM, signal.SIGHUP)


@contextmanager
def scratch() -> Iterator[Path]:
    """Give an empty folder that is removed afterwards: on errors, Ctrl-C, SIGTERM and SIGHUP too.

    TMPDIR says where; it has to hold the images and the arrays made of them.
    """
    # A process that was told to ignore one (nohup) goes on ignoring it.
    caught = [number for number in ENDING if signal.getsignal(number) is signal.SIG_DFL]
    for number in caught:
        signal.signal(number, _end)
    folder = Path(tempfile.mkdtemp(prefix="second-look-")).resolve()
    try:
        yield folder
    finally:
        with _uninterrupted():
            shutil.rmtree(folder, ignore_errors=True)
        for number in caught:
            signal.signal(number, signal.SIG_DFL)


@contextmanager
def worktree(folder: Path, commit: str, difference: Path | None) -> Iterator[Path]:
    """Give the project (the current folder) as it was at `commit`, with a difference applied.

    It is checked out in `folder`, which must not exist; git forgets it afterwards. Raises
    SecondLookError when there is no git, no such commit, or the difference does not apply.
    """
    inside = project_in_repository()
    check_commit(commit)
    folder.parent.mkdir(parents=True, exist_ok=True)
    try:
        git(*QUIET, "worktree", "add", "--quiet", "--detach", str(folder), commit)
        if difference is not None:
            git("-C", str(folder), "apply", "--whitespace=nowarn", str(difference))
        yield folder / inside
    finally:
        with _uninterrupted(), suppress(SecondLookError):  # it was perhaps not even added
            git("worktree", "remove", "--force", "--force", str(folder))


def project_in_repository() -> Path:
    """Return where in its repository the project is; SecondLookError when there is none."""
    if shutil.which("git") is None:
        raise SecondLookError("git: not found; install it, runs are made again from commits")
    return Path(git("rev-parse", "--show-prefix").strip())


def check_commit(commit: str) -> None:
    """Raise SecondLookError when this clone does not have the commit."""
    try:
        git("cat-file", "-e", f"{commit}^{{commit}}")
    except SecondLookError:
        raise SecondLookError(
            f"commit {commit} is not in this clone; `git fetch` it (of a shallow clone: "
            "`git fetch --unshallow`) from where the run was made"
        ) from None


def resolved(revision: str) -> str:
    """Return the commit that HEAD, a branch, a tag or the like names."""
    check_commit(revision)
    return git("rev-parse", f"{revision}^{{commit}}").strip()


def git(*arguments: str) -> str:
    """Return what git prints; SecondLookError, with its first words, where it fails."""
    done = subprocess.run(["git", *arguments], capture_output=True, check=False)
    if done.returncode:
        reason = done.stderr.decode(errors="replace").strip().partition("\n")[0]
        raise SecondLookError(f"git {_verb(arguments)}: {reason}")
    return done.stdout.decode(errors="surrogateescape")


def _verb(arguments: tuple[str, ...]) -> str:
    """Return the git command among the arguments, without options before it."""
    skipped = {"-C", "-c"}
    pairs = zip(("", *arguments), arguments, strict=False)
    return next(word for before, word in pairs if word not in skipped and before not in skipped)


def _end(number: int, _: FrameType | None) -> None:
    sys.exit(128 + number)


@contextmanager
def _uninterrupted() -> Iterator[None]:
    """Let an impatient second Ctrl-C not stop the cleaning up."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
