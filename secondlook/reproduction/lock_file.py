"""Why git shows dvc.lock as changed where nobody changed anything: other hardware, other bits."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from secondlook.config.errors import SecondLookError
from secondlook.config.processes import run_git
from secondlook.config.yaml_files import parse_yaml

LOCK_FILE = Path("dvc.lock")

Stages = Mapping[str, Mapping[str, Any]]  # of dvc.lock: cmd, deps, params and outs of each


def describe_lock_change() -> str | None:
    """Return a line on the stages that computed other bits here than where dvc.lock was committed.

    None where dvc.lock is the committed one, where code, parameters or data are not, so that
    nobody wonders, or outside of git.
    """
    try:
        committed, found = run_git("show", f"HEAD:./{LOCK_FILE}"), LOCK_FILE.read_text("utf-8")
    except (SecondLookError, OSError):
        return None
    if committed == found:
        return None
    names = find_machine_differences(_read_stages(committed), _read_stages(found))
    if not names:
        return None
    others = f" and {len(names) - 1} more" if len(names) > 1 else ""
    return (
        f"git shows {LOCK_FILE} as changed: from the same code, parameters and data, "
        f"{names[0]}{others} computed other bits here than where it was committed (another "
        "processor, or other libraries). Commit it to keep these results, or leave it."
    )


def find_machine_differences(committed: Stages, found: Stages) -> list[str]:
    """Return the stages that wrote something else out of the same inputs, in dvc.lock's order.

    None are returned where a command, a parameter or a file that no stage writes has changed.
    """
    outputs = {out["path"] for stage in found.values() for out in stage.get("outs", ())}
    if any(
        _describe_inputs(committed.get(name, {}), outputs)
        != _describe_inputs(found.get(name, {}), outputs)
        for name in committed.keys() | found.keys()
    ):
        return []
    return [
        name
        for name, stage in found.items()
        if _describe_inputs(stage) == _describe_inputs(committed[name])
        and stage.get("outs") != committed[name].get("outs")
    ]


def _describe_inputs(stage: Mapping[str, Any], without: set[str] | None = None) -> list[Any]:
    """Return the command, the parameters, and the files read, but for those named `without`."""
    read = [file for file in stage.get("deps", ()) if file["path"] not in (without or ())]
    return [stage.get("cmd"), stage.get("params"), read]


def _read_stages(text: str) -> Stages:
    stages: Stages = parse_yaml(text)["stages"]
    return stages
