"""What became of the images of a split: their classes, sizes and levels, and what was rejected."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from secondlook.artifacts.manifest import ManifestRow
from secondlook.artifacts.schema import IndexArray
from secondlook.data.decoded_shards import DecodedShard, Digests
from secondlook.data.similarity import Frequencies

REJECTED_COLUMNS = ("id", "label", "split", "reason")
MAX_EXAMPLES = 3  # rejected images that an error names
WriteRow = Callable[[Mapping[str, object]], object]


@dataclass
class SplitSummary:
    """What is known of the images of a split, shard by shard, those kept in the order of `labels`.

    names: the classes, in label order; a label is the number of one. `histogram` counts pixels by
    level, `faint` is how many images use hardly any. Of the rejected ones the `reasons` are
    counted, and `firsts` are the first MAX_EXAMPLES of them and the first of each class.
    """

    names: list[str]
    shards: list[DecodedShard] = field(default_factory=list)
    label_parts: list[IndexArray] = field(default_factory=list)
    histogram: NDArray[np.int64] = field(default_factory=lambda: np.zeros(256, np.int64))
    faint: int = 0
    reasons: "Counter[str]" = field(default_factory=Counter)
    firsts: list[ManifestRow] = field(default_factory=list)

    def add_shard(
        self, rows: Sequence[ManifestRow], shard: DecodedShard, keep: WriteRow, reject: WriteRow
    ) -> None:
        """Count the images of a shard, and write each row to one of the two lists."""
        index = {name: number for number, name in enumerate(self.names)}
        reasons = iter(shard.reasons.tolist())
        for row, kept in zip(rows, shard.kept, strict=True):
            if kept:
                keep(row.to_cells())
            else:
                rejected = row._replace(reason=next(reasons))
                reject(rejected.to_cells(REJECTED_COLUMNS))
                self.add_rejected(rejected)
        labels = np.array([index[row.label] for row in rows], np.int64)
        self.label_parts.append(labels[shard.kept])
        self.shards.append(shard)
        self.histogram += shard.histogram
        self.faint += int(shard.faint)

    def add_rejected(self, row: ManifestRow) -> None:
        """Count an image that there is not."""
        self.reasons[row.reason] += 1
        if len(self.firsts) < MAX_EXAMPLES or row.label not in {
            first.label for first in self.firsts
        }:
            self.firsts.append(row)

    @property
    def labels(self) -> IndexArray:
        """Return the class of each image that there is (N,)."""
        return np.concatenate([np.empty(0, np.int64), *self.label_parts])

    @property
    def sizes(self) -> IndexArray:
        """Return the sizes as given (N, 2), width and height in pixels."""
        return np.concatenate([shard.sizes for shard in self.shards])

    @property
    def hashes(self) -> Digests:
        """Return the SHA-256 of each image's shape and pixels (N, 32)."""
        return np.concatenate([shard.hashes for shard in self.shards])

    @property
    def frequencies(self) -> Frequencies:
        """Return the lowest frequencies of each image (N, 64)."""
        return np.concatenate([shard.frequencies for shard in self.shards])

    def count_images(self) -> dict[str, int]:
        """Return how many were kept of each class."""
        counts = np.bincount(self.labels, minlength=len(self.names))
        return dict(zip(self.names, counts.tolist(), strict=True))
