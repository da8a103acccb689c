"""Contact sheets: a few training images of every class, to look at before any number."""

from collections.abc import Sequence
from dataclasses import dataclass

from stages.core import files
from stages.core.outputs.facts import Facts
from stages.core.page import gallery
from stages.core.page.gallery import Picture

IMAGES, FEWEST, MOST = 120, 6, 20  # on all sheets together, and on each
MANY, SMALL = 20, 48  # more classes than these have images with sides of so many pixels
SEED = 1


@dataclass(frozen=True)
class Sheet:
    """Images of one class: how many are shown, and how many there are in training."""

    name: str
    shown: int
    count: int
    picture: Picture


def read(facts: Facts) -> Sequence[Sheet]:
    """Return a sheet for every class that training has; none where there are no arrays."""
    if not (files.folder("preprocess") / "train.npy").exists():
        return []
    images, labels = files.images("train"), files.labels("train")
    size = len(facts.classes)
    n = min(max(IMAGES // size, FEWEST), MOST)
    limit = gallery.TILE if size <= MANY else SMALL
    sheets = []
    for k, name in enumerate(facts.classes):
        places = gallery.examples(labels, k, n, SEED)
        if len(places):
            picture = gallery.sheet(images[places], columns=-(-n // 2), limit=limit)
            sheets.append(Sheet(name, len(places), facts.counts["train"][name], picture))
    return sheets
