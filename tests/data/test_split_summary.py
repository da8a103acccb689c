"""What became of images, counted as they come."""

from typing import Any

import numpy as np

from secondlook.artifacts.manifest import ManifestRow
from secondlook.data.decoded_shards import ExaminedImage, ShardBuilder
from secondlook.data.similarity import FREQUENCY_COUNT
from secondlook.data.split_summary import MAX_EXAMPLES, SplitSummary

NAMES = ["cat", "dog"]


def make_row(number: int, label: str, reason: str = "") -> ManifestRow:
    """Return an image of the training split."""
    return ManifestRow(f"{number}.png", label, "train", "0" * 64, reason)


def make_image(level: int, size: tuple[int, int]) -> ExaminedImage:
    """Return an image of one level, given in this size."""
    pixels = np.full((2, 2, 1), level, np.uint8)
    return ExaminedImage(pixels, size, bytes([level] * 32), np.zeros(FREQUENCY_COUNT, np.float32))


def test_each_image_goes_into_one_list_and_what_is_known_of_the_kept_ones_agrees() -> None:
    """Rows, labels, sizes, hashes and levels agree, in order; the reason is of the rejected one."""
    kept, rejected = list[Any](), list[Any]()
    rows = [make_row(0, "dog"), make_row(1, "cat"), make_row(2, "cat")]
    built = ShardBuilder()
    for found in (make_image(7, (30, 20)), "empty file", make_image(9, (8, 9))):
        built.add(found)
    made = SplitSummary(NAMES)
    made.add_shard(rows, built.build(), kept.append, rejected.append)
    assert [one["id"] for one in kept] == ["0.png", "2.png"]
    assert [(one["id"], one["reason"]) for one in rejected] == [("1.png", "empty file")]
    assert made.labels.tolist() == [1, 0]
    assert made.sizes.tolist() == [[30, 20], [8, 9]]
    assert made.hashes[:, 0].tolist() == [7, 9]
    assert (made.histogram[7], made.histogram[9], made.histogram.sum()) == (4, 4, 8)
    assert made.faint == 2
    assert made.count_images() == {"cat": 1, "dog": 1}


def test_of_many_rejected_images_few_are_kept() -> None:
    """A thousand of one class and one of another: the first ones, and one of each class."""
    made = SplitSummary(NAMES)
    for number in range(1000):
        made.add_rejected(make_row(number, "cat", "empty file"))
    made.add_rejected(make_row(1000, "dog", "damaged"))
    assert [one.id for one in made.firsts] == [
        *(f"{i}.png" for i in range(MAX_EXAMPLES)),
        "1000.png",
    ]
    assert made.reasons == {"empty file": 1000, "damaged": 1}
    assert made.count_images() == {"cat": 0, "dog": 0}
