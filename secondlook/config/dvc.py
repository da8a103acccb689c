"""dvc as a subprocess; and a stage that ends with the dvc above it, and with who started that.

dvc starts a stage through a shell. Where dvc alone is killed, shell and stage go on as orphans,
and the next `dvc repro` trains the same run beside them: nobody waits for it any more.
"""

import _thread
import json
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from itertools import chain
from pathlib import Path
from subprocess import CompletedProcess
from types import FrameType
from typing import TYPE_CHECKING, Any

from secondlook.config.errors import SecondLookError
from secondlook.config.processes import Command, hold_lock, run_command

if TYPE_CHECKING:
    import psutil

SECONDS = 0.5  # between two looks
NOTES_FILE = Path(".dvc", "tmp", "rwlock")  # of dvc: which processes read and write what
LONGEST_DEATH = 2.0  # seconds that one which is being killed may take
ERROR_PREFIX = "ERROR: "  # of the line in which dvc says why it failed
STAGE_PREFIX = "secondlook: "  # of the line in which a stage says why it failed
WARNING_PREFIX = "secondlook: warning"
OVERSEER_VARIABLE = "SECOND_LOOK_OVERSEER"  # number and start of the process that started dvc
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
    forget_ended_processes(cwd or Path())
    return run_command(command, cwd=cwd, environment=environment, capture=capture)


def load_dvc_status(
    *arguments: str, cwd: Path | None = None, environment: Mapping[str, str] | None = None
) -> dict[str, list[Any]]:
    """Return what `dvc status` says of each stage that is not as dvc.lock has it.

    Without arguments of the pipeline's, not of the trials of sweeps beside it.
    Raises SecondLookError, with dvc's words in one line, where it cannot tell.
    """
    asked = run_dvc(
        "status",
        "--json",
        *(arguments or ("dvc.yaml",)),
        cwd=cwd,
        environment=environment,
        capture=True,
    )
    if asked.returncode:
        reason = " ".join(asked.stderr.split()).removeprefix(ERROR_PREFIX)
        raise SecondLookError(f"{' '.join(('dvc status', *arguments))}: {reason}")
    found: dict[str, list[Any]] = json.loads(asked.stdout or "{}")
    return found


def tells_only_missing(told: list[Any]) -> bool:
    """Tell whether all that `dvc status` says of stages is that files are not here."""
    kinds = (kind for each in told if isinstance(each, dict) for kind in each.values())
    states = {str(state) for kind in kinds for state in kind.values()}  # of params, a mapping
    return all(isinstance(each, dict) for each in told) and states <= {"deleted", "not in cache"}


def find_failure_reason(lines: list[str]) -> str | None:
    """Return why dvc failed: the last line of a stage's own, of dvc's, or any."""
    told = [
        line
        for line in lines
        if line.startswith(STAGE_PREFIX) and not line.startswith(WARNING_PREFIX)
    ]
    errors = [line for line in lines if line.startswith(ERROR_PREFIX)]
    spoken = [line for line in lines if line.strip()]
    last = next((found[-1] for found in (told, errors, spoken) if found), None)
    return last and last.removeprefix(STAGE_PREFIX).removeprefix(ERROR_PREFIX)


def forget_ended_processes(project: Path) -> None:
    """Strike out of dvc's notes who reads and writes what, those that are at their end.

    dvc itself refuses, until somebody deletes the note, where one has ended that nobody has
    buried, as in many a container, or where its number has gone to another process since. Those
    that are being killed have a moment; who lives stays, and dvc tells of them.
    """
    notes = project / NOTES_FILE
    deadline = time.monotonic() + LONGEST_DEATH
    try:
        while noted := _load_notes(notes):
            ended = {pid for pid in noted if _has_ended(pid, notes.stat().st_mtime)}
            if ended:
                with hold_lock(notes.with_name(f"{notes.name}.lock")):
                    _strike_out(notes, ended)
            if ended == noted or time.monotonic() > deadline:
                return
            time.sleep(0.1)
    except (OSError, ValueError, AttributeError, KeyError, TypeError):
        return  # none there, damaged, or in another form: dvc says what is to be done


def _load_notes(notes: Path) -> set[int]:
    """Return the numbers of the processes that dvc noted."""
    listed = json.loads(notes.read_text(encoding="utf-8"))
    readers = chain.from_iterable(listed.get("read", {}).values())
    return {int(each["pid"]) for each in (*readers, *listed.get("write", {}).values())}


def _strike_out(notes: Path, ended: set[int]) -> None:
    """Write dvc's notes without some processes."""
    listed = json.loads(notes.read_text(encoding="utf-8"))
    readers = {
        path: [each for each in noted if each["pid"] not in ended]
        for path, noted in listed.get("read", {}).items()
    }
    writers = listed.get("write", {}).items()
    kept = {
        "read": {path: noted for path, noted in readers.items() if noted},
        "write": {path: noted for path, noted in writers if noted["pid"] not in ended},
    }
    notes.write_text(json.dumps(kept), encoding="utf-8")


def _has_ended(pid: int, noted: float) -> bool:
    """Tell whether the process with this number that was noted by then (s since 1970) is gone."""
    import psutil

    try:
        process = psutil.Process(pid)
        later = process.create_time() > noted + 1  # it has the number of one that is gone
        return not _is_alive(process) or (later and not _is_dvc(process))
    except psutil.NoSuchProcess:
        return True
    except psutil.Error:  # of somebody else
        return False


def name_overseer() -> dict[str, str]:
    """Return the variable that tells the stages of a dvc to end when this process is gone."""
    import psutil

    return {OVERSEER_VARIABLE: f"{os.getpid()} {psutil.Process().create_time()}"}


@contextmanager
def end_with_dvc() -> Iterator[None]:
    """Interrupt what is done inside, as Ctrl-C does, once the dvc above this process is gone.

    Likewise once the process is gone that oversees this dvc. Nothing is watched where dvc did not
    start this process.
    """
    watched = [process for process in (_find_dvc(), _find_overseer()) if process is not None]
    if not watched:
        yield
        return
    done = threading.Event()
    before = signal.signal(SIGNAL, raise_interrupt)
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
        with suppress(psutil.Error):  # gone, or of somebody else
            if _is_dvc(parent):
                return parent
    return None


def _find_overseer() -> "psutil.Process | None":
    """Return the process that oversees the dvc above; None where none does.

    Raises KeyboardInterrupt where it is gone already.
    """
    if OVERSEER_VARIABLE not in os.environ or "DVC_STAGE" not in os.environ:
        return None
    import psutil

    number, start = os.environ[OVERSEER_VARIABLE].split()
    with suppress(psutil.NoSuchProcess):
        process = psutil.Process(int(number))
        if abs(process.create_time() - float(start)) < LONGEST_DEATH:  # clocks are set meanwhile
            return process
    raise KeyboardInterrupt


def _is_dvc(process: "psutil.Process") -> bool:
    """Tell a dvc by its command line."""
    return "dvc" in {Path(part).name for part in process.cmdline()[:3]}


def _watch(watched: "list[psutil.Process]", done: threading.Event) -> None:
    while not done.wait(SECONDS):
        if not all(map(_is_alive, watched)):
            _thread.interrupt_main(SIGNAL)
            return


def _is_alive(process: "psutil.Process") -> bool:
    """Tell whether it still works; one that nobody has buried does not."""
    import psutil

    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def raise_interrupt(_number: int, _frame: FrameType | None) -> None:
    """Do what Ctrl-C does: a handler of signals."""
    raise KeyboardInterrupt
