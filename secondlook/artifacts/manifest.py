"""The images of all splits: a row of each from `split`, the arrays of them from `preprocess`."""

import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from secondlook.artifacts import files
from secondlook.artifacts.dataset_card import DuplicateCounts
from secondlook.artifacts.files import check_present, stage_folder
from secondlook.artifacts.image_shards import Images, ImageShards, load_shards

SPLITS = ("train", "validation", "test")
SEEN_SPLITS = SPLITS[:2]  # fitted to and chosen by; their curves are measured at every epoch
EVALUATED_SPLITS = SPLITS[1:]  # whose images a run answers, never fitted to

MANIFEST_COLUMNS = ("id", "label", "split", "digest")  # of images.csv, too


class ManifestRow(NamedTuple):
    """One image with its class, the split it falls in, and the SHA-256 (hex) of its content.

    Once rejected, with the reason.
    """

    id: str
    label: str
    split: str
    digest: str
    reason: str = ""

    def to_cells(self, columns: Iterable[str] = MANIFEST_COLUMNS) -> dict[str, str]:
        """Return these columns of a CSV file."""
        return {name: getattr(self, name) for name in columns}


class ManifestRows:
    """The rows of a CSV file, read anew each time they are gone through: none stays in memory."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __iter__(self) -> Iterator[ManifestRow]:
        for row in files.read_csv(self.path):
            # Interned: one string per class and split, however many images there are.
            label, split = sys.intern(row["label"]), sys.intern(row["split"])
            yield ManifestRow(row["id"], label, split, row["digest"])


def load_manifest() -> ManifestRows:
    """Return the rows of the manifest; DataError when `split` has not run."""
    return ManifestRows(check_present(files.stage_folder("split") / "manifest.csv"))


def load_prepared_rows() -> ManifestRows:
    """Return the rows of the arrays, split by split; DataError when `preprocess` has not run."""
    return ManifestRows(check_present(files.stage_folder("preprocess") / "images.csv"))


def count_duplicates() -> DuplicateCounts:
    """Return how many byte-identical images `split` found; DataError when it has not run."""
    rows = files.read_csv(check_present(files.stage_folder("split") / "duplicates.csv"))
    kinds = Counter(row["kind"] for row in rows)
    return DuplicateCounts(
        duplicates=kinds["duplicate"],
        label_conflicts=kinds["label conflict"],
        across_splits=kinds["across splits"],
    )


def load_images(split: str) -> ImageShards:
    """Return the pictures of train, validation or test: uint8 (N, H, W, C), in memory maps.

    Raises DataError when `preprocess` has not run.
    """
    return load_shards(stage_folder("preprocess"), split)


def load_labels(split: str) -> NDArray[np.int64]:
    """Return the class of each picture of a split: int64 (N,), an index into the classes.

    Raises DataError when `preprocess` has not run.
    """
    path = check_present(stage_folder("preprocess") / f"{split}.labels.npy")
    classes: NDArray[np.int64] = np.load(path)
    return classes


class ImageSubset:
    """Some of the images, cut like all of them, read only when asked for.

    images: uint8 (N, H, W, C); positions: int64 (M,), sorted.
    """

    def __init__(self, images: Images, positions: NDArray[np.int64]) -> None:
        self.images, self.positions = images, positions

    def __len__(self) -> int:
        return len(self.positions)

    def __getitem__(self, index: slice) -> NDArray[np.uint8]:
        return self.images[self.positions[index]]


def draw_fixed_sample(size: int, at_most: int) -> NDArray[np.int64]:
    """Return sorted positions, at most `at_most` of `size`, always the same ones."""
    chosen = np.random.default_rng(0).permutation(size)[:at_most]
    return np.sort(chosen)
