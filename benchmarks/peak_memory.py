"""Peak memory of the stages `preprocess` and `train` at 2,000 and at 20,000 photographs.

Memory is what a process cannot give back: its anonymous pages (RssAnon of /proc/<pid>/status on
Linux, looked at every few milliseconds). The pages of a memory map are not counted: they are the
kernel's page cache, which takes them back whenever anything else wants the room. Both stages run
whole, by their own command, on images of 120 x 120 x 3; `train` for one epoch and with a smaller
network than by default, which makes it quicker and leaves less to hide a growth behind.
Target: ten times the images take at most 1.15 times the memory, plus one batch.
"""

import subprocess
import sys
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from benchmarks.measuring import Measurement, measure_in_turn
from benchmarks.photographs import CHANNELS, SIDE, build_photograph_project
from secondlook.config.params import load_params

TIMES = 3
COUNTS = {
    2_000: {"train": 1_200, "validation": 400, "test": 400},
    20_000: {"train": 12_000, "validation": 4_000, "test": 4_000},
}
RUN = "small"
CHANGES = {
    "runs": {RUN: {"epochs": 1, "filters": [4, 4], "dense_units": [8]}},
    "report": {"reference": RUN},
    "track": {"live_after": 10**6},  # no process beside it that tells MLflow
}
POLL_SECONDS = 0.005  # seconds between two looks
MEGABYTE = 2**20


def measure(folder: Path) -> list[Measurement]:
    """Run preprocess and then train on few images and on many, in turn."""
    few, many = (
        build_photograph_project(folder / str(total), counts, CHANGES)
        for total, counts in COUNTS.items()
    )
    return [
        line
        for command in (("preprocess",), ("train", RUN))
        for line in make_measurements(
            command[0],
            *measure_in_turn(
                TIMES,
                partial(measure_peak_memory, few, command),
                partial(measure_peak_memory, many, command),
            ),
        )
    ]


def make_measurements(stage: str, few: list[float], many: list[float]) -> list[Measurement]:
    """Return both peaks and how much more the larger one is, beyond one batch."""
    batch = load_params().train.batch_size * SIDE * SIDE * CHANNELS / MEGABYTE
    growth = [(more - batch) / less for less, more in zip(few, many, strict=True)]
    return [
        *(
            Measurement(f"{stage}: peak at {total:,} images", values, "MB", digits=0)
            for total, values in zip(COUNTS, (few, many), strict=True)
        ),
        Measurement(f"{stage}: growth, less one batch", growth, "", at_most=1.15, digits=2),
    ]


def measure_peak_memory(project: Path, stage: Sequence[str]) -> float:
    """Return the most megabytes of anonymous pages that a stage held at a time."""
    command, most = [sys.executable, "-m", "stages", *stage], 0.0
    with subprocess.Popen(command, cwd=project, stdout=subprocess.DEVNULL) as process:
        while process.poll() is None:
            most = max(most, read_anonymous_memory(process.pid))
            time.sleep(POLL_SECONDS)
    if process.returncode:
        raise RuntimeError(f"{' '.join(stage)} failed with exit status {process.returncode}")
    return most


def read_anonymous_memory(process: int) -> float:
    """Return the megabytes of anonymous pages of a process; 0 when it has just ended."""
    status = Path(f"/proc/{process}/status").read_text(encoding="ascii")
    sizes = [line.split()[1] for line in status.splitlines() if line.startswith("RssAnon:")]
    return int(sizes[0]) * 1024 / MEGABYTE if sizes else 0.0
