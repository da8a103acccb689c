"""Whatever happens to a retraining: it is told, handed to `retrain.notify`, and has its status."""

import json
import os
import signal
from pathlib import Path

import pytest

from secondlook.artifacts.retraining_history import RetrainingRecord
from secondlook.config.errors import DataError
from secondlook.config.params import Params, load_params
from secondlook.config.processes import ignore_signals
from secondlook.retraining import session
from secondlook.retraining.log import RetrainingLog
from secondlook.retraining.session import RetrainingDraft, RetrainingWork, run_session
from tests.support.project import edit_params

pytestmark = pytest.mark.usefixtures("project")


def load_notifying_params(notify: str | None = "cat > notice.json") -> Params:
    """Return the parameters with a command that is told of the outcome."""
    edit_params(Path(), {"retrain": {"notify": notify}})
    return load_params()


def make_ending_work(outcome: str) -> RetrainingWork:
    """Return work that comes to an outcome."""

    def work(_: RetrainingLog, draft: RetrainingDraft) -> RetrainingRecord:
        return draft.make_record(outcome, "so it is")

    return work


def make_failing_work(error: BaseException) -> RetrainingWork:
    """Return work that raises an error."""

    def work(_: RetrainingLog, __: RetrainingDraft) -> RetrainingRecord:
        raise error

    return work


def make_draft() -> RetrainingDraft:
    """Return the draft of a retraining that begins now."""
    return RetrainingDraft(action="retrain", model="model")


def run_work(work: RetrainingWork, notify: str | None = "cat > notice.json") -> int:
    """Do the work and return the exit status."""
    return run_session(
        load_notifying_params(notify),
        RetrainingDraft(action="retrain", model="model"),
        work,
        as_json=False,
    )


def read_notice() -> RetrainingRecord:
    """Return what the command was told."""
    return RetrainingRecord.model_validate_json(Path("notice.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    ("outcome", "status"),
    [("promoted", 0), ("same", 0), ("nothing", 0), ("kept", 3), ("stopped", 1), ("failed", 1)],
)
def test_every_outcome_has_its_status_and_its_notice(outcome: str, status: int) -> None:
    """The command gets the record, with the status in it."""
    assert run_work(make_ending_work(outcome)) == status
    assert (read_notice().outcome, read_notice().status) == (outcome, status)
    assert json.loads(Path("notice.json").read_text())["status"] == status


@pytest.mark.parametrize(
    "command", ["exit 7", "kill -9 $$", "no-such-command", "exec <&-; sleep 0"]
)
def test_a_notice_that_fails_changes_nothing(
    command: str, capfd: pytest.CaptureFixture[str]
) -> None:
    """The outcome stands, whatever the command does with it."""
    assert run_work(make_ending_work("kept"), command) == 3
    assert "Traceback" not in capfd.readouterr().err


def test_a_mistake_is_a_failure(capfd: pytest.CaptureFixture[str]) -> None:
    """It is told in one line, and the exit status is 1."""
    assert run_work(make_failing_work(DataError("data: gone"))) == 1
    assert capfd.readouterr().err == "retrain: failed: data: gone\n"
    assert read_notice().outcome == "failed"


def test_a_bug_is_told_and_seen() -> None:
    """Whoever is notified hears of it; the traceback is not swallowed."""
    with pytest.raises(ZeroDivisionError):
        run_work(make_failing_work(ZeroDivisionError()))
    assert read_notice().outcome == "failed"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_being_ended_is_a_failure(number: signal.Signals) -> None:
    """A scheduler that loses patience gets a record, and the signals are as they were before."""
    before = signal.getsignal(number)

    def work(_: RetrainingLog, draft: RetrainingDraft) -> RetrainingRecord:
        os.kill(os.getpid(), number)
        return draft.make_record("promoted", "not at all")

    assert run_work(work) == 1
    assert f"ended by {number.name}" in read_notice().reason
    assert signal.getsignal(number) == before


def test_no_signal_ends_a_promotion() -> None:
    """While the champion changes none is heard."""

    def work(_: RetrainingLog, draft: RetrainingDraft) -> RetrainingRecord:
        with ignore_signals():
            os.kill(os.getpid(), signal.SIGTERM)
        return draft.make_record("promoted", "undisturbed")

    assert run_work(work) == 0


def test_a_second_start_is_told_who_is_at_it(capfd: pytest.CaptureFixture[str]) -> None:
    """Exit status 75; the lock is free again afterwards."""
    with session.hold_retraining_lock():
        assert run_work(make_ending_work("promoted")) == 75
    assert f"busy: process {os.getpid()} on " in capfd.readouterr().err
    assert read_notice().outcome == "busy"
    assert run_work(make_ending_work("promoted")) == 0


def test_json_is_all_that_is_said(capfd: pytest.CaptureFixture[str]) -> None:
    """One object on stdout, and nothing on stderr."""

    def work(transcript: RetrainingLog, draft: RetrainingDraft) -> RetrainingRecord:
        transcript.say("a line for the log alone")
        return draft.make_record("kept", "so it is")

    assert run_session(load_notifying_params(None), make_draft(), work, as_json=True) == 3
    out, err = capfd.readouterr()
    assert (json.loads(out)["outcome"], err) == ("kept", "")
    assert "a line for the log alone" in Path(".dvc/tmp/second_look/log.txt").read_text()
