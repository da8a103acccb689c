"""Comparisons can be asked in either direction."""

import pytest

from secondlook.evaluation.comparison import AdjustedMcNemarTest, MethodPair
from secondlook.evaluation.intervals import Difference
from tests.support.results import make_case, make_result

DIFFERENCE = Difference(value=0.1, low=0.02, high=0.2, distinguishable=True, includes_seeds=False)
UNDEFINED = Difference(value=None, low=None, high=None, distinguishable=False, includes_seeds=True)
PAIR = MethodPair(
    first="plain",
    second="weighted",
    differences={"recall": DIFFERENCE, "precision": UNDEFINED},
    mcnemar=AdjustedMcNemarTest(first_only=3, second_only=8, p=0.2),
    disagree=True,
)


def test_a_pair_is_found_in_both_directions() -> None:
    """Turned around, values change their sign, ends change places, and what is null stays so."""
    found = make_case(make_result("plain")).comparison.model_copy(update={"pairs": [PAIR]})
    assert found.find_pair("plain", "weighted") == PAIR
    turned = found.find_pair("weighted", "plain")
    assert (turned.first, turned.second, turned.disagree) == ("weighted", "plain", True)
    recall = turned.differences["recall"]
    assert (recall.value, recall.low, recall.high) == (-0.1, -0.2, -0.02)
    assert recall.distinguishable
    assert turned.differences["precision"] == UNDEFINED
    assert turned.mcnemar == AdjustedMcNemarTest(first_only=8, second_only=3, p=0.2)
    with pytest.raises(KeyError):
        found.find_pair("plain", "dense")
