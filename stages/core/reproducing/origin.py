"""What a tracked run says it came from."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import yaml

from stages.core import files
from stages.core.errors import TrackingError
from stages.core.tracking import Tracked
from stages.core.validation import one_of

SOURCE = "source"
TOO_LONG = b"# "  # what `track` writes in place of a difference that is too long to keep
SHORT = 8  # characters of a commit or a digest that people read


@dataclass(frozen=True)
class Origin:
    """A run, its commit, and the folder that holds what MLflow kept of it.

    `name` is its entry of `runs:`, `params` its params.yaml, `lock` the stages of its dvc.lock by
    name, `environment` None where its training was not seen by the project that tracked it.
    """

    id: str
    name: str
    commit: str
    experiment: str | None
    folder: Path
    params: Mapping[str, Any]
    lock: Mapping[str, Any]
    environment: Mapping[str, str] | None

    @classmethod
    def of(cls, run: Tracked) -> Self:
        """Read what was kept; TrackingError where that does not suffice to make the run again."""
        commit = run.tags.get("mlflow.source.git.commit")
        if commit is None:
            raise _insufficient(run, "was tracked outside of git: its code is not known")
        lock, name = _source(run, "dvc.lock")["stages"], run.names[0]
        needed = {"split", "preprocess", f"train@{name}", f"evaluate@{name}"}
        if missing := sorted(needed - lock.keys()):
            raise _insufficient(
                run, f"has a dvc.lock without {one_of(missing)}; it says too little"
            )
        return cls(
            id=run.id,
            name=name,
            commit=commit,
            experiment=run.tags.get("second_look.dvc.experiment"),
            folder=run.folder,
            params=_source(run, "params.yaml"),
            lock=lock,
            environment=_environment(run.folder / "environment.json"),
        )

    @property
    def difference(self) -> Path | None:
        """Return the file with what was not committed, None where everything was.

        Raises TrackingError where it was too long to be kept.
        """
        path = self.folder / SOURCE / "uncommitted.diff"
        if not path.exists():
            return None
        if path.read_bytes().startswith(TOO_LONG):
            raise TrackingError(
                f"the run {self.id} came from a tree whose uncommitted changes were too long to "
                "keep; only the commit is known; commit before `dvc repro`"
            )
        return path

    @property
    def path(self) -> str:
        """Return data.path: the images as its project named them."""
        return os.path.normpath(str(self.params["data"]["path"]))

    @property
    def images(self) -> Mapping[str, Any]:
        """Return what dvc.lock says of the images: md5, size in bytes, nfiles."""
        deps: list[Mapping[str, Any]] = self.lock["split"]["deps"]
        return next(dep for dep in deps if os.path.normpath(dep["path"]) == self.path)

    @property
    def told(self) -> str:
        """Return in words which run this is and what it came from."""
        dirty = " and its uncommitted changes" if self.difference else ""
        experiment = f", experiment {self.experiment}" if self.experiment else ""
        return f"run {self.name} ({self.id}{experiment}) of commit {self.commit[:SHORT]}{dirty}"


def _source(run: Tracked, name: str) -> Mapping[str, Any]:
    path = run.folder / SOURCE / name
    if not path.exists():
        raise _insufficient(run, f"has no artifact {SOURCE}/{name}; `dvc repro` there adds it")
    found: Mapping[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return found


def _environment(path: Path) -> Mapping[str, str] | None:
    found: Mapping[str, str] | None = files.read_json(path) if path.exists() else None
    return found


def _insufficient(run: Tracked, reason: str) -> TrackingError:
    return TrackingError(f"the run {run.id} {reason}")
