"""Forty runs of one epoch with two at once, against their trainings alone; and what DVC costs.

The trainings alone: the stage `train` run by hand, of some of the runs, without dvc. Two at once on
two cores would take half of their sum. What DVC itself costs a stage is taken from forty runs whose
stages are a line of shell each.
"""

import shutil
from pathlib import Path

from benchmarks.measuring import Measurement, time_action
from tests.support.project import build_project, run_command
from tests.support.shell_pipeline import build_shell_project

RUNS = 40
ALONE = 5  # of the trainings, to tell what all take
AT_ONCE = ("python", "-m", "stages", "repro", "--jobs", "2")


def measure(folder: Path) -> list[Measurement]:
    """Train all at once, then some alone in the same project, and time the shell project."""
    runs = {f"run_{number:02}": {"seed": number} for number in range(RUNS)}
    changes = {"train": {"epochs": 1}, "runs": runs, "report": {"reference": "run_00"}}
    project = build_project(folder / "project", changes=changes)
    run_command(project, "dvc", "repro", "preprocess")
    whole = time_action(lambda: run_command(project, *AT_ONCE))
    alone = [_train_alone(project, run) for run in list(runs)[:ALONE]]
    half = RUNS * sum(alone) / ALONE / 2
    return [
        Measurement(f"{RUNS} runs of one epoch, two at once, to the end", [whole], "s"),
        Measurement("one of their trainings alone", alone, "s"),
        Measurement(
            "whole : half the sum of the trainings", [whole / half], "", at_most=1.5, digits=2
        ),
        Measurement("DVC's own, a stage", [_measure_dvc(folder)], "s", digits=2),
    ]


def _train_alone(project: Path, run: str) -> float:
    shutil.rmtree(project / "data" / "train" / run)
    return time_action(lambda: run_command(project, "python", "-m", "stages", "train", run))


def _measure_dvc(folder: Path) -> float:
    """Return the seconds that dvc takes for a stage which does nothing, one after the other."""
    runs = tuple(f"run_{number:02}" for number in range(RUNS))
    project = build_shell_project(folder / "shell" / "project", runs)
    stages = [f"{stage}@{run}" for stage in ("train", "evaluate") for run in runs]
    run_command(project, "dvc", "repro", "preprocess")
    return time_action(lambda: run_command(project, "dvc", "repro", *stages)) / len(stages)
