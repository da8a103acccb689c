"""Processes: children that end with us, signals that end us, and what one has to itself.

git and other programs are our children. A lock, or a temporary folder, is held by one process,
however that ends: the system unlocks the file of one that is gone, and a folder is known by such
a file in it.
"""

import fcntl
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import TextIO

from secondlook.config.errors import BusyError, SecondLookError

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
        encoding="utf-8",
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


def interrupt_session(process: "subprocess.Popen[str]") -> None:
    """Interrupt a child of start_command and all it started, as Ctrl-C does; harder under nohup."""
    ignored = signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    with suppress(ProcessLookupError):  # all of them are at their end
        os.killpg(process.pid, signal.SIGTERM if ignored else signal.SIGINT)


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
def silence_stderr() -> Iterator[None]:
    """Let nothing be seen that goes to stderr, by C++ code neither: an error says what failed."""
    loud = os.dup(2)
    with Path(os.devnull).open("w") as nowhere:
        os.dup2(nowhere.fileno(), 2)
    try:
        yield
    finally:
        os.dup2(loud, 2)
        os.close(loud)


def run_git(
    *arguments: str, index: Path | None = None, variables: Mapping[str, str] | None = None
) -> str:
    """Return what git prints, bytes that are not UTF-8 as surrogates.

    `index` stands in for the repository's own, `variables` are set besides. Raises SecondLookError,
    with git's first words and the setting that it advises, where it fails: no git, no repository,
    no such commit.
    """
    chosen = {**(variables or {}), **({"GIT_INDEX_FILE": str(index)} if index else {})}
    try:
        done = subprocess.run(
            ["git", *arguments], env=os.environ | chosen, capture_output=True, check=False
        )
    except OSError as error:
        raise SecondLookError(f"git: {error.strerror}; install it") from None
    if done.returncode:
        reason, *more = done.stderr.decode(errors="replace").strip().splitlines() or ["failed"]
        advice = "".join(f"; {line.strip()}" for line in more if line.startswith("\tgit config "))
        raise SecondLookError(f"git {_find_git_command(arguments)}: {reason}{advice}")
    return done.stdout.decode(errors="surrogateescape")


def _find_git_command(arguments: tuple[str, ...]) -> str:
    """Return the git command among the arguments, without options before it."""
    skipped = {"-C", "-c"}
    pairs = zip(("", *arguments), arguments, strict=False)
    return next(word for before, word in pairs if word not in skipped and before not in skipped)


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


Refusal = Callable[[str], str]  # what the holder noted -> what is told to whoever comes second


@contextmanager
def hold_lock(path: Path, refuse: Refusal | None = None, note: str = "") -> Iterator[int]:
    """Hold the lock of a file, made where missing in a folder that is there; give its descriptor.

    Whoever comes second waits or, with `refuse`, gets a BusyError; `note` is for them, and stays
    in the file. A child that is given the descriptor holds the lock too. The file is left where
    it is. A holder may delete it as the last thing it does: who waited then locks the next one.
    """
    while True:
        with path.open("a+", encoding="utf-8") as file:
            if refuse is None:
                fcntl.flock(file, fcntl.LOCK_EX)
            else:
                _lock_or_refuse(file, refuse)
            if not _is_in_place(file, path):
                continue
            if note:
                file.truncate(0)
                file.write(note)
                file.flush()
            yield file.fileno()
            return


def _lock_or_refuse(file: TextIO, refuse: Refusal) -> None:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.seek(0)
        raise BusyError(refuse(file.read())) from None


def _is_in_place(file: TextIO, path: Path) -> bool:
    """Tell whether the open file is the one that others find, and lock."""
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    except FileNotFoundError:
        return False


OWNER_LOCK = "owner.lock"  # in a temporary folder, locked as long as its process lives


def _ignore_users(_: Path) -> None:
    """Do nothing about what may still work in an abandoned folder."""


@contextmanager
def make_temporary_folder(
    prefix: str, end_users: Callable[[Path], None] = _ignore_users
) -> Iterator[Path]:
    """Give an empty folder, named with the prefix, that is removed afterwards.

    What killed processes left of that prefix is removed first, after `end_users` has ended what
    still works there. One without a lock is of a process killed while it made or cleared it.
    """
    for abandoned in Path(tempfile.gettempdir()).resolve().glob(f"{prefix}*"):
        with suppress(OSError, BusyError):  # it was cleared just now, or its process lives
            if abandoned.lstat().st_uid == os.getuid():
                with hold_lock(abandoned / OWNER_LOCK, refuse=str):
                    end_users(abandoned)
                    _clear_folder(abandoned)
    with ExitStack() as owned:
        folder = _make_locked_folder(prefix, owned)
        try:
            yield folder
        finally:
            with ignore_signals():  # an impatient second Ctrl-C
                _clear_folder(folder)


def _make_locked_folder(prefix: str, owned: ExitStack) -> Path:
    """Return a new folder, whose lock is held until `owned` is closed; children do not hold it."""
    while True:
        folder = Path(tempfile.mkdtemp(prefix=prefix)).resolve()
        with suppress(FileNotFoundError):  # another start cleared it, before it was locked
            owned.enter_context(hold_lock(folder / OWNER_LOCK))
            return folder


def _clear_folder(folder: Path) -> None:
    """Remove a folder whose lock is held, and the lock last: as long as it is there it counts."""
    for path in list(folder.iterdir()) if folder.is_dir() else ():
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        elif path.name != OWNER_LOCK:
            with suppress(OSError):
                path.unlink()
    (folder / OWNER_LOCK).unlink(missing_ok=True)
    with suppress(OSError):  # what cannot be removed now is left to the next start
        folder.rmdir()
