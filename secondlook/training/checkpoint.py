"""The state of a training between two batches, saved so that a killed one resumes.

It holds all that what is to come depends on. It lies in .dvc/tmp, not in data/, for DVC empties
the outputs of a stage before it runs, and belongs to one run key: other parameters, data or code
never pick it up.
"""

import hashlib
import json
import math
import os
import sys
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from functools import cached_property
from io import BytesIO
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Self

import numpy as np
from numpy.typing import NDArray

from secondlook.artifacts.files import Chunks, write_atomically
from secondlook.training import environment

DIGEST_BYTES, LENGTH_BYTES = hashlib.sha256().digest_size, 8  # bytes
ARRAY_FIELDS = ("variables", "best_weights", "measures")
# Within an epoch states are this many times as far apart as one takes to write: however slow the
# disk and large the network, that takes a training a twentieth of its time at most.
WRITE_TIMES_APART = 20
Arrays = list[NDArray[Any]]


@dataclass(frozen=True)
class StateOwner:
    """Whose a state is: the run key, and the environment as `environment.here` tells it.

    Other libraries or another CPU would go on with other last digits.
    """

    key: str
    environment: Mapping[str, str]


@dataclass(frozen=True)
class TrainingState:
    """A training after its `epoch`-th epoch (from 1), and `step` batches of the next.

    begun: after which epoch each phase began, the one it is in last; history: the numbers of each
    epoch; variables: weights, random state of layers and optimizer, as `copy_variables` gives them;
    patience and best_weights: what early stopping remembers, empty without it; measures: running
    sums of an epoch that is not over.
    """

    epoch: int
    begun: list[int]
    history: list[dict[str, float]]
    patience: dict[str, float]
    variables: Arrays
    best_weights: Arrays
    step: int = 0
    measures: Arrays = field(default_factory=list)

    @property
    def place(self) -> str:
        """What was trained last, in words."""
        return (
            f"batch {self.step} of epoch {self.epoch + 1}" if self.step else f"epoch {self.epoch}"
        )


def serialize_state(state: TrainingState, owner: StateOwner) -> Chunks:
    """Return what a file holds of a state, in parts, so that big arrays are not copied.

    That is the SHA-256 of all that follows; the length of a JSON text, 8 bytes; the text, which
    names type and shape of each array; the arrays.
    """
    # Not np.savez: its checksums leave out the zip's own directory. Of 18,586 bytes of a small
    # state, 8 could change and give other arrays without an error; here no byte can. Of 213 MB
    # it writes in 0.16 s instead of 0.20, and no fewer bytes.
    names = ("epoch", "begun", "history", "patience", "step")
    told = {name: getattr(state, name) for name in names}
    lists = {
        kind: [np.asarray(a, order="C") for a in getattr(state, kind)] for kind in ARRAY_FIELDS
    }
    forms = {kind: [(a.dtype.str, a.shape) for a in arrays] for kind, arrays in lists.items()}
    text = json.dumps({"owner": asdict(owner), "told": told, "forms": forms}).encode()
    arrays = [array.data for arrays in lists.values() for array in arrays]
    return _prepend_digest([len(text).to_bytes(LENGTH_BYTES), text, *arrays])


def _prepend_digest(parts: Chunks) -> Chunks:
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part)
    return [digest.digest(), *parts]


def deserialize_state(content: bytes, owner: StateOwner) -> TrainingState:
    """Return the state that a file holds.

    Raises ValueError with the reason when it is damaged or not the owner's.
    """
    if hashlib.sha256(memoryview(content)[DIGEST_BYTES:]).digest() != content[:DIGEST_BYTES]:
        raise ValueError("the saved state is damaged")
    start = DIGEST_BYTES + LENGTH_BYTES
    end = start + int.from_bytes(content[DIGEST_BYTES:start])
    text = json.loads(content[start:end])
    _check_owner(StateOwner(**text["owner"]), owner)
    file = BytesIO(memoryview(content)[end:])
    arrays: dict[str, Any] = {
        kind: [_read_array(file, *form) for form in text["forms"][kind]] for kind in ARRAY_FIELDS
    }
    return TrainingState(**text["told"], **arrays)


def _read_array(file: BinaryIO, kind: str, shape: Sequence[int]) -> NDArray[Any]:
    data = file.read(math.prod(shape) * np.dtype(kind).itemsize)
    return np.frombuffer(data, kind).reshape(shape)


