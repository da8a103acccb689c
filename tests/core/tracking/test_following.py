"""Epochs in MLflow while a training goes on: real processes, a real store."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from mlflow.entities import Run

from stages import track
from stages.core import tracking
from stages.core.params import Params, load
from stages.core.tracking.following import AT_MOST
from tests.tracking_builder import curve, epoch_of, tracked

TRAINING = """
import sys, time
from stages.core import tracking
from stages.core.params import load
with tracking.live(load(), "unweighted") as log_epoch:
    log_epoch(1, {"train/objective": 1.0})
    print("trained", flush=True)
    time.sleep(600)
"""


def params(live_after: float) -> Params:
    """Return the parameters with another `track.live_after`."""
    path = Path("params.yaml")
    changed = yaml.safe_load(path.read_text(encoding="utf-8"))
    changed["track"]["live_after"] = live_after
    path.write_text(yaml.safe_dump(changed, sort_keys=False), encoding="utf-8")
    return load()


def numbers(epoch: int) -> dict[str, float]:
    """Return the numbers that `train` hands over: an undefined one is NaN."""
    return {key: float("nan") if value == "" else value for key, value in epoch_of(epoch).items()}


def wait_for(condition: Callable[[Run], bool]) -> Run:
    """Return the run `unweighted` once it is there and meets the condition."""
    deadline = time.monotonic() + 90
    while time.monotonic() < deadline:
        run = tracked().get("unweighted")
        if run is not None and condition(run):
            return run
        time.sleep(0.2)
    return pytest.fail("MLflow never showed it")


@pytest.mark.usefixtures("trackable")
def test_a_short_training_starts_nothing() -> None:
    """Before `live_after` seconds no process is started: `track` logs such a training."""
    training = tracking.live(params(10), "unweighted")
    with training as log_epoch:
        log_epoch(1, numbers(1))
    assert training.process is None
    track.run(load())
    run = tracked()["unweighted"]
    assert 0 <= run.info.end_time - run.info.start_time < 10_000


@pytest.mark.usefixtures("trackable")
def test_epochs_appear_while_the_training_goes_on() -> None:
    """The run is RUNNING with its first epochs, ends FINISHED, and `track` adds what is missing."""
    with tracking.live(params(0), "unweighted") as log_epoch:
        log_epoch(1, numbers(1))
        log_epoch(2, numbers(2))
        live = wait_for(lambda run: len(curve(run, "train/objective")) == 2)
        assert live.info.status == "RUNNING"
        assert live.data.params["train.epochs"] == "10"
    run = tracked()["unweighted"]
    assert run.info.status == "FINISHED"
    assert curve(run, "validation/precision") == [(2, 0.5)]
    (parent,) = tracked("second_look.data").values()
    assert run.data.tags["mlflow.parentRunId"] == parent.info.run_id
    track.run(load())
    whole = tracked()["unweighted"]
    assert whole.info.run_id == live.info.run_id
    assert [step for step, _ in curve(whole, "train/objective")] == [1, 2, 3]
    assert whole.info.start_time == live.info.start_time


def end_with(error: BaseException, *epochs: int) -> None:
    """Train some epochs until MLflow shows the last, and raise the error."""
    with tracking.live(params(0), "unweighted") as log_epoch:
        for epoch in epochs:
            log_epoch(epoch, numbers(epoch))
        wait_for(lambda run: len(curve(run, "train/objective")) == epochs[-1])
        raise error


@pytest.mark.usefixtures("trackable")
def test_a_training_that_is_repeated_goes_on_in_the_same_run() -> None:
    """Ctrl-C makes the run KILLED, an error makes it FAILED; an epoch trained twice is one."""
    with pytest.raises(KeyboardInterrupt):
        end_with(KeyboardInterrupt(), 1)
    killed = tracked()["unweighted"]
    assert killed.info.status == "KILLED"
    with pytest.raises(ZeroDivisionError):
        end_with(ZeroDivisionError(), 1, 2)
    failed = tracked()["unweighted"]
    assert (failed.info.run_id, failed.info.status) == (killed.info.run_id, "FAILED")
    assert [step for step, _ in curve(failed, "train/objective")] == [1, 2]


@pytest.mark.usefixtures("trackable")
def test_a_killed_training_does_not_run_for_ever() -> None:
    """SIGKILL leaves no time to say anything; the run is KILLED all the same."""
    params(0)
    command = [sys.executable, "-c", TRAINING]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as training:
        assert training.stdout is not None
        assert training.stdout.readline() == "trained\n"
        wait_for(lambda run: bool(curve(run, "train/objective")))
        os.kill(training.pid, signal.SIGKILL)
    wait_for(lambda run: run.info.status == "KILLED")


@pytest.mark.usefixtures("trackable")
def test_training_again_leaves_a_finished_run_alone() -> None:
    """A run that MLflow has whole stays FINISHED while a forced training repeats it."""
    track.run(load())
    with tracking.live(params(0), "unweighted") as log_epoch:
        log_epoch(1, numbers(1))
        log_epoch(4, numbers(4))
    run = tracked()["unweighted"]
    assert run.info.status == "FINISHED"
    assert [step for step, _ in curve(run, "train/objective")] == [1, 2, 3]


@pytest.mark.usefixtures("trackable")
def test_a_store_that_is_away_costs_seconds_at_most(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """Epochs are not held up, the end waits 5 s at most, and one line says what is missing."""
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://me:secret@127.0.0.1:9")
    with tracking.live(params(0), "unweighted") as log_epoch:
        start = time.monotonic()
        for epoch in range(1, 2001):
            log_epoch(epoch, numbers(epoch))
        assert time.monotonic() - start < 2
        start = time.monotonic()
    assert time.monotonic() - start < AT_MOST + 1
    (line,) = capfd.readouterr().err.splitlines()
    assert line.startswith("secondlook: warning: run unweighted is not all in MLflow yet: ")
    assert line.endswith("`dvc repro` brings it up to date")
    assert "secret" not in line
