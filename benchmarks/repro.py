"""The default `dvc repro` from nothing, against a bare script that trains the same runs.

The script (bare_training.py) trains in one process, on ready arrays, and does nothing else: no
curves beyond Keras's own, no predictions, no report, no MLflow. Target: at most 1.8 times, and 1.3
times with two runs at once (`secondlook repro --jobs 2`) on two cores. The six trainings of the
pipeline import TensorFlow six times, the script once; what that alone costs is told apart.
"""

import itertools
import sys
from pathlib import Path

from benchmarks.measuring import Measurement, compute_ratio, measure_in_turn, time_action
from secondlook.config.params import load_params
from tests.support.project import build_project, run_command

TIMES = 3
IMPORTS = "import tensorflow, keras"
AT_ONCE = ("python", "-m", "stages", "repro", "--jobs", "2")


def measure(folder: Path) -> list[Measurement]:
    """Take turns; every repro has a fresh copy of the project, the script works in the last."""
    numbers = itertools.count()
    project = folder / "none yet"

    def reproduce(*command: str) -> float:
        nonlocal project
        project = build_project(folder / f"project{next(numbers)}", changes={})
        return time_action(lambda: run_command(project, *command))

    def repro() -> float:
        return reproduce("dvc", "repro")

    def at_once() -> float:
        return reproduce(*AT_ONCE)

    def bare() -> float:
        return time_action(lambda: run_command(project, "python", "-m", "benchmarks.bare_training"))

    def imports() -> float:
        return time_action(lambda: run_command(project, sys.executable, "-c", IMPORTS))

    return make_measurements(*measure_in_turn(TIMES, repro, at_once, bare, imports))


def make_measurements(
    repro: list[float], at_once: list[float], bare: list[float], imports: list[float]
) -> list[Measurement]:
    """Return the times, their ratios, and what one would be with one import for all trainings."""
    processes = len(load_params().runs)
    spared = [whole - (processes - 1) * one for whole, one in zip(repro, imports, strict=True)]
    spent = [processes * one for one in imports]
    return [
        Measurement("dvc repro from nothing", repro, "s"),
        Measurement("secondlook repro --jobs 2 from nothing", at_once, "s"),
        Measurement("bare script", bare, "s"),
        compute_ratio("repro : bare", repro, bare, at_most=1.8),
        compute_ratio("repro --jobs 2 : bare, on two cores", at_once, bare, at_most=1.3),
        Measurement("one import of tensorflow and keras", imports, "s"),
        compute_ratio(f"share of repro that is its {processes} imports", spent, repro),
        compute_ratio("repro : bare, had repro imported once", spared, bare),
    ]
