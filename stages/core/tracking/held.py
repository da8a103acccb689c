"""Which images a data set held, split by split, each by the first eight bytes of its digest.

Of a million images that is eight megabytes; that two of them begin alike is a chance of one in
forty million.
"""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from stages.core import files
from stages.core.data.items import SPLITS

FILE = "images.npz"
DIGITS = 16  # hexadecimal, of a digest
Held = Mapping[str, set[int]]


def short(digest: str) -> int:
    """Return the first eight bytes of a digest (hex) as a number."""
    return int(digest[:DIGITS], 16)


def write(folder: Path) -> None:
    """Write images.npz (uint64 per split) of the present data, where `preprocess` has run."""
    listed = files.folder("preprocess") / "images.csv"
    if listed.exists():
        found: dict[str, set[int]] = {split: set() for split in SPLITS}
        for row in files.read_csv(listed):
            found[row["split"]].add(short(row["digest"]))
        arrays = {split: np.array(sorted(each), np.uint64) for split, each in found.items()}
        np.savez(folder / FILE, allow_pickle=False, **arrays)


def read(folder: Path) -> Held:
    """Return the images of each split of the data set whose images.npz is in the folder."""
    with np.load(folder / FILE) as arrays:
        return {split: set(arrays[split].tolist()) for split in arrays.files}
