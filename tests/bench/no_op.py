"""A `dvc repro` that finds nothing to do, against the same with empty commands.

The same project, with the same files and the same records of what made them; only that every
command is `true`. What ours takes more is the tracking check, which always runs. No target.
"""

import shutil
from pathlib import Path

import yaml

from stages.core.params import load
from tests.bench.lines import Line, ratio
from tests.bench.turns import in_turn, seconds
from tests.pipeline_builder import build, run

TIMES = 7


def measure(folder: Path) -> list[Line]:
    """Reproduce the project once, with one epoch a run, and let both find nothing to do."""
    runs = {name: change | {"epochs": 1} for name, change in load().runs.items()}
    project = build(folder / "project", {"runs": runs})
    run(project, "dvc", "repro")
    empty = emptied(project, folder / "empty")
    ours, nothing = in_turn(
        TIMES,
        lambda: seconds(lambda: run(project, "dvc", "repro")),
        lambda: seconds(lambda: run(empty, "dvc", "repro")),
    )
    return [
        Line("dvc repro with nothing to do", ours, "s", digits=2),
        Line("the same with empty commands", nothing, "s", digits=2),
        ratio("ours : empty", ours, nothing),
    ]


def emptied(project: Path, folder: Path) -> Path:
    """Return a copy of a project that is up to date, with commands that do nothing."""
    shutil.copytree(project, folder, symlinks=True)
    wiring = folder / "dvc.yaml"
    stages = yaml.safe_load(wiring.read_text(encoding="utf-8"))
    for stage in stages["stages"].values():
        stage.get("do", stage)["cmd"] = "true"
    wiring.write_text(yaml.safe_dump(stages, sort_keys=False), encoding="utf-8")
    run(folder, "dvc", "commit", "--force", "--quiet")
    return folder
