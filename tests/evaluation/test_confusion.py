"""Confusion matrices, cut down, and which images to look at when runs are wrong."""

from collections.abc import Sequence

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from secondlook.evaluation import confusion
from secondlook.evaluation.confusion import ConfusedPair
from secondlook.evaluation.predictions import ImagePredictions

# Of four images of the classes 0 1 2 0: what three runs say, and how sure they are of it.
LABELS = np.array([0, 1, 2, 0])


def make_answers(predicted: Sequence[int], confidence: Sequence[float]) -> ImagePredictions:
    """Return what a run says, whatever its losses are."""
    sure = np.array(confidence, np.float64)
    return ImagePredictions(np.array(predicted, np.int64), np.full(len(sure), np.nan), sure)


RUNS = [
    make_answers([0, 2, 0, 1], [0.9, 0.6, 0.8, 0.7]),
    make_answers([1, 2, 0, 1], [0.5, 0.6, 1.0, 0.9]),
    make_answers([2, 0, 1, 0], [0.6, 0.6, 0.6, 0.4]),
]


def test_the_hardest_come_first() -> None:
    """Of equals the first; no more than there are."""
    losses = np.array([0.1, 3.0, 0.2, 3.0])
    assert confusion.find_highest_losses(losses, 3).tolist() == [1, 3, 2]
    assert confusion.find_highest_losses(losses, 9).tolist() == [1, 3, 2, 0]


def test_images_that_all_get_wrong() -> None:
    """The second and third; the third first, as the runs are surer of it."""
    places, sure = confusion.find_wrong_everywhere(LABELS, RUNS)
    assert places.tolist() == [2, 1]
    np.testing.assert_allclose(sure, [0.8, 0.6])


def test_images_that_one_gets_right() -> None:
    """The first run alone the first image, the third run the last; that surprises more."""
    places, which = confusion.find_right_once(LABELS, RUNS)
    assert places.tolist() == [3, 0]
    assert which.tolist() == [2, 0]


def test_a_single_run_is_never_the_only_one() -> None:
    """With nobody to compare with, nothing is said."""
    places, which = confusion.find_right_once(LABELS, RUNS[:1])
    assert places.tolist() == which.tolist() == []


def test_without_mistakes_there_are_none() -> None:
    """All right, all runs."""
    right = make_answers(LABELS.tolist(), [1.0] * 4)
    assert confusion.find_wrong_everywhere(LABELS, [right, right])[0].tolist() == []
    assert confusion.find_right_once(LABELS, [right, right])[0].tolist() == []


GUESSES = st.lists(st.tuples(st.integers(0, 2), st.floats(0.4, 1)), min_size=6, max_size=6)


@given(
    st.lists(GUESSES, min_size=2, max_size=4), st.lists(st.integers(0, 2), min_size=6, max_size=6)
)
def test_every_image_is_where_counting_puts_it(
    given_runs: list[list[tuple[int, float]]], labels: list[int]
) -> None:
    """Right by no run, by one, by more: what counting image by image says; the surest first."""
    runs = [make_answers(*zip(*run, strict=True)) for run in given_runs]
    truth = np.array(labels)
    hits = [sum(run[i][0] == labels[i] for run in given_runs) for i in range(6)]
    wrong, sure = confusion.find_wrong_everywhere(truth, runs)
    once, which = confusion.find_right_once(truth, runs)
    assert sorted(wrong.tolist()) == [i for i in range(6) if hits[i] == 0]
    assert sorted(once.tolist()) == [i for i in range(6) if hits[i] == 1]
    assert (np.diff(sure) <= 0).all()
    assert all(given_runs[run][i][0] == labels[i] for i, run in zip(once, which, strict=True))


def test_the_most_confused_pairs() -> None:
    """By count; of equals the pair that is the larger share of its class; none without mistakes."""
    counts = np.array([[90, 6, 4], [4, 36, 0], [0, 0, 7]])
    assert confusion.find_confused_pairs(counts, "abc", 3) == [
        ConfusedPair(true="a", predicted="b", count=6, share=0.06),
        ConfusedPair(true="b", predicted="a", count=4, share=0.1),
        ConfusedPair(true="a", predicted="c", count=4, share=0.04),
    ]
    assert len(confusion.find_confused_pairs(counts, "abc", 1)) == 1
    assert confusion.find_confused_pairs(np.diag([3, 4, 0]), "abc", 5) == []


MATRIX = np.array([[5, 0, 1], [0, 9, 0], [3, 0, 2]])


def test_the_most_confused_take_part_in_most_mistakes() -> None:
    """Classes 0 and 2 are taken for each other; class 1 is never wrong."""
    assert confusion.find_most_confused_classes([MATRIX, MATRIX], limit=2) == [0, 2]


def test_the_rest_is_put_together() -> None:
    """Kept classes keep their cells; the last row and column hold all others."""
    assert confusion.condense_confusion_matrix(MATRIX, [0]).tolist() == [[5, 1], [3, 11]]


def test_with_room_for_all_nothing_is_cut() -> None:
    """There is no row for others when there are none."""
    assert confusion.find_most_confused_classes([MATRIX], limit=10) == [0, 1, 2]
    assert confusion.condense_confusion_matrix(MATRIX, [0, 1, 2]) is MATRIX


def test_row_shares_of_a_class_without_images() -> None:
    """An empty row has shares of 0, the others sum to 1."""
    shares = confusion.compute_row_shares(np.array([[1, 3], [0, 0]]))
    assert shares.tolist() == [[0.25, 0.75], [0, 0]]


@given(st.integers(2, 12), st.integers(1, 12), st.integers(0, 99))
def test_no_image_is_lost(size: int, limit: int, seed: int) -> None:
    """However many classes are kept, the sum of the matrix stays."""
    counts = np.random.default_rng(seed).integers(0, 9, (size, size))
    kept = confusion.find_most_confused_classes([counts], limit)
    assert confusion.condense_confusion_matrix(counts, kept).sum() == counts.sum()
    assert len(kept) == min(size, limit)
