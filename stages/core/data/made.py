"""What became of the images of a split, told as they come: memory hardly grows with them."""

from array import array
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from stages.core.data.images import Seen
from stages.core.outputs.manifest import Row

KEPT = ("id", "label", "split", "digest")
REJECTED = ("id", "label", "split", "reason")
SHOWN = 3  # rejected images that an error names
Write = Callable[[Mapping[str, object]], object]
Decoded = tuple[Row, Seen | None]


@dataclass
class Made:
    """A few numbers an image: of those kept the `labels`, and the `sizes` as given, in pairs.

    `histogram` counts their pixels by level. Of the rejected ones the `reasons` are counted, and
    `firsts` are the first SHOWN of them and the first of each class.
    """

    labels: "array[int]" = field(default_factory=lambda: array("q"))
    sizes: "array[int]" = field(default_factory=lambda: array("q"))
    histogram: NDArray[np.int64] = field(default_factory=lambda: np.zeros(256, np.int64))
    reasons: "Counter[str]" = field(default_factory=Counter)
    firsts: list[Row] = field(default_factory=list)

    def keep(self, seen: Seen, label: int) -> None:
        """Count an image that there is, the label being the number of its class."""
        self.labels.append(label)
        self.sizes.extend((seen.width, seen.height))
        self.histogram += np.bincount(seen.pixels.ravel(), minlength=256)

    def reject(self, row: Row) -> None:
        """Count one that there is not."""
        self.reasons[row.reason] += 1
        if len(self.firsts) < SHOWN or row.label not in {first.label for first in self.firsts}:
            self.firsts.append(row)

    def counts(self, names: list[str]) -> dict[str, int]:
        """Return how many were kept of each class."""
        counts = np.bincount(np.array(self.labels, np.int64), minlength=len(names))
        return dict(zip(names, counts.tolist(), strict=True))


def collect(
    results: Iterable[Decoded],
    names: list[str],
    append: Callable[[NDArray[np.uint8]], None],
    keep: Write,
    reject: Write,
) -> Made:
    """Append the pixels of each image that there is, and write each row to one of the two lists."""
    made, index = Made(), {name: number for number, name in enumerate(names)}
    for row, seen in results:
        if seen is None:
            reject({name: getattr(row, name) for name in REJECTED})
            made.reject(row)
        else:
            append(seen.pixels)
            keep({name: getattr(row, name) for name in KEPT})
            made.keep(seen, index[row.label])
    return made
