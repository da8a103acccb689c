"""What every source gives: items (one per image) and the content behind each."""

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

SPLITS = ("train", "validation", "test")
# The words that data sets use for the three splits.
WORDS = {name: name for name in SPLITS} | {
    "valid": "validation",
    "val": "validation",
    "t10k": "test",
}
Content = bytes | NDArray[np.uint8]


@dataclass(frozen=True)
class Item:
    """One image: `split` is None where the source does not say, `group` where it has none."""

    id: str
    label: str
    split: str | None = None
    group: str | None = None


class Source(Protocol):
    """A place that images come from; `skipped` are files passed over, known after `items`."""

    skipped: list[str]

    def items(self) -> list[Item]:
        """Return every image, in a fixed order; DataError when something is not as it should be."""

    def content(self, name: str) -> Content:
        """Return the file's bytes, or the pixels (H, W), of the image with this id."""


def classes(labels: Iterable[str], positive: str | None = None) -> list[str]:
    """Return the class names in order: numbers by value, then text; the positive one last."""
    return sorted(set(labels), key=lambda name: (name == positive, *_rank(name)))


def _rank(name: str) -> tuple[bool, int, str]:
    number = name.isdecimal()
    return (not number, int(name) if number else 0, name)


def normal(name: str) -> str:
    """Return a class name in one Unicode form (NFC): é may be stored as one character or two."""
    return unicodedata.normalize("NFC", name)


def is_text(name: str) -> bool:
    """Return whether a name is fit for a line of text: no control character, and valid UTF-8."""
    return not any(unicodedata.category(letter) in {"Cc", "Cs"} for letter in name)
