"""A training between two batches, as bytes."""

import math
from dataclasses import asdict

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from secondlook.training.checkpoint import (
    StateOwner,
    TrainingState,
    deserialize_state,
    serialize_state,
)

OWNER = StateOwner("a" * 64, {"package keras": "3.15.1", "threads": "2"})
STATE = TrainingState(
    epoch=2,
    begun=[0, 1],
    history=[
        {"epoch": 1, "validation/loss": 0.1, "validation/precision": math.nan},
        {"epoch": 2, "validation/loss": 1 / 3, "validation/precision": 1e-17},
    ],
    patience={"best": 0.1, "best_epoch": 0, "wait": 1, "stopped_epoch": 0},
    variables=[
        *(np.full((2, 3), number, np.float32) for number in range(12)),
        np.array([7, 2**32 - 1], np.uint32),
        np.array(5, np.int64),
        np.zeros((0, 3), np.float32),
        np.arange(6.0).reshape(2, 3).T,
    ],
    best_weights=[np.array([np.pi], np.float32)],
    step=7,
    measures=[np.array(0.1, np.float32), np.array(96.0, np.float32)],
)
CONTENT = b"".join(serialize_state(STATE, OWNER))


def test_every_bit_comes_back() -> None:
    """Numbers, NaN, whole and broken, and arrays of each kind, in their order."""
    told, expected = asdict(deserialize_state(CONTENT, OWNER)), asdict(STATE)
    for kind in ("variables", "best_weights", "measures"):
        found, wanted = told.pop(kind), expected.pop(kind)
        assert [array.dtype for array in found] == [array.dtype for array in wanted]
        assert [array.shape for array in found] == [array.shape for array in wanted]
        assert [array.tobytes() for array in found] == [array.tobytes() for array in wanted]
    assert repr(told) == repr(expected)  # NaN is not equal to itself
    assert isinstance(told["history"][0]["epoch"], int)


@given(st.integers(0, len(CONTENT) - 1), st.integers(1, 255))
def test_a_changed_byte_is_found(position: int, change: int) -> None:
    """Wherever a bit has flipped."""
    damaged = bytearray(CONTENT)
    damaged[position] ^= change
    with pytest.raises(ValueError, match="damaged"):
        deserialize_state(bytes(damaged), OWNER)


@given(st.integers(0, len(CONTENT) - 1))
def test_a_cut_is_found(size: int) -> None:
    """A file that lacks its end, or all of it, is no state."""
    with pytest.raises(ValueError, match="damaged"):
        deserialize_state(CONTENT[:size], OWNER)


@pytest.mark.parametrize(
    ("owner", "reason"),
    [
        (StateOwner("b" * 64, OWNER.environment), "another run's"),
        (
            StateOwner(OWNER.key, {"package keras": "3.16.0", "threads": "2"}),
            r"another environment \(keras: 3\.15\.1 then, 3\.16\.0 now\)",
        ),
    ],
)
def test_only_the_owner_gets_it(owner: StateOwner, reason: str) -> None:
    """Another run, or another version of a library, is refused with the reason."""
    with pytest.raises(ValueError, match=reason):
        deserialize_state(CONTENT, owner)
