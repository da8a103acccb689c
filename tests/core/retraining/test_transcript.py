"""Commands that a retraining runs: what they say is kept, and why they fail is found in it."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from stages.core.errors import BusyError, SecondLookError
from stages.core.retraining import lock
from stages.core.retraining.transcript import Transcript, environ

pytestmark = pytest.mark.usefixtures("project")
ROOT = Path(__file__).parents[3]


def shell(command: str) -> Transcript:
    """Run a shell command and return what was said."""
    with lock.held() as descriptor:
        transcript = Transcript(quiet=True, lock=descriptor)
        transcript.shell(command, "retrain.fetch")
    return transcript


def test_both_streams_are_kept_in_order() -> None:
    """Lines of stdout and stderr, and the log has them too."""
    transcript = shell("echo one; echo two >&2; echo three")
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
        shell(command)
    assert str(caught.value) == f"params.yaml: retrain.fetch: `{command}`: {reason}"


def test_python_is_this_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """Cron sets a bare PATH; the pipeline's `python` must be the project's all the same."""
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    assert environ()["PATH"].split(":")[0] == str(Path(sys.executable).parent)
    assert shell("command -v python").lines == [str(Path(sys.executable).with_name("python"))]


def test_what_a_killed_retraining_started_is_waited_for(project: Path) -> None:
    """A kill of the retraining alone leaves its command at work; that still holds the lock."""
    code = (
        "from stages.core.retraining import lock\n"
        "from stages.core.retraining.transcript import Transcript\n"
        "with lock.held() as descriptor:\n"
        "    Transcript(False, descriptor).shell('echo on; sleep 2', 'retrain.fetch')"
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
    with pytest.raises(BusyError, match=f"process {process.pid} on "), lock.held():
        pass
    deadline = time.monotonic() + 30
    while not free() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert free()


def free() -> bool:
    """Tell whether the lock can be had."""
    try:
        with lock.held():
            return True
    except BusyError:
        return False
