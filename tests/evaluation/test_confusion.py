"""Confusion matrices, cut down."""

import numpy as np
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


@given(st.integers(2, 12), st.integers(1, 12), st.integers(0, 99))
def test_no_image_is_lost(size: int, limit: int, seed: int) -> None:
    """However many classes are kept, the sum of the matrix stays."""
    counts = np.random.default_rng(seed).integers(0, 9, (size, size))
    kept = confusion.find_most_confused_classes([counts], limit)
    assert confusion.condense_confusion_matrix(counts, kept).sum() == counts.sum()
    assert len(kept) == min(size, limit)
