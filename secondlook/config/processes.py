"""Other programs, git among them, as our children that end with us; and signals that end us."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType

from secondlook.config.errors import SecondLookError

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


def run_git(*arguments: str, index: Path | None = None) -> str:
    """Return what git prints, bytes that are not UTF-8 as surrogates.

    `index` stands in for the repository's own. Raises SecondLookError, with git's first words and
    the setting that it advises, where it fails: no git, no repository, no such commit.
    """
    chosen = {"GIT_INDEX_FILE": str(index)} if index else {}
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
