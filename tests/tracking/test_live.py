"""Epochs in MLflow while a training goes on: real processes, a real store."""

import time
from contextlib import suppress
from dataclasses import replace

import pytest

from secondlook.config.params import load_params
from secondlook.tracking import live, location
from secondlook.tracking.live import LONGEST_WAIT, follow_training
from stages import track
from tests.support.tracking import (
    find_runs,
    make_epoch_numbers,
    read_curve,
    set_live_after,
    wait_for_run,
)

pytestmark = pytest.mark.slow


@pytest.mark.usefixtures("tracking_project")
def test_a_short_training_starts_nothing() -> None:
    """Before `live_after` seconds no process is started: `track` logs such a training."""
    training = follow_training(set_live_after(10), "unweighted")
    with training as log_epoch:
        log_epoch(1, make_epoch_numbers(1))
    assert training.process is None
    track.run(load_params())
    run = find_runs()["unweighted"]
    assert 0 <= run.info.end_time - run.info.start_time < 10_000


@pytest.mark.usefixtures("tracking_project")
def test_epochs_appear_while_the_training_goes_on() -> None:
    """The run is RUNNING with its first epochs, ends FINISHED, and `track` adds what is missing."""
    with follow_training(set_live_after(0), "unweighted") as log_epoch:
        log_epoch(1, make_epoch_numbers(1))
        log_epoch(2, make_epoch_numbers(2))
        live = wait_for_run(lambda run: len(read_curve(run, "train/objective")) == 2)
        assert live.info.status == "RUNNING"
        assert live.data.params["train.epochs"] == "10"
    run = find_runs()["unweighted"]
    assert run.info.status == "FINISHED"
    assert read_curve(run, "validation/precision") == [(2, 0.5)]
    (parent,) = find_runs("second_look.data").values()
    assert run.data.tags["mlflow.parentRunId"] == parent.info.run_id
    track.run(load_params())
    whole = find_runs()["unweighted"]
    assert whole.info.run_id == live.info.run_id
    assert [step for step, _ in read_curve(whole, "train/objective")] == [1, 2, 3]
    assert whole.info.start_time == live.info.start_time


def end_with(error: BaseException, *epochs: int) -> None:
    """Train some epochs until MLflow shows the last, and raise the error."""
    with follow_training(set_live_after(0), "unweighted") as log_epoch:
        for epoch in epochs:
            log_epoch(epoch, make_epoch_numbers(epoch))
        wait_for_run(lambda run: len(read_curve(run, "train/objective")) == epochs[-1])
        raise error


@pytest.mark.usefixtures("tracking_project")
def test_a_training_that_is_repeated_goes_on_in_the_same_run() -> None:
    """Ctrl-C makes the run KILLED, an error makes it FAILED; an epoch trained twice is one."""
    with pytest.raises(KeyboardInterrupt):
        end_with(KeyboardInterrupt(), 1)
    killed = find_runs()["unweighted"]
    assert killed.info.status == "KILLED"
    with pytest.raises(ZeroDivisionError):
        end_with(ZeroDivisionError(), 1, 2)
    failed = find_runs()["unweighted"]
    assert (failed.info.run_id, failed.info.status) == (killed.info.run_id, "FAILED")
    assert [step for step, _ in read_curve(failed, "train/objective")] == [1, 2]


@pytest.mark.usefixtures("tracking_project")
def test_training_again_leaves_a_finished_run_alone() -> None:
    """A run that MLflow has whole stays FINISHED while a forced training repeats it."""
    track.run(load_params())
    with follow_training(set_live_after(0), "unweighted") as log_epoch:
        log_epoch(1, make_epoch_numbers(1))
        log_epoch(4, make_epoch_numbers(4))
    run = find_runs()["unweighted"]
    assert run.info.status == "FINISHED"
    assert [step for step, _ in read_curve(run, "train/objective")] == [1, 2, 3]


@pytest.mark.usefixtures("tracking_project")
def test_a_store_that_is_away_costs_seconds_at_most(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """Epochs are not held up, the end waits 5 s at most, and one line says what is missing."""
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://me:secret@127.0.0.1:9")
    with follow_training(set_live_after(0), "unweighted") as log_epoch:
        start = time.monotonic()
        for epoch in range(1, 2001):
            log_epoch(epoch, make_epoch_numbers(epoch))
        assert time.monotonic() - start < 2
        start = time.monotonic()
    assert time.monotonic() - start < LONGEST_WAIT + 1
    (line,) = capfd.readouterr().err.splitlines()
    assert line.startswith("secondlook: warning: run unweighted ")
    assert "is not all in MLflow yet, epochs 1 to 2000 are missing: MLflow at " in line
    assert line.endswith("`dvc repro` or `secondlook track` brings it up to date")
    assert "secret" not in line


@pytest.mark.usefixtures("tracking_project")
def test_a_training_lost_on_another_machine_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its node died and nobody there says so: home does, whatever else went wrong; once."""
    end_with_kill = follow_training(set_live_after(0), "unweighted")
    log_epoch = end_with_kill.__enter__()
    log_epoch(1, make_epoch_numbers(1))
    wait_for_run(lambda run: len(read_curve(run, "train/objective")) == 1)
    where = location.find_location()
    monkeypatch.setattr(live, "find_location", lambda: replace(where, database=None))
    assert find_runs()["unweighted"].info.status == "RUNNING"
    with suppress(KeyboardInterrupt), live.end_lost_trainings(load_params(), ["unweighted"]):
        raise KeyboardInterrupt
    assert find_runs()["unweighted"].info.status == "KILLED"
    end_with_kill.__exit__(None, None, None)
    with live.end_lost_trainings(load_params(), ["unweighted"]):
        pass
    assert find_runs()["unweighted"].info.status == "FINISHED"
