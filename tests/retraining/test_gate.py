"""The gate: floors, a gain that is certain enough, and no class that pays for it."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from secondlook.config.retraining import GateParams
from secondlook.evaluation.metrics import Labels, Numbers
from secondlook.evaluation.predictions import GroundTruth, ImagePredictions
from secondlook.retraining import gate
from secondlook.retraining.gate import Trial

NAMES = ["not 8", "8"]
LABELS = np.array([0] * 300 + [1] * 100)


def make_gate(**changes: object) -> GateParams:
    """Return a gate that asks for next to nothing but what is said."""
    lenient = {"floors": {}, "metric": "accuracy", "min_gain": -1, "max_class_recall_drop": 1}
    return GateParams.model_validate(lenient | changes)


def make_answers(wrong: list[int], sure: float = 0.9) -> ImagePredictions:
    """Return answers that are right but for some images, each with that probability."""
    right = np.ones(len(LABELS), bool)
    right[wrong] = False
    given_class = np.where(right, LABELS, 1 - LABELS)
    probabilities = np.full((len(LABELS), 2), 1 - sure, np.float32)
    probabilities[np.arange(len(LABELS)), given_class] = sure
    return ImagePredictions.from_probabilities(LABELS, probabilities)


def list_failed_checks(
    champion: ImagePredictions | None, challenger: ImagePredictions, wanted: GateParams
) -> list[str]:
    """Return the names of the conditions that the challenger does not meet."""
    trial = Trial(GroundTruth(LABELS, 2, 1), NAMES, champion, challenger, seed=1)
    return [check.name for check in gate.check_challenger(trial, wanted) if not check.passed]


def test_the_first_model_meets_floors_alone() -> None:
    """Half of the eights are found: enough for 0.5, not for 0.6."""
    challenger = make_answers(list(range(300, 350)))
    assert list_failed_checks(None, challenger, make_gate(floors={"recall": 0.5})) == []
    assert list_failed_checks(None, challenger, make_gate(floors={"recall": 0.6})) == [
        "floor of recall"
    ]


def test_a_constant_answer_never_passes() -> None:
    """Always yes finds every eight and meets the floor of recall; it tells nothing apart."""
    always_yes, always_no = make_answers(list(range(300))), make_answers(list(range(300, 400)))
    for champion in (None, make_answers(list(range(320)))):
        for challenger in (always_yes, always_no):
            assert "answers" in list_failed_checks(champion, challenger, make_gate())
    assert list_failed_checks(None, always_yes, make_gate(floors={"recall": 0.5})) == ["answers"]


def test_floors_are_asked_of_a_better_model_too() -> None:
    """It is better than the champion, and still not good enough."""
    champion, challenger = make_answers(list(range(300, 380))), make_answers(list(range(300, 350)))
    assert list_failed_checks(champion, challenger, make_gate(floors={"recall": 0.6})) == [
        "floor of recall"
    ]


@pytest.mark.parametrize("metric", ["accuracy", "balanced_accuracy", "f1", "log_loss"])
def test_a_clear_gain_passes_and_its_reverse_does_not(metric: str) -> None:
    """Eighty mistakes against ten."""
    worse, better = make_answers(list(range(260, 340))), make_answers(list(range(295, 305)))
    wanted = make_gate(metric=metric, min_gain=0.0)
    assert list_failed_checks(worse, better, wanted) == []
    assert f"gain in {metric}" in list_failed_checks(better, worse, wanted)


def test_a_gain_has_to_be_certain_enough() -> None:
    """One mistake less may be chance: it is better, and not certainly not worse by 0.001."""
    champion, challenger = make_answers([0, 1, 2, 3]), make_answers([4, 5, 6])
    assert list_failed_checks(champion, challenger, make_gate(min_gain=0.0)) == ["gain in accuracy"]
    assert list_failed_checks(champion, challenger, make_gate(min_gain=-0.005)) == [
        "gain in accuracy"
    ]
    assert list_failed_checks(champion, challenger, make_gate(min_gain=-0.1)) == []


def test_the_same_answers_are_no_gain() -> None:
    """Who is not better at the point estimate is not promoted, whatever the limit."""
    assert list_failed_checks(make_answers([0]), make_answers([0]), make_gate(min_gain=-1)) == [
        "gain in accuracy"
    ]


def test_no_class_pays_for_the_gain() -> None:
    """More accurate in all, by giving half of the eights up: that class loses for certain."""
    champion, challenger = make_answers(list(range(120))), make_answers(list(range(300, 350)))
    wanted = make_gate(max_class_recall_drop=0.05)
    assert list_failed_checks(champion, challenger, wanted) == ["recall of 8"]
    assert list_failed_checks(champion, challenger, make_gate(max_class_recall_drop=0.7)) == []


def test_noise_in_a_class_is_no_loss() -> None:
    """Two eights fewer of a hundred are within what other images would show."""
    champion, challenger = make_answers(list(range(60))), make_answers([300, 301])
    assert list_failed_checks(champion, challenger, make_gate(max_class_recall_drop=0.02)) == []


def test_a_hundred_classes_refuse_nobody_by_luck() -> None:
    """Of equally good models, class by class at 95 % some class would refuse nearly each."""
    classes, images, seen = 100, 20, 6
    labels = np.repeat(np.arange(classes), images)
    rng = np.random.default_rng(0)
    refused, alone = 0, 0
    for _ in range(seen):
        champion, challenger = (make_lucky_answers(rng, labels, classes) for _ in range(2))
        truth = GroundTruth(labels, classes, None)
        trial = Trial(truth, [f"c{k}" for k in range(classes)], champion, challenger, seed=1)
        checks = list(gate.check_challenger(trial, make_gate(max_class_recall_drop=0.02)))
        refused += not all(check.passed for check in checks if check.name.startswith("recall"))
        lost = rights_of(truth, champion) - rights_of(truth, challenger)
        found = lost.reshape(classes, images)
        alone += bool((found.mean(1) > 0.02 + 1.96 * found.std(1) / images**0.5).any())
    assert refused <= 1
    assert alone > seen / 2


def make_lucky_answers(rng: np.random.Generator, labels: Labels, classes: int) -> ImagePredictions:
    """Return answers of which seven of ten are right, whichever they are."""
    told = np.where(rng.random(len(labels)) < 0.7, labels, (labels + 1) % classes)
    probabilities = np.full((len(labels), classes), 0.1 / classes, np.float32)
    probabilities[np.arange(len(labels)), told] += np.float32(0.9)
    return ImagePredictions.from_probabilities(labels, probabilities)


def rights_of(truth: GroundTruth, answers: ImagePredictions) -> Numbers:
    """Return 1 for each image that is taken for what it is."""
    return answers.compute_correct(truth).astype(np.float64)


@pytest.mark.slow
@given(st.sets(st.integers(0, 399), max_size=60), st.sets(st.integers(0, 399), max_size=60))
def test_nobody_beats_the_other_both_ways(one: set[int], other: set[int]) -> None:
    """Of two models at most one may replace the other."""
    first, second = make_answers(sorted(one)), make_answers(sorted(other))
    wanted = make_gate(metric="log_loss", min_gain=-0.005)
    assert list_failed_checks(first, second, wanted) or list_failed_checks(second, first, wanted)
