"""Today's images: which are new to the champion, which are gone, and which it was trained on."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Self

import numpy as np

from stages.core import files
from stages.core.errors import DataError
from stages.core.outputs import facts
from stages.core.outputs.facts import Facts
from stages.core.outputs.manifest import Row
from stages.core.outputs.retrainings import Images
from stages.core.statistics.metrics import Labels
from stages.core.tracking.held import Held, short

NAMED = 5  # images that an error names
SEEN = ("train", "validation")  # fitted, and chosen by


@dataclass(frozen=True)
class Today:
    """The images that `preprocess` made arrays of, in their order, and what they are like."""

    rows: list[Row]
    facts: Facts

    @classmethod
    def read(cls) -> Self:
        """Read what stands in data/preprocess; DataError where it has not run."""
        found = facts.read()
        listed = files.read_csv(files.folder("preprocess") / "images.csv")
        rows = [Row(row["id"], row["label"], row["split"], row["digest"]) for row in listed]
        return cls(rows, found)

    @cached_property
    def tested(self) -> list[Row]:
        """Return the test images, in the order of their array."""
        return [row for row in self.rows if row.split == "test"]

    def labels(self, rows: Sequence[Row]) -> Labels:
        """Return each image's class (N,) as an index into the classes."""
        index = {name: number for number, name in enumerate(self.facts.classes)}
        return np.array([index[row.label] for row in rows], np.int64)

    def added(self, held: Held) -> list[Row]:
        """Return the images that the champion's data did not hold."""
        known = _all(held)
        return [row for row in self.rows if short(row.digest) not in known]

    def since(self, held: Held | None) -> Images:
        """Return how many images there are, and how many are new and gone since the champion's."""
        digest, images = self.facts.digest, len(self.rows)
        if held is None:
            return Images(digest=digest, images=images)
        gone = _all(held) - {short(row.digest) for row in self.rows}
        new = len(self.added(held))
        return Images(digest=digest, images=images, added=new, removed=len(gone))


def _all(held: Held) -> set[int]:
    return set[int]().union(*held.values())


def check_unseen(tested: Sequence[Row], held: Held) -> None:
    """Raise DataError where the champion was trained on, or chosen by, one of these images."""
    seen = set[int]().union(*(held[split] for split in SEEN))
    leaked = [row.id for row in tested if short(row.digest) in seen]
    if leaked:
        named = ", ".join(leaked[:NAMED]) + (" ..." if len(leaked) > NAMED else "")
        raise DataError(
            f"data: {len(leaked)} of today's {len(tested)} test images were in the champion's "
            f"training or validation: {named}; no fair comparison: put `split` in params.yaml and "
            "the images back, or `secondlook promote` a run by hand"
        )
