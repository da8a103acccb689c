"""Time and peak memory of each stage at ten thousand, a hundred thousand and a million images.

Pictures of 32 x 32 in ten class folders, and two runs of one epoch of a small dense network, each
stage by its own command; of what is done for each run, the first is told. Memory as in
peak_memory.py: what a process cannot give back. Target: ten times the images take at most ten
times the time.
"""

from pathlib import Path
from typing import Any

from benchmarks.many_images import write_pictures
from benchmarks.measuring import Measurement, time_action
from benchmarks.peak_memory import measure_peak_memory
from tests.support.project import build_project, run_command

COUNTS = (10_000, 100_000, 1_000_000)
SIDE, RUN, OTHER = 32, "small", "other"
PICTURES = Path("data/pictures")
SMALL = {"model": "dense", "dense_units": [8], "epochs": 1, "batch_size": 256}
CHANGES: dict[str, Any] = {
    "data": {"source": "folder", "path": str(PICTURES), "positive": None},
    "preprocess": {"height": SIDE, "width": SIDE, "channels": 3},
    "runs": {RUN: SMALL, OTHER: SMALL | {"seed": 2}},
    "report": {"reference": RUN},
    "track": {"live_after": 10**6},  # no process beside it that tells MLflow
}
STAGES = (
    *(("split",), ("preprocess",)),
    *(("train", RUN), ("evaluate", RUN), ("compare",), ("report",), ("track",)),
)


def measure(folder: Path) -> list[Measurement]:
    """Run all stages with more and more images."""
    lines, before = list[Measurement](), dict[str, tuple[float, float]]()
    for count in COUNTS:
        project = build_project(folder / str(count), CHANGES)
        write_pictures(project / PICTURES, 0, count, SIDE)
        for stage in STAGES:
            found = measure_stage(project, stage)
            if RUN in stage:
                run_command(project, "python", "-m", "stages", stage[0], OTHER)
            name = f"{stage[0]}, {count:,} images"
            lines += [
                Measurement(name, [found[0]], "s"),
                Measurement(f"{name}: peak memory", [found[1]], "MB", digits=0),
            ]
            if stage[0] in before:
                ratio = found[0] / before[stage[0]][0]
                lines.append(Measurement(f"{name}: times the time", [ratio], "", at_most=10))
            before[stage[0]] = found
    return lines


def measure_stage(project: Path, stage: tuple[str, ...]) -> tuple[float, float]:
    """Return seconds and peak megabytes of a stage."""
    most = list[float]()
    seconds = time_action(lambda: most.append(measure_peak_memory(project, stage)))
    return seconds, most[0]
