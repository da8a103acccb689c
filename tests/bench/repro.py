"""The default `dvc repro` from nothing, against a bare script that trains the same runs.

The script (bare.py) trains in one process, on arrays that are ready, and does nothing else: no
curves beyond Keras's own, no predictions, no report, no MLflow. Target: at most 2.0 times.
The six trainings of the pipeline import TensorFlow six times, the script once; what that alone
costs is told apart.
"""

import itertools
import sys
from pathlib import Path

from stages.core.params import load
from tests.bench.lines import Line, ratio
from tests.bench.turns import in_turn, seconds
from tests.pipeline_builder import build, run

TIMES = 3
IMPORTS = "import tensorflow, keras"


def measure(folder: Path) -> list[Line]:
    """Take turns; every `dvc repro` has a fresh copy of the project, the script works in it."""
    numbers = itertools.count()
    project = folder / "none yet"

    def repro() -> float:
        nonlocal project
        project = build(folder / f"project{next(numbers)}", changes={})
        return seconds(lambda: run(project, "dvc", "repro"))

    def bare() -> float:
        return seconds(lambda: run(project, "python", "-m", "tests.bench.bare"))

    def imports() -> float:
        return seconds(lambda: run(project, sys.executable, "-c", IMPORTS))

    return lines(*in_turn(TIMES, repro, bare, imports))


def lines(repro: list[float], bare: list[float], imports: list[float]) -> list[Line]:
    """Return the times, their ratio, and what it would be with one import for all trainings."""
    processes = len(load().runs)
    spared = [whole - (processes - 1) * one for whole, one in zip(repro, imports, strict=True)]
    spent = [processes * one for one in imports]
    return [
        Line("dvc repro from nothing", repro, "s"),
        Line("bare script", bare, "s"),
        ratio("repro : bare", repro, bare, at_most=2.0),
        Line("one import of tensorflow and keras", imports, "s"),
        ratio(f"share of repro that is its {processes} imports", spent, repro),
        ratio("repro : bare, had repro imported once", spared, bare),
    ]
