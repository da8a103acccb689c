"""What a tracked run says it came from, and the params.yaml to run it again with."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from secondlook.artifacts import files
from secondlook.config.errors import TrackingError
from secondlook.config.yaml_files import format_yaml, load_yaml
from secondlook.config.yaml_schema import PARAMS_FILE, format_choices
from secondlook.tracking.lookup import TrackedRun

SOURCE_ARTIFACTS = "source"
TRUNCATED_MARK = b"# "  # what `track` writes in place of a difference that is too long to keep
SHORT_DIGEST = 8  # characters of a commit or a digest that people read


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
    def load(cls, run: TrackedRun) -> Self:
        """Read what was kept; TrackingError where that does not suffice to make the run again."""
        commit = run.tags.get("mlflow.source.git.commit")
        if commit is None:
            raise _build_error(run, "was tracked outside of git: its code is not known")
        lock, name = _load_source_file(run, "dvc.lock")["stages"], run.names[0]
        needed = {"split", "preprocess", f"train@{name}", f"evaluate@{name}"}
        if missing := sorted(needed - lock.keys()):
            raise _build_error(
                run, f"has a dvc.lock without {format_choices(missing)}; it says too little"
            )
        return cls(
            id=run.id,
            name=name,
            commit=commit,
            experiment=run.tags.get("second_look.dvc.experiment"),
            folder=run.folder,
            params=_load_source_file(run, "params.yaml"),
            lock=lock,
            environment=_load_environment(run.folder / "environment.json"),
        )

    @property
    def difference(self) -> Path | None:
        """Return the file with what was not committed, None where everything was.

        Raises TrackingError where it was too long to be kept.
        """
        path = self.folder / SOURCE_ARTIFACTS / "uncommitted.diff"
        if not path.exists():
            return None
        if path.read_bytes().startswith(TRUNCATED_MARK):
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
    def backbone(self) -> Mapping[str, Any] | None:
        """Return the name and the sha256 of the pretrained weights it began with, if with any."""
        told: Mapping[str, Any] | None = (self.params["runs"][self.name] or {}).get("backbone")
        return told

    @property
    def description(self) -> str:
        """Return in words which run this is and what it came from."""
        dirty = " and its uncommitted changes" if self.difference else ""
        experiment = f", experiment {self.experiment}" if self.experiment else ""
        return (
            f"run {self.name} ({self.id}{experiment}) of commit {self.commit[:SHORT_DIGEST]}{dirty}"
        )


def _load_source_file(run: TrackedRun, name: str) -> Mapping[str, Any]:
    path = run.folder / SOURCE_ARTIFACTS / name
    if not path.exists():
        raise _build_error(
            run, f"has no artifact {SOURCE_ARTIFACTS}/{name}; `dvc repro` there adds it"
        )
    found: Mapping[str, Any] = load_yaml(path)
    return found


def _load_environment(path: Path) -> Mapping[str, str] | None:
    found: Mapping[str, str] | None = files.read_json(path) if path.exists() else None
    return found


def _build_error(run: TrackedRun, reason: str) -> TrackingError:
    return TrackingError(f"the run {run.id} {reason}")


ParamsTree = Mapping[str, Any]
# What determines the predictions and numbers of a run, besides its entry of `runs`.
RUN_SECTIONS = ("data", "split", "preprocess", "train", "evaluate")
NEVER_LIVE = 1e9  # seconds: nobody watches the epochs of a rerun in MLflow


def merge_params(then: ParamsTree, now: ParamsTree, name: str) -> dict[str, Any]:
    """Return today's parameters with the values that the run `name` had, for the keys of today.

    Keys that there are no more are left out; those that are new keep today's value.
    """
    kept = {
        section: {key: then.get(section, {}).get(key, value) for key, value in now[section].items()}
        for section in RUN_SECTIONS
    }
    alone = {"runs": {name: then["runs"][name]}, "report": now["report"] | {"reference": name}}
    return {**now, **kept, **alone}


def list_unknown_params(then: ParamsTree, now: ParamsTree) -> list[str]:
    """Return the keys that the run had and today's code does not know."""
    sections = {name: then.get(name, {}).keys() - now[name].keys() for name in RUN_SECTIONS}
    return [f"{name}.{key}" for name, keys in sections.items() for key in sorted(keys)]


def write_params(params: ParamsTree, project: Path) -> None:
    """Write params.yaml into a project, with live tracking off."""
    track = params.get("track", {})
    if "live_after" in track:
        params = {**params, "track": {**track, "live_after": NEVER_LIVE}}
    text = format_yaml(params)
    (project / PARAMS_FILE).write_text(text, encoding="utf-8")


def read_params(project: Path) -> dict[str, Any]:
    """Return params.yaml of a project as it stands."""
    found: dict[str, Any] = load_yaml(project / PARAMS_FILE)
    return found
