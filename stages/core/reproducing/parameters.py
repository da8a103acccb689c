"""The params.yaml that a rerun works with."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from stages.core.validation import FILE

Tree = Mapping[str, Any]
# What determines the predictions and numbers of a run, besides its entry of `runs`.
SECTIONS = ("data", "split", "preprocess", "train", "evaluate")
NEVER = 1e9  # seconds: nobody watches the epochs of a rerun in MLflow


def merged(then: Tree, now: Tree, name: str) -> dict[str, Any]:
    """Return today's parameters with the values that the run `name` had, for the keys of today.

    Keys that there are no more are left out; those that are new keep today's value.
    """
    kept = {
        section: {key: then.get(section, {}).get(key, value) for key, value in now[section].items()}
        for section in SECTIONS
    }
    alone = {"runs": {name: then["runs"][name]}, "report": now["report"] | {"reference": name}}
    return {**now, **kept, **alone}


def dropped(then: Tree, now: Tree) -> list[str]:
    """Return the keys that the run had and today's code does not know."""
    sections = {name: then.get(name, {}).keys() - now[name].keys() for name in SECTIONS}
    return [f"{name}.{key}" for name, keys in sections.items() for key in sorted(keys)]


def write(params: Tree, project: Path) -> None:
    """Write params.yaml into a project, with live tracking off."""
    track = params.get("track", {})
    if "live_after" in track:
        params = {**params, "track": {**track, "live_after": NEVER}}
    text = yaml.safe_dump(dict(params), sort_keys=False, allow_unicode=True)
    (project / FILE).write_text(text, encoding="utf-8")


def read(project: Path) -> dict[str, Any]:
    """Return params.yaml of a project as it stands."""
    found: dict[str, Any] = yaml.safe_load((project / FILE).read_text(encoding="utf-8"))
    return found
