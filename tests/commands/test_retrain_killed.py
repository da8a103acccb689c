"""A retraining that is killed, in each of its phases, under the real dvc and MLflow."""

import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import psutil

from tests import retraining_builder as builder
from tests.pipeline_builder import change
from tests.retraining_builder import (
    FIRST,
    SECOND,
    called,
    copied,
    deliver,
    history,
    seen,
    started,
    version,
)

# What is said when a phase begins; after the last `preprocess` the champion is asked.
ASKED = "Running stage 'preprocess'"
PHASES = (
    "fetching",
    "Running stage 'split'",
    ASKED,
    "Running stage 'train@weighted'",
    "Running stage 'evaluate@weighted'",
    "Running stage 'report'",
)


def kill(process: builder.Process) -> None:
    """Kill a process and all below it, as a machine does that runs out of memory."""
    whole = psutil.Process(process.pid)
    for each in [whole, *whole.children(recursive=True)]:
        each.kill()
    process.communicate()


def test_a_kill_in_any_phase_leaves_the_champion(first: Path, tmp_path: Path) -> None:
    """Each start goes on where the last was killed, and the last of them promotes, once."""
    project = copied(first, tmp_path)
    deliver(project, FIRST, SECOND)
    change(project, {"retrain": {"fetch": "echo fetching; sleep 0.5"}})
    for phase in PHASES:
        process = started(project, "retrain")
        seen(process, phase)
        if phase == ASKED:
            until(partial(asking, process), process)
            assert asking(process)
        kill(process)
        assert version(project) == "1"
    process = started(project, "retrain")
    until(lambda: len(decided(project)) == 1, process)  # written down, not yet done
    kill(process)
    assert version(project) in ("1", "2")
    if version(project) == "1":
        process = started(project, "retrain")
        until(lambda: version(project) == "2", process)  # done, not yet recorded
        kill(process)
    status, _, told = called(project, "retrain")
    assert (status, version(project), version(project, "previous")) == (0, "2", "1"), told
    assert "had come to its end: promoted" in told
    outcomes = [each.outcome for each in history(project)]
    assert outcomes == ["promoted", "promoted"]


def asking(process: builder.Process) -> bool:
    """Tell whether a retraining has begun to ask the champion, which a process of its own does."""
    try:
        below = psutil.Process(process.pid).children(recursive=True)
        return any("spawn_main" in " ".join(each.cmdline()) for each in below)
    except psutil.NoSuchProcess:  # one has just ended
        return False


def decided(project: Path) -> list[Path]:
    """Return the records of decisions that the copy of the project made."""
    found = (project / "mlruns").glob("*/artifacts/record.json")
    mine = f'"model": "{builder.MODEL}"'
    return [
        path for path in found if mine in path.read_text() and '"added": 800' in path.read_text()
    ]


def until(condition: Callable[[], bool], process: builder.Process) -> None:
    """Wait until a condition holds, or the process is at its end."""
    while not condition() and process.poll() is None:
        time.sleep(0.005)
