"""What is said of the images themselves, and when nothing is."""

from stages.core.facts import Alike, Copies
from stages.core.rules import data
from tests.case_builder import case
from tests.results_builder import result


def test_images_in_two_splits_are_told() -> None:
    """Identical ones, and those that look like one that was trained on."""
    copies = Copies(duplicates=9, label_conflicts=0, across_splits=4)
    alike = Alike(9, 9, 9, 1, 0.004, complete=True)
    identical, similar = data.leak(case(result("only"), copies=copies, alike=alike))
    assert identical.text.startswith("4 images with identical copies are in more than one split")
    assert similar.text.startswith("1 image of validation and test looks almost like one of")
    assert identical.weight > similar.weight


def test_conflicting_labels_are_told() -> None:
    """With where to find them."""
    copies = Copies(duplicates=9, label_conflicts=2, across_splits=0)
    [verdict] = data.label_conflict(case(result("only"), copies=copies))
    assert verdict.text.startswith("2 images have an identical copy with another label")
    assert "data/split/duplicates.csv" in verdict.text


def test_clean_data_are_not_talked_about() -> None:
    """Copies of one class in one split do no harm."""
    clean = case(result("only"), copies=Copies(9, 0, 0))
    assert not [*data.leak(clean), *data.label_conflict(clean)]
