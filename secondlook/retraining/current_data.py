"""Today's images: which are new to the champion, which are gone, and which it was trained on."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Self

import numpy as np

from secondlook.artifacts import dataset_card, manifest
from secondlook.artifacts.dataset_card import DatasetCard
from secondlook.artifacts.manifest import SEEN_SPLITS, ManifestRow
from secondlook.artifacts.retraining_history import DataChange
from secondlook.config.errors import DataError
from secondlook.evaluation.metrics import Labels
from secondlook.tracking.provenance import ImageDigests, shorten_digest

MAX_NAMED_IMAGES = 5  # images that an error names


@dataclass(frozen=True)
class CurrentData:
    """The images that `preprocess` made arrays of, in their order, and what they are like."""

    rows: list[ManifestRow]
    facts: DatasetCard

    @classmethod
    def load(cls) -> Self:
        """Read what stands in data/preprocess; DataError where it has not run."""
        found = dataset_card.load_dataset_card()
        return cls(list(manifest.load_prepared_rows()), found)

    @cached_property
    def test_rows(self) -> list[ManifestRow]:
        """Return the test images, in the order of their array."""
        return [row for row in self.rows if row.split == "test"]

    def encode_labels(self, rows: Sequence[ManifestRow]) -> Labels:
        """Return each image's class (N,) as an index into the classes."""
        index = {name: number for number, name in enumerate(self.facts.classes)}
        return np.array([index[row.label] for row in rows], np.int64)

    def find_new_rows(self, held: ImageDigests) -> list[ManifestRow]:
        """Return the images that the champion's data did not hold."""
        known = _merge_splits(held)
        return [row for row in self.rows if shorten_digest(row.digest) not in known]

    def count_changes(self, held: ImageDigests | None) -> DataChange:
        """Return how many images there are, and how many are new and gone since the champion's."""
        digest, images = self.facts.digest, len(self.rows)
        if held is None:
            return DataChange(digest=digest, images=images)
        gone = _merge_splits(held) - {shorten_digest(row.digest) for row in self.rows}
        new = len(self.find_new_rows(held))
        return DataChange(digest=digest, images=images, added=new, removed=len(gone))


def _merge_splits(held: ImageDigests) -> set[int]:
    return set[int]().union(*held.values())


def check_unseen(tested: Sequence[ManifestRow], held: ImageDigests) -> None:
    """Raise DataError where the champion was trained on, or chosen by, one of these images."""
    seen = set[int]().union(*(held[split] for split in SEEN_SPLITS))
    leaked = [row.id for row in tested if shorten_digest(row.digest) in seen]
    if leaked:
        named = ", ".join(leaked[:MAX_NAMED_IMAGES]) + (
            " ..." if len(leaked) > MAX_NAMED_IMAGES else ""
        )
        raise DataError(
            f"data: {len(leaked)} of today's {len(tested)} test images were in the champion's "
            f"training or validation: {named}; no fair comparison: put `split` in params.yaml and "
            "the images back, or `secondlook promote` a run by hand"
        )
