"""dvc as a subprocess; and a training that ends with the dvc above it.

dvc starts a stage through a shell. Where dvc alone is killed, shell and training go on as orphans,
and the next `dvc repro` trains the same run beside them: nobody waits for it any more.
"""

import _thread
import json
import os
import signal
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from subprocess import CompletedProcess
from types import FrameType
from typing import TYPE_CHECKING, Any

from secondlook.config.errors import SecondLookError
from secondlook.config.processes import Command, run_command

if TYPE_CHECKING:
    import psutil

SECONDS = 0.5  # between two looks
ERROR_PREFIX = "ERROR: "  # of the line in which dvc says why it failed
SIGNAL = signal.SIGUSR1  # not SIGINT: that may be ignored, as under nohup


def build_dvc_command(*arguments: str) -> Command:
    """Return the command line of this environment's dvc."""
    return [sys.executable, "-m", "dvc", *arguments]


def run_dvc(
    *arguments: str,
    cwd: Path | None = None,
    environment: Mapping[str, str] | None = None,
    capture: bool = False,
) -> CompletedProcess[str]:
    """Run dvc to its end; what it prints is shown, or with `capture` returned."""
    command = build_dvc_command(*arguments)
    return run_command(command, cwd=cwd, environment=environment, capture=capture)


def load_dvc_status(
    *arguments: str, cwd: Path | None = None, environment: Mapping[str, str] | None = None
) -> dict[str, list[Any]]:
    """Return what `dvc status` says of each stage that is not as dvc.lock has it.

    Raises SecondLookError, with dvc's words in one line, where it cannot tell.
    """
    asked = run_dvc("status", "--json", *arguments, cwd=cwd, environment=environment, capture=True)
    if asked.returncode:
        reason = " ".join(asked.stderr.split()).removeprefix(ERROR_PREFIX)
        raise SecondLookError(f"{' '.join(('dvc status', *arguments))}: {reason}")
    found: dict[str, list[Any]] = json.loads(asked.stdout or "{}")
    return found


@contextmanager
def end_with_dvc() -> Iterator[None]:
    """Interrupt what is done inside, as Ctrl-C does, once the dvc above this process is gone.

    Nothing is watched where dvc did not start this process.
    """
    watched = _find_dvc()
    if watched is None:
        yield
        return
    done = threading.Event()
    before = signal.signal(SIGNAL, _interrupt)
    threading.Thread(target=_watch, args=(watched, done), daemon=True).start()
    try:
        yield
    finally:
        done.set()
        signal.signal(SIGNAL, before)


def _find_dvc() -> "psutil.Process | None":
    """Return the nearest dvc that this process descends from; None where there is none."""
    if "DVC_STAGE" not in os.environ:
        return None
    import psutil

    for parent in psutil.Process().parents():
        try:
            command = parent.cmdline()
        except psutil.Error:  # gone, or of somebody else
            continue
        if "dvc" in {Path(part).name for part in command[:3]}:
            return parent
    return None


def _watch(watched: "psutil.Process", done: threading.Event) -> None:
    while not done.wait(SECONDS):
        if not _is_alive(watched):
            _thread.interrupt_main(SIGNAL)
            return


def _is_alive(process: "psutil.Process") -> bool:
    """Tell whether it still works; one that nobody has buried does not."""
    import psutil

    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt
