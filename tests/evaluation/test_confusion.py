"""Confusion matrices, cut down."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from secondlook.evaluation import confusion

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


@pytest.mark.parametrize(
    ("counts", "answer"),
    [
        ([[0, 90], [0, 10]], 1),  # always yes
        ([[90, 0], [10, 0]], 0),  # always no
        ([[1, 89], [0, 10]], 1),  # one no, and right: by chance nine times in ten
        ([[89, 1], [10, 0]], 0),  # one yes, and wrong
        ([[90, 0], [9, 1]], 0),  # one yes, and right: by chance once in ten times
        ([[90, 0], [8, 2]], None),  # two: by chance once in 110 times
        ([[900, 0], [95, 5]], None),  # finds few, and knows what it says
        ([[80, 10], [9, 1]], None),  # tells nothing, but gives both answers
        ([[30, 0], [0, 0]], None),  # nothing else was shown
        ([[3, 0], [0, 3]], None),
        ([[0, 30, 0], [0, 30, 0], [0, 40, 0]], 1),
    ],
)
def test_a_constant_answer_is_found(counts: list[list[int]], answer: int | None) -> None:
    """Chances by hand, from the hypergeometric distribution."""
    assert confusion.find_constant_answer(np.array(counts)) == answer


@given(st.integers(2, 12), st.integers(1, 12), st.integers(0, 99))
def test_no_image_is_lost(size: int, limit: int, seed: int) -> None:
    """However many classes are kept, the sum of the matrix stays."""
    counts = np.random.default_rng(seed).integers(0, 9, (size, size))
    kept = confusion.find_most_confused_classes([counts], limit)
    assert confusion.condense_confusion_matrix(counts, kept).sum() == counts.sum()
    assert len(kept) == min(size, limit)
