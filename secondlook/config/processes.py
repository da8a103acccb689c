"""Other programs as our children, which end with us; and the signals that end us."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType

Command = list[str]
SignalHandler = Callable[[int, FrameType | None], object] | signal.Handlers
ENDING_SIGNALS = (signal.SIGTERM, signal.SIGHUP, signal.SIGINT)


def build_environment(base: Mapping[str, str] = os.environ, **changes: str) -> dict[str, str]:
    """Return environment variables in which `python` and its tools are this one's.

    Schedulers set a bare PATH, and people may not have activated anything.
    """
    path = f"{Path(sys.executable).parent}{os.pathsep}{base.get('PATH', os.defpath)}"
    return {**base, "PATH": path, **changes}


@contextmanager
def start_command(  # noqa: PLR0913 - what of Popen's own differs among those who call
    command: Command,
    *,
    cwd: Path | None = None,
    environment: Mapping[str, str] | None = None,
    stdin: int | None = None,
    stdout: int | None = None,
    stderr: int | None = None,
    pass_fds: Collection[int] = (),
) -> "Iterator[subprocess.Popen[str]]":
    """Give a child in a session of its own, which ends with all it started if the block fails.

    Ctrl-C thus reaches us alone, and none of them goes on writing where it no longer may.
    """
    with subprocess.Popen(
        command,
        cwd=cwd,
        env=build_environment() if environment is None else environment,
        stdin=stdin,
        stdout=stdout,
        stderr=stderr,
        text=True,
        errors="replace",
        start_new_session=True,
        pass_fds=pass_fds,
    ) as process:
        try:
            yield process
        except BaseException:
            with suppress(ProcessLookupError):  # all of them are at their end
                os.killpg(process.pid, signal.SIGKILL)
            raise


def run_command(
    command: Command,
    *,
    cwd: Path | None = None,
    environment: Mapping[str, str] | None = None,
    capture: bool = False,
) -> "subprocess.CompletedProcess[str]":
    """Run a command to its end; what it prints is shown, or with `capture` returned."""
    pipe = subprocess.PIPE if capture else None
    with start_command(
        command, cwd=cwd, environment=environment, stdout=pipe, stderr=pipe
    ) as process:
        out, err = process.communicate()
    return subprocess.CompletedProcess(command, process.returncode, out or "", err or "")


@contextmanager
def handle_signals(handler: SignalHandler, numbers: Collection[signal.Signals]) -> Iterator[None]:
    """Let signals be handled so; one that we were started to ignore (nohup) stays ignored."""
    heard = [number for number in numbers if signal.getsignal(number) is not signal.SIG_IGN]
    before = {number: signal.signal(number, handler) for number in heard}
    try:
        yield
    finally:
        for number, earlier in before.items():
            signal.signal(number, earlier)


@contextmanager
def ignore_signals(numbers: Collection[signal.Signals] = ENDING_SIGNALS) -> Iterator[None]:
    """Hear no signal for the second or two that something takes which must not stop halfway."""
    with handle_signals(signal.SIG_IGN, numbers):
        yield
