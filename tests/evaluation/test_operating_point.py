"""The operating point: chosen on validation, judged on test, refused where it means nothing."""

from typing import Any

import numpy as np
import pytest

from secondlook.artifacts.dataset_card import DatasetCard
from secondlook.artifacts.manifest import SPLITS
from secondlook.config.errors import ParamsError
from secondlook.config.params import OperatingPointParams
from secondlook.evaluation import operating_point
from secondlook.evaluation.operating_point import OperatingPoint
from secondlook.evaluation.predictions import SplitPredictions
from tests.support.datasets import make_dataset_card

# The probability of "b", and whether the image is one.
VALIDATION = ((0.9, 1), (0.8, 1), (0.7, 0), (0.4, 1), (0.3, 0), (0.25, 0), (0.2, 1), (0.1, 0))
TEST = ((0.85, 1), (0.6, 0), (0.45, 1), (0.3, 1), (0.05, 0))


def make_eights_card(**changes: Any) -> DatasetCard:  # noqa: ANN401 - any field of Facts
    """Return the facts of a question with two answers, "b" being the rarer."""
    counts = {split: {"a": 6, "b": 4} for split in SPLITS}
    return make_dataset_card(["a", "b"], counts, "b").model_copy(update=changes)


def make_predictions(rows: tuple[tuple[float, int], ...], **changes: Any) -> SplitPredictions:  # noqa: ANN401
    """Return predictions of the probability of "b" for images of these labels."""
    scores, labels = np.array(rows).T
    probabilities = np.stack([1 - scores, scores], axis=1).astype(np.float32)
    return SplitPredictions(make_eights_card(**changes), labels.astype(np.int64), probabilities)


def compute_on_test(rule: OperatingPointParams, **changes: Any) -> OperatingPoint:  # noqa: ANN401
    """Return what the rule, applied to VALIDATION, gives on TEST."""
    point = operating_point.choose_operating_threshold(
        make_predictions(VALIDATION, **changes), rule
    )
    found = operating_point.compute_operating_point(make_predictions(TEST, **changes), rule, point)
    assert found is not None
    return found


def test_the_default_is_the_most_probable_class() -> None:
    """Two of five are said to be "b", one of them rightly."""
    found = compute_on_test(OperatingPointParams(rule="default", target=None))
    assert (found.name, found.threshold, found.reached) == ("b", 0.5, True)
    assert found.confusion == [[1, 1], [2, 1]]
    assert (found.precision, found.recall) == pytest.approx((1 / 2, 1 / 3))


@pytest.mark.parametrize(
    ("rule", "target", "threshold", "confusion"),
    [
        ("best_f1", None, 0.4, [[1, 1], [1, 2]]),  # finds 3 of 4, 1 of 4 wrong
        ("recall", 1.0, 0.2, [[1, 1], [0, 3]]),
        ("precision", 1.0, 0.8, [[2, 0], [2, 1]]),
    ],
)
def test_a_threshold_is_chosen_on_validation(
    rule: Any,  # noqa: ANN401 - one of the rules of params.yaml
    target: float | None,
    threshold: float,
    confusion: list[list[int]],
) -> None:
    """It is the score of a validation image, and says yes to every test image from there on."""
    found = compute_on_test(OperatingPointParams(rule=rule, target=target))
    assert found.threshold == pytest.approx(threshold)
    assert (found.reached, found.confusion) == (True, confusion)


def test_what_validation_cannot_reach_is_said() -> None:
    """No threshold is precise where the surest yes is wrong: the nearest is not called reached."""
    wrong_first = ((0.95, 0), *VALIDATION)
    rule = OperatingPointParams(rule="precision", target=0.9)
    point = operating_point.choose_operating_threshold(make_predictions(wrong_first), rule)
    found = operating_point.compute_operating_point(make_predictions(TEST), rule, point)
    assert found is not None
    assert (found.reached, found.target) == (False, 0.9)


def test_of_two_classes_the_rarer_is_asked_for() -> None:
    """Also where no class is called the positive one; of equals it is the second."""
    assert (
        compute_on_test(OperatingPointParams(rule="best_f1", target=None), positive=None).name
        == "b"
    )
    more = {"train": {"a": 1, "b": 4}}
    assert make_eights_card(positive=None, counts=more).question_index == 0
    assert make_eights_card(positive=None, counts={"train": {"a": 4, "b": 4}}).question_index == 1
    assert make_eights_card(positive="b", counts=more).question_index == 1


def test_three_classes_have_no_threshold() -> None:
    """Nothing is chosen, and a rule that asks for a threshold is told what it needs."""
    three = {"classes": ["a", "b", "c"], "positive": None}
    default, best = (
        OperatingPointParams(rule=rule, target=None) for rule in ("default", "best_f1")
    )
    assert (
        operating_point.choose_operating_threshold(make_predictions(VALIDATION, **three), default)
        is None
    )
    assert (
        operating_point.compute_operating_point(make_predictions(TEST, **three), default, None)
        is None
    )
    assert operating_point.compute_thresholds(make_predictions(TEST, **three), 100) is None
    operating_point.check_operating_rule(default, make_eights_card(**three))
    operating_point.check_operating_rule(best, make_eights_card())
    with pytest.raises(ParamsError, match=r"operating_point: found best_f1.*there are 3 classes"):
        operating_point.check_operating_rule(best, make_eights_card(**three))


def test_without_a_positive_image_nothing_is_chosen() -> None:
    """Recall would mean nothing."""
    none = ((0.9, 0), (0.1, 0))
    assert (
        operating_point.choose_operating_threshold(
            make_predictions(none), OperatingPointParams(rule="best_f1", target=None)
        )
        is None
    )
    assert operating_point.compute_thresholds(make_predictions(none), 100) is None


def test_the_table_holds_every_threshold() -> None:
    """Five scores, five thresholds, from the highest down; the last finds all."""
    found = operating_point.compute_thresholds(make_predictions(TEST), 100)
    assert found is not None
    assert found.threshold == pytest.approx([0.85, 0.6, 0.45, 0.3, 0.05])
    assert found.recall == pytest.approx([1 / 3, 1 / 3, 2 / 3, 1, 1])
    assert found.precision == pytest.approx([1, 1 / 2, 2 / 3, 3 / 4, 3 / 5])
