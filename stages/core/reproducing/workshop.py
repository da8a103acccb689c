"""DVC at work in a worktree: everything it writes stays in the scratch folder."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from stages.core.errors import SecondLookError

# Of whoever called us, perhaps from inside of git or DVC; the worktree has its own.
FOREIGN = ("DVC_", "MLFLOW_", "GIT_DIR", "GIT_INDEX_FILE", "GIT_PREFIX", "GIT_WORK_TREE")
PROBE = "import sys, stages; print(sys.prefix); print(stages.__file__)"
CACHE = "second-look-cache"  # the workspace's cache, as a remote: it is read, never written


@dataclass(frozen=True)
class Workshop:
    """The project in a worktree, the scratch folder around it, and the workspace it is from."""

    project: Path
    scratch: Path
    workspace: Path

    @property
    def environ(self) -> dict[str, str]:
        """Return the environment variables that make `python` this one, with the worktree's code.

        What is tracked there goes to a store that is thrown away.
        """
        ours = {k: v for k, v in os.environ.items() if not k.startswith(FOREIGN)}
        path = f"{Path(sys.executable).parent}{os.pathsep}{ours.get('PATH', os.defpath)}"
        code = os.pathsep.join(filter(None, [str(self.project), ours.get("PYTHONPATH")]))
        store = f"sqlite:///{self.scratch / 'mlflow.db'}"
        told = {"PATH": path, "PYTHONPATH": code, "MLFLOW_TRACKING_URI": store}
        return ours | told | {"SHELL": "/bin/sh"}  # people's own may set another PATH

    def prepare(self) -> None:
        """Point DVC at a cache of its own and at the workspace's remotes; check the interpreter.

        Raises SecondLookError where .dvc/config cannot be read, or `python` is another one or
        finds other code than the worktree's.
        """
        configure(self)
        python = shutil.which("python", path=self.environ["PATH"])
        asked = [python or sys.executable, "-c", PROBE]
        found = self.run(asked, capture=True).stdout.split("\n")
        expected = [sys.prefix, str(self.project / "stages" / "__init__.py")]
        if found[:2] != expected:
            raise SecondLookError(
                f"python: found {' with '.join(found[:2])}, expected {' with '.join(expected)}; "
                "activate the environment that Second Look is installed in"
            )

    def dvc(self, *arguments: str, capture: bool = False) -> "subprocess.CompletedProcess[str]":
        """Run dvc in the worktree; what it prints is shown, or returned."""
        return self.run([sys.executable, "-m", "dvc", *arguments], capture=capture)

    def run(self, command: list[str], *, capture: bool) -> "subprocess.CompletedProcess[str]":
        """Run a command in the worktree, in a session that ends with us.

        Ctrl-C thus reaches us alone, and none of its children writes into a folder that goes.
        """
        pipe = subprocess.PIPE if capture else None
        with subprocess.Popen(
            command,
            cwd=self.project,
            env=self.environ,
            stdout=pipe,
            stderr=pipe,
            text=True,
            start_new_session=True,
        ) as process:
            try:
                out, err = process.communicate()
            except BaseException:
                os.killpg(process.pid, signal.SIGKILL)
                raise
        return subprocess.CompletedProcess(command, process.returncode, out or "", err or "")

    @property
    def lock(self) -> Mapping[str, Any]:
        """Return the stages of the worktree's dvc.lock by name; none where there is no file."""
        path = self.project / "dvc.lock"
        text = path.read_text(encoding="utf-8") if path.exists() else "stages: {}"
        found: Mapping[str, Any] = yaml.safe_load(text)["stages"]
        return found


def configure(shop: Workshop) -> None:
    """Write .dvc/config.local of the worktree, relative paths made absolute."""
    from dvc.config import Config, ConfigError

    try:
        ours = Config(str(shop.workspace / ".dvc"))
        cache = ours["cache"].get("dir") or shop.workspace / ".dvc" / "cache"
        remotes = {name: dict(remote) for name, remote in ours["remote"].items()}
        with Config(str(shop.project / ".dvc"), validate=False).edit("local") as config:
            config["remote"] = remotes | {CACHE: {"url": str(cache)}}
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


def remotes(shop: Workshop) -> list[str]:
    """Return the places that data may be in: the workspace's cache, then the default remote."""
    from dvc.config import Config

    ours = Config(str(shop.workspace / ".dvc"))
    default = ours["core"].get("remote")
    return [CACHE, *sorted(ours["remote"], key=lambda name: (name != default, name))]
