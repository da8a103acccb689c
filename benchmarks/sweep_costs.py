"""A sweep of forty trials of one epoch with two at once, against their trainings alone.

The trainings alone: the stage `trial` run by hand, of some of the trials, without dvc. Two at once
on two cores would take half of their sum; the rest is DVC's own share, and the sweep's.
"""

import shutil
from pathlib import Path

from benchmarks.measuring import Measurement, time_action
from tests.support.project import build_project, edit_params, run_command

TRIALS = 40
ALONE = 5  # of the trainings, to tell what all take
SWEEP = {
    "of": "unweighted",
    "search": {"learning_rate": {"low": 0.0001, "high": 0.01, "log": True}},
    "trials": TRIALS,
    "method": "random",
    "seed": 1,
}


def measure(folder: Path) -> list[Measurement]:
    """Sweep, then train some of the trials alone in the same project, and sweep again."""
    project = build_project(folder / "project", changes={"train": {"epochs": 1}})
    edit_params(project, {"sweeps": {"rates": SWEEP}})
    run_command(project, "dvc", "repro", "preprocess")
    sweep = ("python", "-m", "stages", "sweep", "rates", "--jobs", "2")
    whole = time_action(lambda: run_command(project, *sweep))
    alone = [_train_alone(project, f"rates-{number:02}") for number in range(1, ALONE + 1)]
    half = TRIALS * sum(alone) / ALONE / 2
    again = time_action(lambda: run_command(project, *sweep))
    return [
        Measurement(f"a sweep of {TRIALS} trials of one epoch, two at once", [whole], "s"),
        Measurement("one of its trainings alone", alone, "s"),
        Measurement(
            "DVC's and the sweep's share of the time", [100 * (1 - half / whole)], "%", digits=0
        ),
        Measurement("the same again, nothing to train", [again], "s"),
    ]


def _train_alone(project: Path, trial: str) -> float:
    shutil.rmtree(project / "data" / "trial" / trial)
    return time_action(lambda: run_command(project, "python", "-m", "stages", "trial", trial))
