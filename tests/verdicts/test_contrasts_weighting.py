"""What is said of weighting, and when nothing is."""

from typing import Any

import pytest

from secondlook.verdicts.contrasts import judge_weighting
from tests.support.results import make_case, make_result


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"recall": 0.8, "precision": 0.3}, "Weighting bought recall with precision"),
        ({"recall": 0.8, "accuracy": 0.1}, "Weighting bought recall with accuracy"),
        (
            {"recall": 0.8, "precision": 0.3, "accuracy": 0.1},
            "Weighting bought recall with precision and accuracy",
        ),
        ({"accuracy": 0.1}, "Weighting cost accuracy, and bought nothing that shows"),
        ({"recall": 0.8}, "Weighting bought recall, at no price that shows"),
        ({"recall": 0.8, "precision": 0.6}, "Weighting raised recall and precision"),
        ({"precision": 0.3}, "Weighting cost precision, and bought nothing that shows"),
        ({"recall": 0.51}, "What weighting did is not distinguishable from chance"),
        ({"recall": 0.3, "precision": 0.8}, "Weighting did not do what it is for"),
    ],
)
def test_what_weighting_did_is_told(changes: dict[str, Any], told: str) -> None:
    """By what happened to recall, precision and accuracy beyond chance."""
    weighted = make_result("weighted", class_weight="balanced", **changes)
    [verdict] = judge_weighting(make_case(make_result("plain"), weighted))
    assert verdict.text.startswith(f"{told} (weighted against plain): recall ")
    assert verdict.runs == ["plain", "weighted"]


def test_each_metric_is_told_with_its_interval() -> None:
    """What moved, by how much and where to; what did not is not distinguishable."""
    weighted = make_result("weighted", class_weight="balanced", recall=0.8, precision=0.3)
    [verdict] = judge_weighting(make_case(make_result("plain"), weighted))
    text = verdict.text.replace("\N{NO-BREAK SPACE}", " ")
    assert "recall up 30.0 points to 80.0 % (95 %: +28.0 to +32.0)" in text
    assert "precision down 20.0 points to 30.0 % (95 %: -22.0 to -18.0)" in text
    assert text.endswith("accuracy not distinguishable (50.0 % and 50.0 %).")


def test_weighted_and_longer_is_no_fair_pair() -> None:
    """Then it is not known what weighting did."""
    longer = make_result("longer", class_weight="balanced", epochs=60, recall=0.9)
    assert not list(judge_weighting(make_case(make_result("plain"), longer)))
