"""The gate: floors, a gain that is certain enough, and no class that pays for it."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stages.core.policy import Gate
from stages.core.retraining import gate
from stages.core.retraining.gate import Trial
from stages.core.statistics.answers import Answers, Truth

NAMES = ["not 8", "8"]
LABELS = np.array([0] * 300 + [1] * 100)


def asked(**changes: object) -> Gate:
    """Return a gate that asks for next to nothing but what is said."""
    lenient = {"floors": {}, "metric": "accuracy", "min_gain": -1, "max_class_recall_drop": 1}
    return Gate.model_validate(lenient | changes)


def answers(wrong: list[int], sure: float = 0.9) -> Answers:
    """Return answers that are right but for some images, each with that probability."""
    right = np.ones(len(LABELS), bool)
    right[wrong] = False
    given_class = np.where(right, LABELS, 1 - LABELS)
    probabilities = np.full((len(LABELS), 2), 1 - sure, np.float32)
    probabilities[np.arange(len(LABELS)), given_class] = sure
    return Answers.of(LABELS, probabilities)


def failed(champion: Answers | None, challenger: Answers, wanted: Gate) -> list[str]:
    """Return the names of the conditions that the challenger does not meet."""
    trial = Trial(Truth(LABELS, 2, 1), NAMES, champion, challenger, seed=1)
    return [check.name for check in gate.checks(trial, wanted) if not check.passed]


def test_the_first_model_meets_floors_alone() -> None:
    """Half of the eights are found: enough for 0.5, not for 0.6."""
    challenger = answers(list(range(300, 350)))
    assert failed(None, challenger, asked(floors={"recall": 0.5})) == []
    assert failed(None, challenger, asked(floors={"recall": 0.6})) == ["floor of recall"]


def test_floors_are_asked_of_a_better_model_too() -> None:
    """It is better than the champion, and still not good enough."""
    champion, challenger = answers(list(range(300, 380))), answers(list(range(300, 350)))
    assert failed(champion, challenger, asked(floors={"recall": 0.6})) == ["floor of recall"]


@pytest.mark.parametrize("metric", ["accuracy", "balanced_accuracy", "f1", "log_loss"])
def test_a_clear_gain_passes_and_its_reverse_does_not(metric: str) -> None:
    """Eighty mistakes against ten."""
    worse, better = answers(list(range(260, 340))), answers(list(range(295, 305)))
    wanted = asked(metric=metric, min_gain=0.0)
    assert failed(worse, better, wanted) == []
    assert f"gain in {metric}" in failed(better, worse, wanted)


def test_a_gain_has_to_be_certain_enough() -> None:
    """One mistake less may be chance: it is better, and not certainly not worse by 0.001."""
    champion, challenger = answers([0, 1, 2, 3]), answers([4, 5, 6])
    assert failed(champion, challenger, asked(min_gain=0.0)) == ["gain in accuracy"]
    assert failed(champion, challenger, asked(min_gain=-0.005)) == ["gain in accuracy"]
    assert failed(champion, challenger, asked(min_gain=-0.1)) == []


def test_the_same_answers_are_no_gain() -> None:
    """Who is not better at the point estimate is not promoted, whatever the limit."""
    assert failed(answers([0]), answers([0]), asked(min_gain=-1)) == ["gain in accuracy"]


def test_no_class_pays_for_the_gain() -> None:
    """More accurate in all, by giving half of the eights up: that class loses for certain."""
    champion, challenger = answers(list(range(120))), answers(list(range(300, 350)))
    wanted = asked(max_class_recall_drop=0.05)
    assert failed(champion, challenger, wanted) == ["recall of 8"]
    assert failed(champion, challenger, asked(max_class_recall_drop=0.7)) == []


def test_noise_in_a_class_is_no_loss() -> None:
    """Two eights fewer of a hundred are within what other images would show."""
    champion, challenger = answers(list(range(60))), answers([300, 301])
    assert failed(champion, challenger, asked(max_class_recall_drop=0.02)) == []


@given(st.sets(st.integers(0, 399), max_size=60), st.sets(st.integers(0, 399), max_size=60))
def test_nobody_beats_the_other_both_ways(one: set[int], other: set[int]) -> None:
    """Of two models at most one may replace the other."""
    first, second = answers(sorted(one)), answers(sorted(other))
    wanted = asked(metric="log_loss", min_gain=-0.005)
    assert failed(first, second, wanted) or failed(second, first, wanted)
