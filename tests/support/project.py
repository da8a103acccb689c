"""A small copy of the project in a repository of its own, and commands that run in it.

The real dvc and the real stages run there; params.yaml is changed by `edit_params` alone.
"""

import io
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import venv
from collections.abc import Callable, Iterator
from contextlib import chdir, contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
import yaml
from filelock import FileLock

from secondlook.commands.cli import main
from secondlook.config.params import Params

ROOT = Path(__file__).parents[2]
# Folders as people call them, with what a shell, SQL or a URI gives a meaning.
ODD_NAMES = ('kate\'s "eights"', "what is %41?", "# élève 八")

SMALL_PARAMS: dict[str, Any] = {
    "preprocess": {"height": 12, "width": 12},
    "train": {"filters": [4], "dense_units": [8], "epochs": 2},
    "runs": {"unweighted": {}, "weighted": {"class_weight": "balanced"}},
}


def link_code(folder: Path) -> None:
    """Let a made-up project in `folder` have the code of this one, which its run keys name."""
    for package in ("stages", "secondlook"):
        if not (folder / package).exists():
            (folder / package).symlink_to(ROOT / package)


def build_project(folder: Path, changes: dict[str, Any] = SMALL_PARAMS) -> Path:
    """Copy what git knows of the project into `folder`, change params.yaml, and commit it."""
    listed = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(listed, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for name in names.splitlines():
        if name != "dvc.lock" and (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, folder / name)
    edit_params(folder, changes)
    run_command(folder, "git", "init", "--quiet")
    commit_all(folder, "Start")
    return folder


def make_fresh_python(folder: Path) -> Path:
    """Make an environment that has the libraries, and nothing of this project; return its Python.

    The libraries are those of the tests' environment, but not its link to this checkout: that one
    is followed from a .pth file, which counts in the environment's own folder alone.
    """
    venv.create(folder, symlinks=True)
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    libraries = folder / "lib" / version / "site-packages" / "libraries.pth"
    libraries.write_text(f"{sysconfig.get_path('purelib')}\n")
    return folder / "bin" / "python"


def build_finished_project(folder: Path) -> None:
    """Make the small project, run its pipeline, and commit; what dvc printed lies beside it."""
    build_project(folder)
    # Without the fork server: what that makes is held against it.
    printed = run_command(folder, "dvc", "repro", SECOND_LOOK_FORK_SERVER="")
    (folder.parent / "printed").write_text(printed, encoding="utf-8")
    commit_all(folder, "Finish")


def build_once(base: Path, name: str, build: Callable[[Path], object]) -> Path:
    """Return a project that the first worker to ask for it builds, and all share; to be copied.

    `base` is the folder that pytest gave to this worker; under xdist the workers' lie side by side.
    """
    shared = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / name
    shared.mkdir(exist_ok=True)
    with FileLock(shared / "lock"):
        if not (shared / "done").exists():
            shutil.rmtree(shared / "project", ignore_errors=True)
            build(shared / "project")
            (shared / "done").touch()
    return shared / "project"


def read_times(folder: Path) -> dict[str, int]:
    """Return when each file of a project was written."""
    return {str(path): path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file()}


def edit_params(folder: Path, changes: dict[str, Any]) -> None:
    """Set keys of params.yaml; `runs` is replaced, other sections are updated."""
    path = folder / "params.yaml"
    params = yaml.safe_load(path.read_text(encoding="utf-8"))
    for section, values in changes.items():
        params[section] = values if section == "runs" else params.get(section, {}) | values
    path.write_text(yaml.safe_dump(params, sort_keys=False), encoding="utf-8")


def commit_all(folder: Path, message: str) -> None:
    """Commit everything."""
    run_command(folder, "git", "add", "--all")
    author = ["-c", "user.name=test", "-c", "user.email=test@example.com"]
    run_command(folder, "git", *author, "commit", "--quiet", "--message", message)


# Variables of `run_command` by which stages under dvc find the fork server of this test worker.
SERVER: dict[str, str] = {}


def make_environment(folder: Path, **variables: str) -> dict[str, str]:
    """Return the environment of a command: bare, but for the variables given."""
    path = f"{Path(sys.executable).parent}:/usr/bin:/bin"
    bare = {"PATH": path, "HOME": str(folder.parent), "LANG": "C.UTF-8", "DVC_NO_ANALYTICS": "1"}
    return bare | variables


@contextmanager
def start_printing(
    folder: Path, *command: str, **variables: str
) -> "Iterator[subprocess.Popen[str]]":
    """Start a command in the folder, both streams together; it is killed if the block fails."""
    with subprocess.Popen(
        command,
        cwd=folder,
        env=make_environment(folder, **variables),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def run_command(folder: Path, *command: str, fails: bool = False, **variables: str) -> str:
    """Run a command in the folder and return what it printed, both streams together."""
    done = subprocess.run(
        command,
        cwd=folder,
        env=make_environment(folder, **(SERVER | variables)),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if bool(done.returncode) != fails:
        raise AssertionError(f"{' '.join(command)}: exit {done.returncode}\n{done.stdout}")
    return done.stdout


def run_stages(folder: Path, *runs: str) -> None:
    """Do as `dvc repro` does, in this process: for tests of what comes out of it."""
    middle = [(stage, run) for run in runs for stage in ("train", "evaluate")]
    for stage in [("split",), ("preprocess",), *middle, ("compare",), ("report",), ("track",)]:
        done = run_in_process(folder, *stage)
        assert done.returncode == 0, done.stderr


def list_stages_run(printed: str) -> list[str]:
    """Return the stages that dvc ran, in order, from what it printed."""
    return re.findall(r"Running stage '([^']+)'", printed)


@dataclass(frozen=True)
class CommandResult:
    """What came of a command."""

    returncode: int
    stdout: str
    stderr: str


def run_predict(folder: Path, *arguments: str, given: bytes = b"") -> CommandResult:
    """Return what came of `secondlook predict` in a folder; `given` is its standard input."""
    return run_in_process(folder, "predict", *arguments, given=given)


def run_in_process(folder: Path, *arguments: str, given: bytes = b"") -> CommandResult:
    """Return what came of a command of Second Look, in this process, which has the libraries."""
    out, err, code = io.StringIO(), io.StringIO(), 0
    stdin = io.TextIOWrapper(io.BytesIO(given))
    argv = patch.multiple(sys, argv=["secondlook", *arguments], stdin=stdin)
    with chdir(folder), argv, redirect_stdout(out), redirect_stderr(err):
        try:
            main()
        except SystemExit as leaving:
            code = int(leaving.code or 0)
    return CommandResult(code, out.getvalue(), err.getvalue())


SHARED_DATA = Path(os.environ.get("SECOND_LOOK_SHARED", ROOT.parent / "shared")) / "data"


def unpack_tar(archive: Path, folder: Path) -> None:
    """Unpack an archive into a folder, by tar itself: nothing that it names lands elsewhere.

    Python's own unpacking is as careful from 3.11.4 on; the project's Pythons begin before that.
    """
    folder.mkdir(exist_ok=True)
    command = ["tar", "--extract", "--file", str(archive.absolute())]
    subprocess.run(command, cwd=folder, check=True)


def skip_or_fail(what: str) -> None:
    """Skip the test for want of something; where nothing may be skipped (.ci/run), fail it."""
    if os.environ.get("SECOND_LOOK_SKIPS_NOTHING"):
        pytest.fail(what)
    pytest.skip(what)


@contextmanager
def enter_project(folder: Path) -> Iterator[Path]:
    """Make a folder a project that holds params.yaml and dvc.yaml alone, and enter it."""
    for name in ("params.yaml", "dvc.yaml"):
        (folder / name).write_bytes((ROOT / name).read_bytes())
    with chdir(folder):
        yield folder


def make_params(**sections: dict[str, Any]) -> Params:
    """Return the project's own parameters with the given keys of the given sections changed.

    Each section is checked by itself; what must hold between them need not.
    """
    whole = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    params = Params.model_validate(whole)
    changed = {
        name: type(getattr(params, name)).model_validate(whole[name] | changes)
        for name, changes in sections.items()
    }
    return params.model_copy(update=changed)


def copy_project(project: Path, folder: Path) -> Path:
    """Return a copy of a project in a folder."""
    return Path(shutil.copytree(project, folder / "project", symlinks=True))
