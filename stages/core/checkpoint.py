"""Where the state of a training is saved, so that a killed one resumes.

That is in .dvc/tmp, not in data/, for DVC empties the outputs of a stage before it runs. A state
belongs to one run key: other parameters, data or code never pick it up.
"""

import os
import sys
import tempfile
import time
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Self

from stages.core import environment
from stages.core.state import Owner, Parts, State, packed, unpacked

FOLDER = Path(".dvc", "tmp", "second_look", "states")
FORGOTTEN = 30 * 24 * 3600  # seconds after which nobody is expected to come back for a state


class Checkpoint:
    """The saved state of one run key, and a context around its training.

    States are written beside the training, by a thread: a slow disk does not hold it up. On
    leaving, the last one is waited for; where all went well it is removed, after Ctrl-C the
    interruption says what comes next. States are at least `seconds` apart.
    """

    def __init__(self, key: str, seconds: float) -> None:
        # DVC_ROOT is the real project, also in the copy where `dvc exp run --temp` works.
        self.path = Path(os.environ.get("DVC_ROOT", ""), FOLDER, f"{key}.state")
        self.key, self.seconds = key, seconds
        self.epoch = 0  # of the state on disk; 0 is none
        self._begun = time.monotonic()
        self._writer = ThreadPoolExecutor(1)
        self._writing: Future[None] | None = None
        self._failing = False

    @cached_property
    def owner(self) -> Owner:
        """The run in this environment; asked for late, when TensorFlow can tell the GPU."""
        return Owner(self.key, environment.here())

    def read(self) -> State | None:
        """Return what was saved, if anything; what cannot be used is put aside, with a warning."""
        try:
            state = unpacked(self.path.read_bytes(), self.owner)
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as reason:
            self._put_aside(reason)
            return None
        self.epoch = state.epoch
        return state

    def due(self) -> bool:
        """Tell whether an epoch that ends now is to be saved."""
        if self._writing is not None and not self._writing.done():
            return False
        return time.monotonic() - self._begun >= self.seconds

    def save(self, state: State) -> None:
        """Begin to write a state in the place of the one before."""
        self.settle()
        self._begun = time.monotonic()
        self._writing = self._writer.submit(self._write, state)

    def _write(self, state: State) -> None:
        """Write; a disk that is full is no reason to end a training that may yet finish."""
        try:
            replace(self.path, packed(state, self.owner))
        except OSError as error:
            if not self._failing:
                lost = f"an interruption would lose what follows epoch {self.epoch}"
                warn(f"{self.path}: {error.strerror}: epoch {state.epoch} is not saved; {lost}")
            self._failing = True
        else:
            self.epoch, self._failing = state.epoch, False

    def settle(self) -> None:
        """Wait for what is being written; a bug over there is raised here."""
        if self._writing is not None:
            self._writing.result()

    def _put_aside(self, reason: Exception) -> None:
        aside = self.path.with_suffix(".unusable")
        with suppress(OSError):
            self.path.replace(aside)
        warn(f"{self.path}: {reason}; put aside as {aside.name}, the training starts anew")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._writer.shutdown()
        if kind is None:
            self.settle()
            self._remove()
        elif issubclass(kind, KeyboardInterrupt):
            raise KeyboardInterrupt(self._outlook()) from error

    def _outlook(self) -> str:
        if self.epoch:
            return f"epoch {self.epoch} is saved: `dvc repro` resumes after it"
        if self.path.exists():  # interrupted before it was read
            return "`dvc repro` resumes after the last epoch that was saved"
        return "no epoch was saved yet: `dvc repro` starts this training anew"

    def _remove(self) -> None:
        """Remove all of this run, and what was left by runs that nobody came back for."""
        for path in self.path.parent.glob("*"):
            with suppress(OSError):  # another process may be faster
                old = time.time() - path.stat().st_mtime > FORGOTTEN
                if old or path.name.startswith(self.key):
                    path.unlink()


def replace(path: Path, content: Parts) -> None:
    """Write a file so that it has its old or its new content, whenever the power goes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, partial = tempfile.mkstemp(prefix=f"{path.name}.", dir=path.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.writelines(content)
            file.flush()
            os.fsync(file.fileno())
        Path(partial).replace(path)
    finally:
        Path(partial).unlink(missing_ok=True)
    folder = os.open(path.parent, os.O_RDONLY)
    os.fsync(folder)  # the name is in there
    os.close(folder)


def warn(text: str) -> None:
    """Say on stderr, in one line, what a training does without."""
    print(f"secondlook: warning: {text}", file=sys.stderr, flush=True)
