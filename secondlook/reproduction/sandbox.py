"""The project as it was at a commit, in a folder of its own that goes away again.

git makes the worktree; DVC works in it with a cache and a tracking store that are thrown away.
"""

import os
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from subprocess import CompletedProcess
from types import FrameType
from typing import TYPE_CHECKING, Any

from secondlook.config.dvc import run_dvc
from secondlook.config.errors import SecondLookError
from secondlook.config.processes import (
    build_environment,
    handle_signals,
    ignore_signals,
    make_temporary_folder,
    run_command,
    run_git,
)
from secondlook.config.yaml_files import parse_yaml
from secondlook.tracking.location import format_sqlite_uri

if TYPE_CHECKING:
    import psutil

# Hooks of the repository (`dvc install` adds some) would work on the workspace.
GIT_OPTIONS = ("-c", "core.hooksPath=/dev/null", "-c", "advice.detachedHead=false")
SCRATCH_PREFIX = "second-look-reproduce-"
LONGEST_END = 10.0  # seconds in which killed processes have to be gone
CLEANUP_SIGNALS = (signal.SIGTERM, signal.SIGHUP)  # besides Ctrl-C, which raises by itself


@contextmanager
def make_scratch_folder() -> Iterator[Path]:
    """Give an empty folder that is removed afterwards: on errors, Ctrl-C, SIGTERM and SIGHUP too.

    TMPDIR says where; it has to hold the images and the arrays made of them. What an earlier
    process left that was killed is removed first, and what still works there is ended.
    """
    with (
        handle_signals(_exit_on_signal, CLEANUP_SIGNALS),
        make_temporary_folder(SCRATCH_PREFIX, _end_orphans) as folder,
    ):
        yield folder


def _exit_on_signal(number: int, _: FrameType | None) -> None:
    sys.exit(128 + number)


def _end_orphans(folder: Path) -> None:
    """Kill what a killed process left at work in its scratch folder: nobody waits for it."""
    import psutil

    deadline = time.monotonic() + LONGEST_END
    while time.monotonic() < deadline:
        orphans = [each for each in psutil.process_iter() if _tracks_into(folder, each)]
        if not orphans:
            return
        for each in orphans:
            with suppress(psutil.Error):
                each.kill()
        psutil.wait_procs(orphans, timeout=1)  # one may have started another meanwhile: look again


def _tracks_into(folder: Path, process: "psutil.Process") -> bool:
    """Tell whether a process was started with the environment of a sandbox in the folder."""
    import psutil

    try:
        return process.environ().get("MLFLOW_TRACKING_URI") == _format_store_uri(folder)
    except (psutil.Error, OSError):  # gone, or of somebody else
        return False


def _format_store_uri(scratch: Path) -> str:
    """Return the MLflow store of what runs in a scratch folder: it is thrown away with it."""
    return format_sqlite_uri(scratch / "mlflow.db")


@contextmanager
def check_out_worktree(folder: Path, commit: str, difference: Path | None) -> Iterator[Path]:
    """Give the project (the current folder) as it was at `commit`, with a difference applied.

    It is checked out in `folder`, which must not exist; git forgets it afterwards. Raises
    SecondLookError when there is no git, no such commit, or the difference does not apply.
    """
    inside = _find_project_in_repository()
    _check_commit(commit)
    folder.parent.mkdir(parents=True, exist_ok=True)
    _forget_abandoned_worktrees()
    try:
        run_git(*GIT_OPTIONS, "worktree", "add", "--quiet", "--detach", str(folder), commit)
        if difference is not None:
            run_git("-C", str(folder), "apply", "--whitespace=nowarn", str(difference))
        yield folder / inside
    finally:
        with (
            ignore_signals([signal.SIGINT]),
            suppress(SecondLookError),
        ):  # it was perhaps not even added
            run_git("worktree", "remove", "--force", "--force", str(folder))


def _forget_abandoned_worktrees() -> None:
    """Let git forget worktrees in scratch folders that are gone, and no others."""
    scratch = Path(tempfile.gettempdir()).resolve() / SCRATCH_PREFIX
    for line in run_git("worktree", "list", "--porcelain").splitlines():
        path = line.removeprefix("worktree ")
        if path != line and path.startswith(str(scratch)) and not Path(path).exists():
            run_git("worktree", "remove", "--force", "--force", path)


def _find_project_in_repository() -> Path:
    """Return where in its repository the project is; SecondLookError when there is none."""
    if shutil.which("git") is None:
        raise SecondLookError("git: not found; install it, runs are made again from commits")
    return Path(run_git("rev-parse", "--show-prefix").strip())


