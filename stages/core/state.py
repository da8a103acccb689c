"""A training between two epochs, as bytes: all that the epochs to come depend on."""

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from io import BytesIO
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from stages.core import environment

DIGEST, LENGTH = hashlib.sha256().digest_size, 8  # bytes
ARRAYS = ("variables", "best_weights")
Arrays = list[NDArray[Any]]
Parts = list[bytes | memoryview]


@dataclass(frozen=True)
class Owner:
    """Whose a state is: the run key, and the environment as `environment.here` tells it.

    Other libraries or another CPU would go on with other last digits.
    """

    key: str
    environment: Mapping[str, str]


@dataclass(frozen=True)
class State:
    """A training after its `epoch`-th epoch (from 1).

    history: the numbers of each epoch; variables: weights, random state of layers and optimizer,
    as `model.state` gives them; patience and best_weights: what early stopping remembers, empty
    without it.
    """

    epoch: int
    history: list[dict[str, float]]
    patience: dict[str, float]
    variables: Arrays
    best_weights: Arrays


def packed(state: State, owner: Owner) -> Parts:
    """Return what a file holds of a state, in parts, so that big arrays are not copied.

    That is the SHA-256 of all that follows; the length of a JSON text, 8 bytes; the text, which
    names type and shape of each array; the arrays.
    """
    told = {"epoch": state.epoch, "history": state.history, "patience": state.patience}
    lists = {kind: [np.asarray(a, order="C") for a in getattr(state, kind)] for kind in ARRAYS}
    forms = {kind: [(a.dtype.str, a.shape) for a in arrays] for kind, arrays in lists.items()}
    text = json.dumps({"owner": asdict(owner), "told": told, "forms": forms}).encode()
    arrays = [array.data for arrays in lists.values() for array in arrays]
    return _signed([len(text).to_bytes(LENGTH), text, *arrays])


def _signed(parts: Parts) -> Parts:
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part)
    return [digest.digest(), *parts]


def unpacked(content: bytes, owner: Owner) -> State:
    """Return the state that a file holds.

    Raises ValueError with the reason when it is damaged or not the owner's.
    """
    if hashlib.sha256(memoryview(content)[DIGEST:]).digest() != content[:DIGEST]:
        raise ValueError("the saved state is damaged")
    start = DIGEST + LENGTH
    end = start + int.from_bytes(content[DIGEST:start])
    text = json.loads(content[start:end])
    _check(Owner(**text["owner"]), owner)
    file = BytesIO(memoryview(content)[end:])
    variables, best = ([_read(file, *form) for form in text["forms"][kind]] for kind in ARRAYS)
    return State(**text["told"], variables=variables, best_weights=best)


def _read(file: BinaryIO, kind: str, shape: Sequence[int]) -> NDArray[Any]:
    data = file.read(math.prod(shape) * np.dtype(kind).itemsize)
    return np.frombuffer(data, kind).reshape(shape)


def _check(found: Owner, wanted: Owner) -> None:
    if found.key != wanted.key:
        raise ValueError("the saved state is another run's")
    if changed := ", ".join(environment.changes(found.environment, wanted.environment)):
        raise ValueError(f"the saved state is from another environment ({changed})")
