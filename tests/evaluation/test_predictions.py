"""What a run answers, image by image, and whether it always answers the same."""

import numpy as np
import pytest

from secondlook.evaluation.predictions import ImagePredictions, find_constant_answer


def test_guesses_are_the_most_probable_class() -> None:
    """The first of several, with the probability it was given and the loss of the true one."""
    probabilities = np.array([[0.25, 0.5, 0.25], [0.5, 0.5, 0.0]], np.float32)
    found = ImagePredictions.from_probabilities(np.array([2, 0]), probabilities)
    assert found.predicted.tolist() == [1, 0]
    assert found.confidence.tolist() == [0.5, 0.5]
    assert found.losses == pytest.approx(np.log([4, 2]))
    second = found.select(np.array([False, True]))
    assert second.predicted.tolist() == [0]
    assert second.confidence.tolist() == [0.5]
    assert second.losses.tolist() == found.losses[1:].tolist()


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
    assert find_constant_answer(np.array(counts)) == answer
