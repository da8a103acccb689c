"""The state of a training between two epochs, saved so that a killed one resumes.

It holds all that the epochs to come depend on. It lies in .dvc/tmp, not in data/, for DVC empties
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
from dataclasses import asdict, dataclass
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
ARRAY_FIELDS = ("variables", "best_weights")
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
    """A training after its `epoch`-th epoch (from 1).

    begun: after which epoch each phase began, the one it is in last; history: the numbers of each
    epoch; variables: weights, random state of layers and optimizer, as `model.state` gives them;
    patience and best_weights: what early stopping remembers, empty without it.
    """

    epoch: int
    begun: list[int]
    history: list[dict[str, float]]
    patience: dict[str, float]
    variables: Arrays
    best_weights: Arrays


def serialize_state(state: TrainingState, owner: StateOwner) -> Chunks:
    """Return what a file holds of a state, in parts, so that big arrays are not copied.

    That is the SHA-256 of all that follows; the length of a JSON text, 8 bytes; the text, which
    names type and shape of each array; the arrays.
    """
    # Not np.savez: its checksums leave out the zip's own directory. Of 18,586 bytes of a small
    # state, 8 could change and give other arrays without an error; here no byte can. Of 213 MB
    # it writes in 0.16 s instead of 0.20, and no fewer bytes.
    names = ("epoch", "begun", "history", "patience")
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
    variables, best = (
        [_read_array(file, *form) for form in text["forms"][kind]] for kind in ARRAY_FIELDS
    )
    return TrainingState(**text["told"], variables=variables, best_weights=best)


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
        self.epoch = 0  # of the state on disk; 0 is none
        self._begun = time.monotonic()
        self._writer = ThreadPoolExecutor(1)
        self._writing: Future[None] | None = None
        self._failing = False

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
        self.epoch = state.epoch
        return state

    def is_due(self) -> bool:
        """Tell whether an epoch that ends now is to be saved."""
        if self._writing is not None and not self._writing.done():
            return False
        return time.monotonic() - self._begun >= self.seconds

    def save(self, state: TrainingState) -> None:
        """Begin to write a state in the place of the one before."""
        self.wait_for_write()
        self._begun = time.monotonic()
        self._writing = self._writer.submit(self._write, state)

    def _write(self, state: TrainingState) -> None:
        """Write; a disk that is full is no reason to end a training that may yet finish."""
        try:
            write_atomically(self.path, serialize_state(state, self.owner))
        except OSError as error:
            if not self._failing:
                lost = f"an interruption would lose what follows epoch {self.epoch}"
                _print_warning(
                    f"{self.path}: {error.strerror}: epoch {state.epoch} is not saved; {lost}"
                )
            self._failing = True
        else:
            self.epoch, self._failing = state.epoch, False

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
        if self.epoch:
            return f"epoch {self.epoch} is saved: `dvc repro` resumes after it"
        if self.path.exists():  # interrupted before it was read
            return "`dvc repro` resumes after the last epoch that was saved"
        return "no epoch was saved yet: `dvc repro` starts this training anew"

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
