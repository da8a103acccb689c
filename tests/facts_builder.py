"""What `preprocess` would find out about invented data."""

from collections.abc import Mapping, Sequence

from stages.core.outputs.facts import Alike, Copies, Facts, Levels, Pictures, Pixels, Usual
from stages.core.typical.features import Features
from tests.data_builder import spec

ANYTHING = Usual([0.0], [1.0], -1e6, 1e6)
SPLITS = ("train", "validation", "test")


def invented(
    classes: Sequence[str], counts: Mapping[str, Mapping[str, int]], positive: str | None = None
) -> Facts:
    """Return the facts of images of 28 x 28 grey pixels, one more of which was rejected."""
    return Facts(
        name="invented",
        classes=list(classes),
        positive=positive,
        shape=[28, 28, 1],
        counts={split: dict(count) for split, count in counts.items()},
        rejected=1,
        digest="0" * 64,
        pixels=Pixels(51.0, 77.0, [1] * 256),
        levels={split: Levels(51.0 + i, 77.0) for i, split in enumerate(SPLITS)},
        reasons={"damaged": 1},
        copies=Copies(duplicates=4, label_conflicts=2, across_splits=2),
        alike=Alike(3, 2, 1, 2, 0.004, complete=True),
        preparation=spec(height=28, width=28),
        pictures=Pictures(dict.fromkeys(Features._fields, ANYTHING), [0.0] * 256, 0.0),
    )
