"""What became of images, counted as they come."""

from typing import Any

import numpy as np

from secondlook.artifacts.manifest import ManifestRow
from secondlook.data.decoding import DecodedImage
from secondlook.data.profile import MAX_EXAMPLES, SplitSummary, summarize_split

NAMES = ["cat", "dog"]


def make_row(number: int, label: str, reason: str = "") -> ManifestRow:
    """Return an image of the training split."""
    return ManifestRow(f"{number}.png", label, "train", "0" * 64, reason)


def test_each_image_goes_into_one_list_and_the_kept_ones_into_the_array() -> None:
    """Pixels, rows, labels, sizes and levels agree, in order; the reason is of the rejected one."""
    pixels = [np.full((2, 2, 1), level, np.uint8) for level in (7, 9)]
    appended, kept, rejected = list[Any](), list[Any](), list[Any]()
    results = [
        (make_row(0, "dog"), DecodedImage(pixels[0], 30, 20)),
        (make_row(1, "cat", "empty file"), None),
        (make_row(2, "cat"), DecodedImage(pixels[1], 8, 9)),
    ]
    made = summarize_split(results, NAMES, appended.append, kept.append, rejected.append)
    assert [one["id"] for one in kept] == ["0.png", "2.png"]
    assert [(one["id"], one["reason"]) for one in rejected] == [("1.png", "empty file")]
    assert all(one is other for one, other in zip(appended, pixels, strict=True))
    assert (list(made.labels), list(made.sizes)) == ([1, 0], [30, 20, 8, 9])
    assert (made.histogram[7], made.histogram[9], made.histogram.sum()) == (4, 4, 8)
    assert made.count_images(NAMES) == {"cat": 1, "dog": 1}


def test_of_many_rejected_images_few_are_kept() -> None:
    """A thousand of one class and one of another: the first ones, and one of each class."""
    made = SplitSummary()
    for number in range(1000):
        made.add_rejected(make_row(number, "cat", "empty file"))
    made.add_rejected(make_row(1000, "dog", "damaged"))
    assert [one.id for one in made.firsts] == [
        *(f"{i}.png" for i in range(MAX_EXAMPLES)),
        "1000.png",
    ]
    assert made.reasons == {"empty file": 1000, "damaged": 1}
    assert made.count_images(NAMES) == {"cat": 0, "dog": 0}
