"""What is said of the data before any model."""

from secondlook.artifacts.manifest import SPLITS
from secondlook.report import text
from tests.support.datasets import (
    make_dataset_card,
    make_duplicate_counts,
    make_near_duplicate_counts,
)

COUNTS = {split: {"a": 2, "b": 2} for split in SPLITS}


def test_each_trouble_has_its_sentence() -> None:
    """Rejected images by reason, copies of each kind, and images that look alike."""
    notes = text.describe_data_quality(make_dataset_card(["a", "b"], COUNTS))
    assert notes[0] == "Left out, by reason: damaged (1)."
    assert notes[1].startswith("4 images have byte-identical copies in the same class")
    assert notes[2].startswith("2 images have byte-identical copies with another label")
    assert notes[3].startswith("2 images have byte-identical copies in another split")
    assert notes[4].startswith("3 pairs of images look the same")
    assert notes[4].endswith("2 images of validation and test look like one of training.")
    assert len(notes) == 5


def test_what_is_in_order_goes_without_saying() -> None:
    """Data without trouble has one sentence that says so."""
    nothing = make_near_duplicate_counts(0, 0, 0, 0)
    facts = make_dataset_card(
        ["a", "b"],
        COUNTS,
        rejected=0,
        reasons={},
        copies=make_duplicate_counts(0),
        alike=nothing,
    )
    assert len(text.describe_data_quality(facts)) == 1


def test_a_search_that_stopped_says_at_least() -> None:
    """The count of pairs is a lower bound then; one image is told in the singular."""
    facts = make_dataset_card(
        ["a", "b"],
        COUNTS,
        copies=make_duplicate_counts(1),
        alike=make_near_duplicate_counts(9, 8, 1, 7, complete=False),
    )
    notes = text.describe_data_quality(facts)
    assert notes[1].startswith("One image has byte-identical copies")
    assert notes[-1].startswith("At least 9 pairs")


def test_levels_stand_side_by_side() -> None:
    """Mean and deviation of each split."""
    assert "51 ± 77 in train, 52 ± 77 in validation" in text.describe_levels(
        make_dataset_card(["a"], COUNTS)
    )
