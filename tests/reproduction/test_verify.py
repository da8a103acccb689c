"""The verdict on a rerun, in words."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from secondlook.reproduction.verify import (
    UNKNOWN_ENVIRONMENT,
    ValueDifference,
    Verification,
    compare_predictions,
)

SAME = {"split": None, "preprocess": None, "train": None, "evaluate": None}
OTHER = SAME | {
    "train": ValueDifference("history.csv: row 1: loss", 0.5, 0.25),
    "evaluate": ValueDifference("metrics.json: test: f1", 0.5, 0.75),
}
HERE = {"python": "3.12", "package keras": "3"}


def format_verification(
    stages: Mapping[str, ValueDifference | None], then: Mapping[str, str] | None = HERE
) -> list[str]:
    """Return the lines of a verdict."""
    told = {"test": "0.5 apart at most, 1 of 2 answered otherwise"}
    strayed = ["stages/train.py"]
    return list(Verification(stages, "w" * 64, told, strayed, then, HERE).format_lines())


def test_identical_is_said_in_a_line() -> None:
    """Every stage is named, and what is the same."""
    assert format_verification(SAME) == [
        "  split       identical",
        "  preprocess  identical",
        "  train       identical",
        "  evaluate    identical",
        "bit-identical: weights wwwwwwww, predictions of test, metrics",
    ]


def test_the_first_difference_is_said_with_its_surroundings() -> None:
    """Stage, number, predictions, code that is another, and what is another around it."""
    then = HERE | {"python": "3.11"}
    assert format_verification(OTHER, then)[2:] == [
        "  train       history.csv: row 1: loss: 0.5 then, 0.25 now (-0.25)",
        "  evaluate    metrics.json: test: f1: 0.5 then, 0.75 now (+0.25)",
        "different, first in train: history.csv: row 1: loss: 0.5 then, 0.25 now (-0.25)",
        "  predictions of test: 0.5 apart at most, 1 of 2 answered otherwise",
        "  not what the run was made with: stages/train.py",
        "  the environment differs:",
        "    python: 3.11 then, 3.12 now",
    ]


def test_what_is_not_known_is_not_said_to_be_the_same() -> None:
    """A run whose training nobody here saw has an unknown environment."""
    assert format_verification(OTHER)[-1] == "  the environment is the same, as far as told"
    assert format_verification(OTHER, None)[-1] == f"  {UNKNOWN_ENVIRONMENT}"


def test_predictions_are_measured(tmp_path: Path) -> None:
    """The largest distance, and how many answers are others; other sizes are told."""
    then, now = tmp_path / "then.npz", tmp_path / "now.npz"
    old = np.array([[0.75, 0.25], [0.5, 0.5]])
    np.savez(then, allow_pickle=False, test=old, validation=old)
    np.savez(now, allow_pickle=False, test=old[:, ::-1], validation=old[:1])
    assert compare_predictions(then, now) == {
        "test": "0.5 apart at most, 1 of 2 answered otherwise",
        "validation": "2 images then, 1 now",
    }
