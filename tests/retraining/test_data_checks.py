"""Data that are not as they should be are found before any training."""

import numpy as np
import pytest

from secondlook.artifacts.dataset_card import DatasetCard
from secondlook.artifacts.manifest import SPLITS
from secondlook.artifacts.retraining_history import DataChange
from secondlook.config.retraining import DataLimits
from secondlook.retraining import data_checks
from tests.support.datasets import (
    make_dataset_card,
    make_duplicate_counts,
    make_pixel_statistics,
)

NAMES = ["not 8", "8"]
LIMITS = DataLimits(
    class_share=0.1,
    rejected=0.05,
    removed=0.1,
    duplicates=0.1,
    label_conflicts=0.01,
    pixel_mean=20,
    pixel_std=20,
    label_agreement=0.05,
)
NONE = DataLimits.model_validate(dict.fromkeys(DataLimits.model_fields))


def make_card(rest: int = 900, eights: int = 100, **changes: object) -> DatasetCard:
    """Return facts of so many images in three equal splits, none of them rejected."""
    counts = {split: {"not 8": rest // 3, "8": eights // 3} for split in SPLITS}
    clean = {"rejected": 0, "reasons": {}, "copies": make_duplicate_counts(0)}
    return make_dataset_card(NAMES, counts, "8", **clean | changes)


def list_failed_checks(
    now: DatasetCard, *, added: int = 300, removed: int = 0, limits: DataLimits = LIMITS
) -> list[str]:
    """Return the names of the limits that today's data exceed."""
    images = DataChange(digest="d" * 64, images=now.image_count, added=added, removed=removed)
    return [
        c.name for c in data_checks.check_data(make_card(), now, images, limits) if not c.passed
    ]


def test_the_same_data_are_sane() -> None:
    """Nothing moved."""
    assert list_failed_checks(make_card(), added=0) == []


@pytest.mark.parametrize(
    ("now", "name"),
    [
        (make_card(600, 300), "class_share"),
        (make_card(rejected=100), "rejected"),
        (make_card(copies=make_duplicate_counts(500, 0, 0)), "duplicates"),
        (make_card(copies=make_duplicate_counts(0, 50, 0)), "label_conflicts"),
        (make_card(pixels=make_pixel_statistics(90.0, 77.0)), "pixel_mean"),
        (make_card(pixels=make_pixel_statistics(51.0, 20.0)), "pixel_std"),
    ],
)
def test_each_limit_finds_what_it_is_for(now: DatasetCard, name: str) -> None:
    """One thing is wrong, and it alone is told; without a limit it is not."""
    assert list_failed_checks(now) == [name]
    assert list_failed_checks(now, limits=NONE) == []


def test_images_that_are_gone_are_found() -> None:
    """A fifth of the champion's images is not there any more."""
    assert list_failed_checks(make_card(), added=0, removed=200) == ["removed"]


def test_fewer_copies_are_no_harm() -> None:
    """Someone cleaned up."""
    then = make_card(copies=make_duplicate_counts(500, 50, 0))
    images = DataChange(digest="d" * 64, images=999, added=0, removed=0)
    assert all(check.passed for check in data_checks.check_data(then, make_card(), images, LIMITS))


def test_a_broken_file_among_few_is_noise() -> None:
    """One of ten is more than 5 %, and no more than chance may make of it."""
    assert list_failed_checks(make_card(rejected=1), added=9) == []


def test_other_pixels_are_not_held_against_others() -> None:
    """Images of another size have other statistics, and nothing is said of them."""
    now = make_card(shape=[64, 64, 3], pixels=make_pixel_statistics(200.0, 1.0))
    assert list_failed_checks(now) == []


def make_predictions(hits: int, misses: int) -> data_checks.LabelledPredictions:
    """Return eights of which the champion finds so many, and as many others, which it all finds."""
    labels = np.array([1] * (hits + misses) + [0] * 100)
    given = np.array([1] * hits + [0] * misses + [0] * 100)
    return labels, np.eye(2, dtype=np.float32)[given]


def test_wrong_labels_are_found_by_the_champion() -> None:
    """It found nine eights in ten, and finds five in ten of the new ones."""
    found = list(
        data_checks.check_label_agreement(
            make_predictions(90, 10), make_predictions(50, 50), NAMES, 0.05
        )
    )
    assert [check.name for check in found if not check.passed] == ["label_agreement of 8"]


def test_a_few_hard_images_are_not_taken_for_wrong_labels() -> None:
    """Three of five instead of nine of ten is chance."""
    found = list(
        data_checks.check_label_agreement(
            make_predictions(90, 10), make_predictions(3, 2), NAMES, 0.05
        )
    )
    assert all(check.passed for check in found)


def test_a_class_without_new_images_says_nothing() -> None:
    """There is no share of no images."""
    found = list(
        data_checks.check_label_agreement(
            make_predictions(90, 10), make_predictions(0, 0), NAMES, 0.05
        )
    )
    assert [check.name for check in found] == ["label_agreement of not 8"]
