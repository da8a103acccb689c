"""What is said of an image holds the class that is answered, however little is asked for."""

import json

import numpy as np
import pytest

from secondlook.serving import output
from secondlook.serving.ood_causes import OodScore
from secondlook.serving.output import Prediction
from tests.support.networks import draw_strokes, make_seen_image

NAMES = ["0", "1", "8"]


def make_prediction(answer: str) -> Prediction:
    """Return an answer that an operating point may have chosen against the probabilities."""
    return Prediction(
        name=answer,
        classes=NAMES,
        probabilities=np.array([0.25, 0.625, 0.125], np.float32),
        seen=make_seen_image(draw_strokes(0, 1)[0]),
        inverted=False,
        likeness=OodScore(np.zeros(1), np.zeros(1), distance=0.5, share=0.5),
        warnings=[],
    )


@pytest.mark.parametrize(
    ("answer", "count", "expected"),
    [
        ("8", 1, {"8": 0.125}),
        ("8", 2, {"1": 0.625, "8": 0.125}),
        ("8", 3, {"1": 0.625, "0": 0.25, "8": 0.125}),
        ("0", 1, {"0": 0.25}),
        ("1", 1, {"1": 0.625}),
        ("1", 9, {"1": 0.625, "0": 0.25, "8": 0.125}),
    ],
)
def test_the_answer_is_among_the_probabilities(
    answer: str, count: int, expected: dict[str, float]
) -> None:
    """With an operating point the answer need not be the most probable: it is told all the same."""
    told = json.loads(output.format_json("a.png", make_prediction(answer), count))
    assert list(told["probabilities"].items()) == list(expected.items())
    assert told["probabilities"][told["answer"]] == told["probability"]


def test_the_answer_comes_first_in_words() -> None:
    """A person reads the answer, then the most probable of the others."""
    assert output.format_text("a.png", make_prediction("8"), 2).split()[1:] == [
        *("8", "12.5", "%", "1", "62.5", "%")
    ]
