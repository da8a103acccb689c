"""A small copy of the project in a repository of its own, for tests that run the real dvc."""

import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[1]
SMALL: dict[str, Any] = {
    "preprocess": {"height": 12, "width": 12},
    "train": {"filters": [4], "dense_units": [8], "epochs": 2},
    "runs": {"unweighted": {}, "weighted": {"class_weight": "balanced"}},
}


def build(folder: Path, changes: dict[str, Any] = SMALL) -> Path:
    """Copy what git knows of the project into `folder`, change params.yaml, and commit it."""
    listed = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(listed, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for name in names.splitlines():
        if name != "dvc.lock" and (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, folder / name)
    change(folder, changes)
    run(folder, "git", "init", "--quiet")
    commit(folder, "Start")
    return folder


def change(folder: Path, changes: dict[str, Any]) -> None:
    """Set keys of params.yaml; `runs` is replaced, other sections are updated."""
    path = folder / "params.yaml"
    params = yaml.safe_load(path.read_text(encoding="utf-8"))
    for section, values in changes.items():
        params[section] = values if section == "runs" else params[section] | values
    path.write_text(yaml.safe_dump(params, sort_keys=False), encoding="utf-8")


def commit(folder: Path, message: str) -> None:
    """Commit everything."""
    run(folder, "git", "add", "--all")
    author = ["-c", "user.name=test", "-c", "user.email=test@example.com"]
    run(folder, "git", *author, "commit", "--quiet", "--message", message)


def surroundings(folder: Path, **variables: str) -> dict[str, str]:
    """Return the environment of a command: bare, but for the variables given."""
    path = f"{Path(sys.executable).parent}:/usr/bin:/bin"
    return {"PATH": path, "HOME": str(folder.parent), "LANG": "C.UTF-8", **variables}


def run(folder: Path, *command: str, fails: bool = False, **variables: str) -> str:
    """Run a command in the folder and return what it printed, both streams together."""
    done = subprocess.run(
        command,
        cwd=folder,
        env=surroundings(folder, **variables),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if bool(done.returncode) != fails:
        raise AssertionError(f"{' '.join(command)}: exit {done.returncode}\n{done.stdout}")
    return done.stdout


def ran(printed: str) -> list[str]:
    """Return the stages that dvc ran, in order, from what it printed."""
    return re.findall(r"Running stage '([^']+)'", printed)
