"""Whatever happens to a retraining: it is told, handed to `retrain.notify`, and has its status."""

import json
import os
import signal
from pathlib import Path

import pytest
import yaml

from stages.core.errors import DataError
from stages.core.outputs.retrainings import Retraining
from stages.core.params import Params, load
from stages.core.retraining import lock, signals
from stages.core.retraining.draft import Draft
from stages.core.retraining.session import Work, session
from stages.core.retraining.transcript import Transcript

pytestmark = pytest.mark.usefixtures("project")


def params(notify: str | None = "cat > notice.json") -> Params:
    """Return the parameters with a command that is told of the outcome."""
    path = Path("params.yaml")
    told = yaml.safe_load(path.read_text(encoding="utf-8"))
    told["retrain"]["notify"] = notify
    path.write_text(yaml.safe_dump(told), encoding="utf-8")
    return load()


def ending(outcome: str) -> Work:
    """Return work that comes to an outcome."""

    def work(_: Transcript, draft: Draft) -> Retraining:
        return draft.ended(outcome, "so it is")

    return work


def failing(error: BaseException) -> Work:
    """Return work that raises an error."""

    def work(_: Transcript, __: Draft) -> Retraining:
        raise error

    return work


def done(work: Work, notify: str | None = "cat > notice.json") -> int:
    """Do the work and return the exit status."""
    return session(params(notify), Draft("retrain", "model"), work, as_json=False)


def notice() -> Retraining:
    """Return what the command was told."""
    return Retraining.model_validate_json(Path("notice.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    ("outcome", "status"),
    [("promoted", 0), ("same", 0), ("nothing", 0), ("kept", 3), ("stopped", 1), ("failed", 1)],
)
def test_every_outcome_has_its_status_and_its_notice(outcome: str, status: int) -> None:
    """The command gets the record, with the status in it."""
    assert done(ending(outcome)) == status
    assert (notice().outcome, notice().status) == (outcome, status)
    assert json.loads(Path("notice.json").read_text())["status"] == status


@pytest.mark.parametrize(
    "command", ["exit 7", "kill -9 $$", "no-such-command", "exec <&-; sleep 0"]
)
def test_a_notice_that_fails_changes_nothing(
    command: str, capfd: pytest.CaptureFixture[str]
) -> None:
    """The outcome stands, whatever the command does with it."""
    assert done(ending("kept"), command) == 3
    assert "Traceback" not in capfd.readouterr().err


def test_a_mistake_is_a_failure(capfd: pytest.CaptureFixture[str]) -> None:
    """It is told in one line, and the exit status is 1."""
    assert done(failing(DataError("data: gone"))) == 1
    assert capfd.readouterr().err == "retrain: failed: data: gone\n"
    assert notice().outcome == "failed"


def test_a_bug_is_told_and_seen() -> None:
    """Whoever is notified hears of it; the traceback is not swallowed."""
    with pytest.raises(ZeroDivisionError):
        done(failing(ZeroDivisionError()))
    assert notice().outcome == "failed"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_being_ended_is_a_failure(number: signal.Signals) -> None:
    """A scheduler that loses patience gets a record, and the signals are as they were before."""
    before = signal.getsignal(number)

    def work(_: Transcript, draft: Draft) -> Retraining:
        os.kill(os.getpid(), number)
        return draft.ended("promoted", "not at all")

    assert done(work) == 1
    assert f"ended by {number.name}" in notice().reason
    assert signal.getsignal(number) == before


def test_no_signal_ends_a_promotion() -> None:
    """While the champion changes none is heard."""

    def work(_: Transcript, draft: Draft) -> Retraining:
        with signals.deaf():
            os.kill(os.getpid(), signal.SIGTERM)
        return draft.ended("promoted", "undisturbed")

    assert done(work) == 0


def test_a_second_start_is_told_who_is_at_it(capfd: pytest.CaptureFixture[str]) -> None:
    """Exit status 75; the lock is free again afterwards."""
    with lock.held():
        assert done(ending("promoted")) == 75
    assert f"busy: process {os.getpid()} on " in capfd.readouterr().err
    assert notice().outcome == "busy"
    assert done(ending("promoted")) == 0


def test_json_is_all_that_is_said(capfd: pytest.CaptureFixture[str]) -> None:
    """One object on stdout, and nothing on stderr."""

    def work(transcript: Transcript, draft: Draft) -> Retraining:
        transcript.say("a line for the log alone")
        return draft.ended("kept", "so it is")

    assert session(params(None), Draft("retrain", "model"), work, as_json=True) == 3
    out, err = capfd.readouterr()
    assert (json.loads(out)["outcome"], err) == ("kept", "")
    assert "a line for the log alone" in Path(".dvc/tmp/second_look/log.txt").read_text()
