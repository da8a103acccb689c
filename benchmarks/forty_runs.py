"""The stages `evaluate`, `compare` and `report` on a sweep: forty runs of a hundred classes.

Their predictions for 5,000 validation and 10,000 test images, as many as CIFAR-100 has to test
with, are invented; every stage runs whole, by its own command, one after the other as `dvc repro`
has them. Memory is the most that any of them held, see peak_memory.py.
Targets: 90 s and 4 GiB in total, and a page under 5 MB.
"""

from pathlib import Path

from benchmarks.measuring import Measurement
from benchmarks.million_predictions import measure_stages
from benchmarks.photographs import enter_quietly
from secondlook.config.params import load_params
from tests.support import report
from tests.support.project import build_project

RUNS = 40
CLASSES = [f"class {i}" for i in range(100)]
COUNTS = {"train": 1_000, "validation": 5_000, "test": 10_000}


def measure(folder: Path) -> list[Measurement]:
    """Invent the predictions once, 40 to 90 % of them right; evaluate, compare and report them."""
    project = build_project(folder / "project", changes={})
    skills = {f"trial-{i}": 2.5 + 1.5 * i / RUNS for i in range(RUNS)}
    sweep = [{"dropout": round(0.02 * i, 2)} for i in range(RUNS)]
    with enter_quietly(project):
        report.write_evaluated_runs(CLASSES, None, skills, COUNTS, changes=sweep)
        runs = list(load_params().runs)
    return measure_stages(project, runs, "forty runs of a hundred classes", times=1, at_most=90)
