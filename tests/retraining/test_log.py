"""Commands that a retraining runs: what they say is kept, and why they fail is found in it."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from secondlook.config.errors import BusyError, SecondLookError
from secondlook.config.processes import build_environment
from secondlook.retraining import session
from secondlook.retraining.log import RetrainingLog
from tests.support.project import ROOT

pytestmark = pytest.mark.usefixtures("project")


def run_shell(command: str) -> RetrainingLog:
    """Run a shell command and return what was said."""
    with session.hold_retraining_lock() as descriptor:
        transcript = RetrainingLog(quiet=True, lock=descriptor)
        transcript.run_shell(command, "retrain.fetch")
    return transcript


def test_both_streams_are_kept_in_order() -> None:
    """Lines of stdout and stderr, and the log has them too."""
    transcript = run_shell("echo one; echo two >&2; echo three")
    assert transcript.lines == ["one", "two", "three"]
    assert transcript.path.read_text() == "one\ntwo\nthree\n"


@pytest.mark.parametrize(
    ("command", "reason"),
    [
        ("echo 'secondlook: data: gone'; echo 'ERROR: failed to reproduce'; exit 1", "data: gone"),
        ("echo 'secondlook: warning: slow'; echo 'ERROR: no space'; exit 1", "no space"),
        ("echo 'cannot connect'; echo; exit 4", "cannot connect"),
        ("exit 4", "exit status 4"),
    ],
)
def test_why_a_command_failed_is_told(command: str, reason: str) -> None:
    """A stage's own line before dvc's, dvc's before any other."""
    with pytest.raises(SecondLookError) as caught:
        run_shell(command)
    assert str(caught.value) == f"params.yaml: retrain.fetch: `{command}`: {reason}"


def test_python_is_this_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """Cron sets a bare PATH; the pipeline's `python` must be the project's all the same."""
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    assert build_environment()["PATH"].split(":")[0] == str(Path(sys.executable).parent)
    assert run_shell("command -v python").lines == [str(Path(sys.executable).with_name("python"))]


def test_what_a_killed_retraining_started_is_waited_for(project: Path) -> None:
    """A kill of the retraining alone leaves its command at work; that still holds the lock."""
    code = (
        "from secondlook.retraining.session import hold_retraining_lock\n"
        "from secondlook.retraining.log import RetrainingLog\n"
        "with hold_retraining_lock() as descriptor:\n"
        "    RetrainingLog(False, descriptor).run_shell('echo on; sleep 2', 'retrain.fetch')"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code],
        cwd=project,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    assert process.stderr.readline() == "on\n"
    process.send_signal(signal.SIGKILL)
    process.wait()
    with (
        pytest.raises(BusyError, match=f"process {process.pid} on "),
        session.hold_retraining_lock(),
    ):
        pass
    deadline = time.monotonic() + 30
    while not is_lock_free() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert is_lock_free()


def is_lock_free() -> bool:
    """Tell whether the lock can be had."""
    try:
        with session.hold_retraining_lock():
            return True
    except BusyError:
        return False
