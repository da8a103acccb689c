"""Children that end with us, and signals: real processes, sent to ourselves."""

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from secondlook.config.processes import (
    build_environment,
    handle_signals,
    ignore_signals,
    run_command,
    start_command,
)


def test_python_is_this_one() -> None:
    """Also where PATH is bare or missing, and where others are changed; the rest stays."""
    here = str(Path(sys.executable).parent)
    for base in ({"A": "1", "PATH": "/usr/bin:/bin"}, {"A": "1"}):
        environment = build_environment(base, B="2")
        assert shutil.which("dvc", path=environment["PATH"]) == f"{here}/dvc"
        assert (environment["A"], environment["B"]) == ("1", "2")
        assert environment["PATH"].split(":")[1:]


def test_what_is_printed_is_returned(tmp_path: Path) -> None:
    """Both streams apart, odd bytes too, from the folder and with the variables given."""
    script = "pwd; echo $A; printf '\\377' >&2; exit 3"
    environment = build_environment(A="1")
    done = run_command(
        ["/bin/sh", "-c", script], cwd=tmp_path, environment=environment, capture=True
    )
    assert (done.returncode, done.stdout, done.stderr) == (3, f"{tmp_path}\n1\n", "\ufffd")


def test_a_block_that_fails_ends_the_child_and_its_children() -> None:
    """What a shell started in the background is gone as well."""
    below: list[psutil.Process] = []
    command = ["/bin/sh", "-c", "sleep 60 & echo $!; wait"]

    def interrupt() -> None:
        with start_command(command, stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            below.append(psutil.Process(int(process.stdout.readline())))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupt()
    _, left = psutil.wait_procs(below, timeout=10)
    assert left == []


def test_a_block_that_fails_late_keeps_its_error() -> None:
    """Where the child is at its end already, there is nothing to end."""

    def fail_late() -> None:
        with start_command(["true"]) as process:
            process.wait()
            _ = 1 / 0

    with pytest.raises(ZeroDivisionError):
        fail_late()


def test_a_signal_is_handled_inside_alone() -> None:
    """As it was before, afterwards; one that is ignored stays so."""
    heard: list[int] = []
    before = signal.getsignal(signal.SIGTERM)
    with (
        ignore_signals([signal.SIGHUP]),
        handle_signals(lambda number, _: heard.append(number), [signal.SIGHUP, signal.SIGTERM]),
    ):
        for number in (signal.SIGHUP, signal.SIGTERM):
            os.kill(os.getpid(), number)
    assert heard == [signal.SIGTERM]
    assert signal.getsignal(signal.SIGTERM) == before
