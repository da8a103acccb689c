"""The stages `evaluate`, `compare` and `report` on a million test predictions of ten classes.

Six runs, whose predictions are invented; every stage runs whole, by its own command, one after
the other as `dvc repro` has them. Memory is the most that any of them held, see peak_memory.py.
Targets: 60 s and 4 GiB in total, and a page under 5 MB.
"""

from pathlib import Path

from benchmarks.measuring import Measurement, time_action
from benchmarks.peak_memory import MEGABYTE, measure_peak_memory
from benchmarks.photographs import enter_quietly
from secondlook.config.params import load_params
from tests.support import report
from tests.support.project import build_project

TIMES = 2
CLASSES = [f"class {i}" for i in range(10)]
COUNTS = {"train": 100, "validation": 100_000, "test": 1_000_000}


def measure(folder: Path) -> list[Measurement]:
    """Invent the predictions once; evaluate, compare and report them a few times."""
    project = build_project(folder / "project", changes={})
    runs = list(load_params().runs)
    with enter_quietly(project):
        skills = {name: 1.0 + i / 2 for i, name in enumerate(runs)}
        report.write_evaluated_runs(CLASSES, None, skills, COUNTS)
    return measure_stages(project, runs, "a million predictions of six runs", TIMES, at_most=60)


def measure_stages(
    project: Path, runs: list[str], what: str, times: int, at_most: float
) -> list[Measurement]:
    """Return seconds and memory of all stages, run so many times, and the size of the page."""
    spent, peaks = zip(*(_run_stages(project, runs) for _ in range(times)), strict=True)
    page = (project / "data" / "report" / "report.html").stat().st_size / MEGABYTE
    return [
        Measurement(what, list(spent), "s", at_most=at_most),
        Measurement("peak memory", list(peaks), "MB", at_most=4096, digits=0),
        Measurement("report.html", [page], "MB", at_most=5),
    ]


def _run_stages(project: Path, runs: list[str]) -> tuple[float, float]:
    """Return the seconds that all stages took, and the most megabytes one of them held."""
    peaks: list[float] = []
    stages = [*(("evaluate", name) for name in runs), ("compare",), ("report",)]
    whole = time_action(
        lambda: peaks.extend(measure_peak_memory(project, stage) for stage in stages)
    )
    return whole, max(peaks)