def _check_commit(commit: str) -> None:
    """Raise SecondLookError when this clone does not have the commit."""
    try:
        run_git("cat-file", "-e", f"{commit}^{{commit}}")
    except SecondLookError:
        raise SecondLookError(
            f"commit {commit} is not in this clone; `git fetch` it (of a shallow clone: "
            "`git fetch --unshallow`) from where the run was made"
        ) from None


def resolve_revision(revision: str) -> str:
    """Return the commit that HEAD, a branch, a tag or the like names."""
    _check_commit(revision)
    return run_git("rev-parse", f"{revision}^{{commit}}").strip()


# Of whoever called us, perhaps from inside of git or DVC; the worktree has its own.
FOREIGN_VARIABLES = ("DVC_", "MLFLOW_", "GIT_DIR", "GIT_INDEX_FILE", "GIT_PREFIX", "GIT_WORK_TREE")
# Commits of before the library had a folder of its own have stages/ alone.
PYTHON_PROBE = "import sys, {0}; print(sys.prefix); print({0}.__file__)"
CACHE_REMOTE = "second-look-cache"  # the workspace's cache, as a remote: it is read, never written


@dataclass(frozen=True)
class Sandbox:
    """The project in a worktree, the scratch folder around it, and the workspace it is from."""

    project: Path
    scratch: Path
    workspace: Path

    @property
    def environment(self) -> dict[str, str]:
        """Return the environment variables that make `python` this one, with the worktree's code.

        What is tracked there goes to a store that is thrown away.
        """
        ours = {k: v for k, v in os.environ.items() if not k.startswith(FOREIGN_VARIABLES)}
        code = os.pathsep.join(filter(None, [str(self.project), ours.get("PYTHONPATH")]))
        store = _format_store_uri(self.scratch)
        shell = "/bin/sh"  # people's own may set another PATH
        return build_environment(ours, PYTHONPATH=code, MLFLOW_TRACKING_URI=store, SHELL=shell)

    def prepare(self) -> None:
        """Point DVC at a cache of its own and at the workspace's remotes; check the interpreter.

        Raises SecondLookError where .dvc/config cannot be read, or `python` is another one or
        finds other code than the worktree's.
        """
        _configure_dvc(self)
        python = shutil.which("python", path=self.environment["PATH"])
        package = next(name for name in ("secondlook", "stages") if (self.project / name).is_dir())
        asked = [python or sys.executable, "-c", PYTHON_PROBE.format(package)]
        done = run_command(asked, cwd=self.project, environment=self.environment, capture=True)
        found = done.stdout.split("\n")
        expected = [sys.prefix, str(self.project / package / "__init__.py")]
        if found[:2] != expected:
            raise SecondLookError(
                f"python: found {' with '.join(found[:2])}, expected {' with '.join(expected)}; "
                "activate the environment that Second Look is installed in"
            )

    def run_dvc(self, *arguments: str, capture: bool = False) -> CompletedProcess[str]:
        """Run dvc in the worktree; what it prints is shown, or returned."""
        return run_dvc(*arguments, cwd=self.project, environment=self.environment, capture=capture)

    @property
    def locked_stages(self) -> Mapping[str, Any]:
        """Return the stages of the worktree's dvc.lock by name; none where there is no file."""
        path = self.project / "dvc.lock"
        text = path.read_text(encoding="utf-8") if path.exists() else "stages: {}"
        found: Mapping[str, Any] = parse_yaml(text)["stages"]
        return found


def _configure_dvc(shop: Sandbox) -> None:
    """Write .dvc/config.local of the worktree, relative paths made absolute."""
    from dvc.config import Config, ConfigError

    try:
        ours = Config(str(shop.workspace / ".dvc"))
        cache = ours["cache"].get("dir") or shop.workspace / ".dvc" / "cache"
        remotes = {name: dict(remote) for name, remote in ours["remote"].items()}
        with Config(str(shop.project / ".dvc"), validate=False).edit("local") as config:
            config["remote"] = remotes | {CACHE_REMOTE: {"url": str(cache)}}
            config["cache"] = {
                "dir": str(shop.scratch / "cache"),
                "type": ["reflink", "hardlink", "copy"],
            }
            config["core"] = {
                "analytics": False,
                "check_update": False,
                "no_scm": True,  # else it would add to git, or tell people to
                "site_cache_dir": str(shop.scratch / "site"),
            }
    except ConfigError as error:
        raise SecondLookError(f".dvc/config: {' '.join(str(error).split())}") from error


def list_remotes(shop: Sandbox) -> list[str]:
    """Return the places that data may be in: the workspace's cache, then the default remote."""
    from dvc.config import Config

    ours = Config(str(shop.workspace / ".dvc"))
    default = ours["core"].get("remote")
    return [CACHE_REMOTE, *sorted(ours["remote"], key=lambda name: (name != default, name))]
