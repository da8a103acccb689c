"""A `dvc repro` that finds nothing to do, against the same with empty commands.

The same project, with the same files and the same records of what made them; only that every
command is `true`. What ours takes more is the tracking check, which always runs. No target.
"""

import shutil
from pathlib import Path

import yaml

from benchmarks.measuring import Measurement, compute_ratio, measure_in_turn, time_action
from secondlook.config.params import load_params
from tests.support.project import build_project, run_command

TIMES = 7


def measure(folder: Path) -> list[Measurement]:
    """Reproduce the project once, with one epoch a run, and let both find nothing to do."""
    runs = {name: change | {"epochs": 1} for name, change in load_params().runs.items()}
    project = build_project(folder / "project", {"runs": runs})
    run_command(project, "dvc", "repro")
    empty = copy_with_empty_commands(project, folder / "empty")
    ours, nothing = measure_in_turn(
        TIMES,
        lambda: time_action(lambda: run_command(project, "dvc", "repro")),
        lambda: time_action(lambda: run_command(empty, "dvc", "repro")),
    )
    return [
        Measurement("dvc repro with nothing to do", ours, "s", digits=2),
        Measurement("the same with empty commands", nothing, "s", digits=2),
        compute_ratio("ours : empty", ours, nothing),
    ]


def copy_with_empty_commands(project: Path, folder: Path) -> Path:
    """Return a copy of a project that is up to date, with commands that do nothing."""
    shutil.copytree(project, folder, symlinks=True)
    wiring = folder / "dvc.yaml"
    stages = yaml.safe_load(wiring.read_text(encoding="utf-8"))
    for stage in stages["stages"].values():
        stage.get("do", stage)["cmd"] = "true"
    wiring.write_text(yaml.safe_dump(stages, sort_keys=False), encoding="utf-8")
    run_command(folder, "dvc", "commit", "--force", "--quiet")
    return folder