def _check_owner(found: StateOwner, wanted: StateOwner) -> None:
    if found.key != wanted.key:
        raise ValueError("the saved state is another run's")
    if changed := ", ".join(environment.describe_changes(found.environment, wanted.environment)):
        raise ValueError(f"the saved state is from another environment ({changed})")


STATES_FOLDER = Path(".dvc", "tmp", "second_look", "states")
FORGOTTEN_AFTER_SECONDS = (
    30 * 24 * 3600
)  # seconds after which nobody is expected to come back for a state


class Checkpoint:
    """The saved state of one run key, and a context around its training.

    States are written beside the training, by a thread: a slow disk does not hold it up. On
    leaving, the last one is waited for; where all went well it is removed, after Ctrl-C the
    interruption says what comes next. States are at least `seconds` apart.
    """

    def __init__(self, key: str, seconds: float) -> None:
        # DVC_ROOT is the real project, also in the copy where `dvc exp run --temp` works.
        self.path = Path(os.environ.get("DVC_ROOT", ""), STATES_FOLDER, f"{key}.state")
        self.key, self.seconds = key, seconds
        self.epoch, self.place = 0, ""  # of the state on disk; no place where there is none
        self._begun, self._cost = time.monotonic(), 0.0  # seconds that the last one took to write
        self._writer = ThreadPoolExecutor(1)
        self._writing: Future[None] | None = None
        self._within = self._failing = False

    @cached_property
    def owner(self) -> StateOwner:
        """The run in this environment; asked for late, when TensorFlow can tell the GPU."""
        return StateOwner(self.key, environment.describe_environment())

    def read(self) -> TrainingState | None:
        """Return what was saved, if anything; what cannot be used is put aside, with a warning."""
        try:
            state = deserialize_state(self.path.read_bytes(), self.owner)
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as reason:
            self._set_aside(reason)
            return None
        self.epoch, self.place = state.epoch, state.place
        return state

    def is_due(self, *, within: bool = False) -> bool:
        """Tell whether an epoch that ends now is to be saved, or a batch `within` one."""
        apart = max(self.seconds, WRITE_TIMES_APART * self._cost if within else 0.0)
        # The end of an epoch waits for what is written of its middle: that is seldom.
        if self._writing and not self._writing.done() and (within or not self._within):
            return False
        return time.monotonic() - self._begun >= apart

    def save(self, state: TrainingState) -> None:
        """Begin to write a state in the place of the one before."""
        self.wait_for_write()
        self._begun, self._within = time.monotonic(), state.step > 0
        self._writing = self._writer.submit(self._write, state)

    def _write(self, state: TrainingState) -> None:
        """Write; a disk that is full is no reason to end a training that may yet finish."""
        begun = time.monotonic()
        try:
            write_atomically(self.path, serialize_state(state, self.owner))
        except OSError as error:
            if not self._failing:
                lost = f"an interruption would lose what follows {self.place or 'the beginning'}"
                _print_warning(f"{self.path}: {error.strerror}: {state.place} is not saved; {lost}")
            self._failing = True
        else:
            self.epoch, self.place, self._failing = state.epoch, state.place, False
        self._cost = time.monotonic() - begun

    def wait_for_write(self) -> None:
        """Wait for what is being written; a bug over there is raised here."""
        if self._writing is not None:
            self._writing.result()

    def _set_aside(self, reason: Exception) -> None:
        aside = self.path.with_suffix(".unusable")
        with suppress(OSError):
            self.path.replace(aside)
        _print_warning(
            f"{self.path}: {reason}; put aside as {aside.name}, the training starts anew"
        )

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
            self.wait_for_write()
            self._remove()
        elif issubclass(kind, KeyboardInterrupt):
            raise KeyboardInterrupt(self._describe_outlook()) from error

    def _describe_outlook(self) -> str:
        if self.place:
            return f"{self.place} is saved: `dvc repro` resumes after it"
        if self.path.exists():  # interrupted before it was read
            return "`dvc repro` resumes where it was saved last"
        return "nothing was saved yet: `dvc repro` starts this training anew"

    def _remove(self) -> None:
        """Remove all of this run, and what was left by runs that nobody came back for."""
        for path in self.path.parent.glob("*"):
            with suppress(OSError):  # another process may be faster
                old = time.time() - path.stat().st_mtime > FORGOTTEN_AFTER_SECONDS
                if old or path.name.startswith(self.key):
                    path.unlink()


def _print_warning(text: str) -> None:
    """Say on stderr, in one line, what a training does without."""
    print(f"secondlook: warning: {text}", file=sys.stderr, flush=True)
