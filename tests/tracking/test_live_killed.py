"""Trainings killed in their course, alone or with all around them: real processes, a real store."""

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from secondlook.config.params import load_params
from secondlook.tracking import live
from secondlook.tracking.live import WORKER_COMMAND
from stages import track
from tests.support.tracking import (
    TRACKED_RUNS,
    find_runs,
    make_client,
    make_epoch_numbers,
    read_curve,
    set_live_after,
    set_runs,
    wait_for_run,
)

pytestmark = pytest.mark.slow

# Trains the epochs given, and then stands still; no model is needed for that.
TRAINING = """
import sys, time
from secondlook.config.params import load_params
from secondlook.tracking.live import follow_training
with follow_training(load_params(), "unweighted") as log_epoch:
    for epoch in map(int, sys.argv[1:]):
        log_epoch(epoch, {"train/objective": 1 / epoch})
    time.sleep(600)
"""


@contextmanager
def run_training(*epochs: int) -> Iterator[psutil.Process]:
    """Start a training of its own that has trained these epochs, as MLflow shows; then kill it."""
    command = [sys.executable, "-c", TRAINING, *map(str, epochs)]
    with subprocess.Popen(command) as process:
        try:
            wait_for_run(
                lambda run: (epochs[-1], 1 / epochs[-1]) in read_curve(run, "train/objective")
            )
            yield psutil.Process(process.pid)
        finally:
            process.kill()


@pytest.mark.usefixtures("tracking_project")
def test_a_killed_training_goes_on_in_the_same_run() -> None:
    """SIGKILL makes it KILLED; what resumes at a later epoch, or repeats one, adds the rest."""
    set_live_after(0)
    with run_training(1, 2, 2):
        pass
    killed = wait_for_run(lambda run: run.info.status == "KILLED")
    with run_training(2, 3) as resumed:
        assert find_runs()["unweighted"].info.status == "RUNNING"
        resumed.kill()
    wait_for_run(lambda run: run.info.status == "KILLED")
    track.run(load_params())
    whole = find_runs()["unweighted"]
    assert (whole.info.run_id, whole.info.status) == (killed.info.run_id, "FINISHED")
    assert [step for step, _ in read_curve(whole, "train/objective")] == [1, 2, 3]


@pytest.mark.usefixtures("tracking_project")
def test_a_run_that_nobody_follows_any_more_is_ended() -> None:
    """Training and follower lost at once, as by power; even after other parameters it is KILLED."""
    set_live_after(0)
    set_runs({"unweighted": {"epochs": 7}})
    with run_training(1) as training:
        (follower,) = training.children()
        follower.kill()
        training.kill()
        last = time.time_ns() // 1_000_000
    lost = find_runs()["unweighted"]
    assert lost.info.status == "RUNNING"
    track.run(set_runs(TRACKED_RUNS))
    ended = make_client().get_run(lost.info.run_id)
    assert ended.info.status == "KILLED"
    assert lost.info.start_time <= ended.info.end_time <= last
    assert not list(Path(".dvc/tmp/second_look/followed").glob("*/*"))


@pytest.mark.usefixtures("tracking_project")
def test_a_run_that_is_followed_is_left_alone() -> None:
    """`track` does not end a training that goes on, and a second one does not log into its run."""
    set_live_after(0)
    set_runs({"unweighted": {"epochs": 7}})
    with run_training(1):
        track.run(set_runs(TRACKED_RUNS))
        params = set_runs({"unweighted": {"epochs": 7}})
        with live.follow_training(params, "unweighted") as log_epoch:
            log_epoch(1, make_epoch_numbers(1))
        asked = [run for run in make_client().search_runs(["1"]) if run.info.status == "RUNNING"]
    assert [run.data.params["train.epochs"] for run in asked] == ["7"]
    assert [step for step, _ in read_curve(asked[0], "train/objective")] == [1]


@pytest.mark.usefixtures("tracking_project")
def test_half_a_line_is_no_epoch() -> None:
    """A kill in the middle of a write loses that epoch, and the run is KILLED all the same."""
    training = live.follow_training(set_live_after(60), "unweighted")
    for epoch in (1, 2):
        training.log_epoch(epoch, make_epoch_numbers(epoch))
    subprocess.run(WORKER_COMMAND, input=training.waiting[:-10], check=True)
    run = find_runs()["unweighted"]
    assert run.info.status == "KILLED"
    assert [step for step, _ in read_curve(run, "train/objective")] == [1]
