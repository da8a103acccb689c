"""Trainings killed in their course, alone or with all around them: real processes, a real store."""

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from stages import track
from stages.core import tracking
from stages.core.params import load
from stages.core.tracking.following import FOLLOWER
from tests.tracking_builder import (
    RUNS,
    client,
    curve,
    epoch_numbers,
    set_live_after,
    set_runs,
    tracked,
    wait_for,
)

# Trains the epochs given, and then stands still; no model is needed for that.
TRAINING = """
import sys, time
from stages.core import tracking
from stages.core.params import load
with tracking.live(load(), "unweighted") as log_epoch:
    for epoch in map(int, sys.argv[1:]):
        log_epoch(epoch, {"train/objective": 1 / epoch})
    time.sleep(600)
"""


@contextmanager
def trained(*epochs: int) -> Iterator[psutil.Process]:
    """Start a training of its own that has trained these epochs, as MLflow shows; then kill it."""
    command = [sys.executable, "-c", TRAINING, *map(str, epochs)]
    with subprocess.Popen(command) as process:
        try:
            wait_for(lambda run: (epochs[-1], 1 / epochs[-1]) in curve(run, "train/objective"))
            yield psutil.Process(process.pid)
        finally:
            process.kill()


@pytest.mark.usefixtures("trackable")
def test_a_killed_training_goes_on_in_the_same_run() -> None:
    """SIGKILL makes it KILLED; what resumes at a later epoch, or repeats one, adds the rest."""
    set_live_after(0)
    with trained(1, 2, 2):
        pass
    killed = wait_for(lambda run: run.info.status == "KILLED")
    with trained(2, 3) as resumed:
        assert tracked()["unweighted"].info.status == "RUNNING"
        resumed.kill()
    wait_for(lambda run: run.info.status == "KILLED")
    track.run(load())
    whole = tracked()["unweighted"]
    assert (whole.info.run_id, whole.info.status) == (killed.info.run_id, "FINISHED")
    assert [step for step, _ in curve(whole, "train/objective")] == [1, 2, 3]


@pytest.mark.usefixtures("trackable")
def test_a_run_that_nobody_follows_any_more_is_ended() -> None:
    """Training and follower lost at once, as by power; even after other parameters it is KILLED."""
    set_live_after(0)
    set_runs({"unweighted": {"epochs": 7}})
    with trained(1) as training:
        (follower,) = training.children()
        follower.kill()
        training.kill()
        last = time.time_ns() // 1_000_000
    lost = tracked()["unweighted"]
    assert lost.info.status == "RUNNING"
    track.run(set_runs(RUNS))
    ended = client().get_run(lost.info.run_id)
    assert ended.info.status == "KILLED"
    assert lost.info.start_time <= ended.info.end_time <= last
    assert not list(Path(".dvc/tmp/second_look/followed").glob("*/*"))


@pytest.mark.usefixtures("trackable")
def test_a_run_that_is_followed_is_left_alone() -> None:
    """`track` does not end a training that goes on, and a second one does not log into its run."""
    set_live_after(0)
    set_runs({"unweighted": {"epochs": 7}})
    with trained(1):
        track.run(set_runs(RUNS))
        params = set_runs({"unweighted": {"epochs": 7}})
        with tracking.live(params, "unweighted") as log_epoch:
            log_epoch(1, epoch_numbers(1))
        asked = [run for run in client().search_runs(["1"]) if run.info.status == "RUNNING"]
    assert [run.data.params["train.epochs"] for run in asked] == ["7"]
    assert [step for step, _ in curve(asked[0], "train/objective")] == [1]


@pytest.mark.usefixtures("trackable")
def test_half_a_line_is_no_epoch() -> None:
    """A kill in the middle of a write loses that epoch, and the run is KILLED all the same."""
    training = tracking.live(set_live_after(60), "unweighted")
    for epoch in (1, 2):
        training.log_epoch(epoch, epoch_numbers(epoch))
    subprocess.run(FOLLOWER, input=training.waiting[:-10], check=True)
    run = tracked()["unweighted"]
    assert run.info.status == "KILLED"
    assert [step for step, _ in curve(run, "train/objective")] == [1]
