"""A retraining that is killed, in each of its phases, under the real dvc and MLflow."""

import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path

import psutil

from tests.support import retraining
from tests.support.project import copy_project, edit_params
from tests.support.retraining import (
    FIRST_BATCH_END,
    SECOND_BATCH_END,
    call_secondlook,
    deliver_digits,
    find_version_number,
    read_history,
    read_until,
    start_secondlook,
)

# What is said when a phase begins; after the last `preprocess` the champion is asked.
ASKED_AFTER = "Running stage 'preprocess'"
PHASES = (
    "fetching",
    "Running stage 'split'",
    ASKED_AFTER,
    "Running stage 'train@weighted'",
    "Running stage 'evaluate@weighted'",
    "Running stage 'report'",
)


def kill(process: retraining.Process) -> None:
    """Kill a process and all below it, as a machine does that runs out of memory.

    Until all of them are gone: dvc takes a process that nobody has buried for one that works.
    """
    whole = psutil.Process(process.pid)
    whole.suspend()  # else it might start one more
    killed = [whole, *whole.children(recursive=True)]
    for each in killed:
        with suppress(psutil.NoSuchProcess):
            each.kill()
    process.communicate()
    _, left = psutil.wait_procs(killed, timeout=30)
    assert left == []


def test_a_kill_in_any_phase_leaves_the_champion(first_champion: Path, tmp_path: Path) -> None:
    """Each start goes on where the last was killed, and the last of them promotes, once."""
    project = copy_project(first_champion, tmp_path)
    deliver_digits(project, FIRST_BATCH_END, SECOND_BATCH_END)
    edit_params(project, {"retrain": {"fetch": "echo fetching; sleep 0.5"}})
    for phase in PHASES:
        process = start_secondlook(project, "retrain")
        read_until(process, phase)
        if phase == ASKED_AFTER:
            # Less often: to look through all processes takes as long as what is waited for.
            wait_until(partial(is_asking_champion, process), process, seconds=0.05)
            assert is_asking_champion(process)
        kill(process)
        assert find_version_number(project) == "1"
    process = start_secondlook(project, "retrain")
    wait_until(lambda: len(find_decisions(project)) == 1, process)  # written down, not yet done
    kill(process)
    assert find_version_number(project) in ("1", "2")
    if find_version_number(project) == "1":
        process = start_secondlook(project, "retrain")
        wait_until(lambda: find_version_number(project) == "2", process)  # done, not yet recorded
        kill(process)
    status, _, told = call_secondlook(project, "retrain")
    assert (status, find_version_number(project), find_version_number(project, "previous")) == (
        0,
        "2",
        "1",
    ), told
    assert "had come to its end: promoted" in told
    outcomes = [each.outcome for each in read_history(project)]
    assert outcomes == ["promoted", "promoted"]


def is_asking_champion(process: retraining.Process) -> bool:
    """Tell whether a retraining has begun to ask the champion, which a process of its own does."""
    try:
        below = psutil.Process(process.pid).children(recursive=True)
        return any("spawn_main" in " ".join(each.cmdline()) for each in below)
    except psutil.NoSuchProcess:  # one has just ended
        return False


def find_decisions(project: Path) -> list[Path]:
    """Return the records of decisions that the copy of the project made."""
    found = (project / "mlruns").glob("*/artifacts/record.json")
    mine = f'"model": "{retraining.MODEL}"'
    return [
        path for path in found if mine in path.read_text() and '"added": 800' in path.read_text()
    ]


def wait_until(
    condition: Callable[[], bool], process: retraining.Process, seconds: float = 0.005
) -> None:
    """Wait until a condition, looked at every so many seconds, holds, or the process ends."""
    while not condition() and process.poll() is None:
        time.sleep(seconds)
