"""The stages `evaluate`, `compare` and `report` on a million test predictions of ten classes.

Six runs, whose predictions are invented; every stage runs whole, by its own command, one after
the other as `dvc repro` has them. Memory is the most that any of them held, see memory.py.
Targets: 60 s and 4 GiB in total, and a page under 5 MB.
"""

from pathlib import Path

from stages.core.params import load
from tests import report_builder
from tests.bench.lines import Line
from tests.bench.memory import MEGABYTE, peak
from tests.bench.projects import inside
from tests.bench.turns import seconds
from tests.pipeline_builder import build

TIMES = 2
CLASSES = [f"class {i}" for i in range(10)]
COUNTS = {"train": 100, "validation": 100_000, "test": 1_000_000}


def measure(folder: Path) -> list[Line]:
    """Invent the predictions once; evaluate, compare and report them a few times."""
    project = build(folder / "project", changes={})
    runs = list(load().runs)
    with inside(project):
        skills = {name: 1.0 + i / 2 for i, name in enumerate(runs)}
        report_builder.build(CLASSES, None, skills, COUNTS)
    times, peaks = zip(*(taken(project, runs) for _ in range(TIMES)), strict=True)
    page = (project / "data" / "report" / "report.html").stat().st_size / MEGABYTE
    return [
        Line("a million predictions of six runs", list(times), "s", at_most=60),
        Line("peak memory", list(peaks), "MB", at_most=4096, digits=0),
        Line("report.html", [page], "MB", at_most=5),
    ]


def taken(project: Path, runs: list[str]) -> tuple[float, float]:
    """Return the seconds that all stages took, and the most megabytes one of them held."""
    peaks: list[float] = []
    stages = [*(("evaluate", name) for name in runs), ("compare",), ("report",)]
    whole = seconds(lambda: peaks.extend(peak(project, stage) for stage in stages))
    return whole, max(peaks)
