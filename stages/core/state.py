"""A training between two epochs, as bytes: all that the epochs to come depend on."""

import hashlib
import io
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stages.core import environment

DIGEST = hashlib.sha256().digest_size  # bytes, before the archive
ARRAYS = ("variables", "best_weights")
Arrays = list[NDArray[Any]]


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


def packed(state: State, owner: Owner) -> bytes:
    """Return a state as a file holds it: the SHA-256 of an .npz archive, and the archive."""
    told = {"epoch": state.epoch, "history": state.history, "patience": state.patience}
    text = json.dumps({"owner": asdict(owner), "told": told})
    arrays: dict[str, NDArray[Any]] = {"text": np.frombuffer(text.encode(), np.uint8)}
    for kind in ARRAYS:
        arrays |= {f"{kind}/{i}": array for i, array in enumerate(getattr(state, kind))}
    archive = io.BytesIO()
    np.savez(archive, allow_pickle=False, **arrays)
    return hashlib.sha256(archive.getbuffer()).digest() + archive.getbuffer()


def unpacked(content: bytes, owner: Owner) -> State:
    """Return the state that a file holds.

    Raises ValueError with the reason when it is damaged or not the owner's.
    """
    archive = memoryview(content)[DIGEST:]
    if hashlib.sha256(archive).digest() != content[:DIGEST]:
        raise ValueError("the saved state is damaged")
    with np.load(io.BytesIO(archive), allow_pickle=False) as saved:
        text = json.loads(saved["text"].tobytes())
        _check(Owner(**text["owner"]), owner)
        variables, best_weights = (
            [saved[name] for name in saved.files if name.startswith(kind)] for kind in ARRAYS
        )
    return State(**text["told"], variables=variables, best_weights=best_weights)


def _check(found: Owner, wanted: Owner) -> None:
    if found.key != wanted.key:
        raise ValueError("the saved state is another run's")
    if changed := ", ".join(environment.changes(found.environment, wanted.environment)):
        raise ValueError(f"the saved state is from another environment ({changed})")
