"""Images that look the same and are not the same bytes: encoded again, resized, brightened.

A perceptual hash (phash.py) finds candidates, then their pixels decide (likeness.py). Looked for
are pairs that do harm: in different splits, where a model is judged by what it was trained on, or
in different classes, where one of the labels is wrong. Byte-identical images are `split`'s
business, and those of a single level look like nothing.
"""

import zlib
from collections.abc import Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from stages.core.data import likeness, phash
from stages.core.data.likeness import Pictures, Places
from stages.core.data.phash import Hashes, Waves
from stages.core.outputs.facts import Alike
from stages.core.outputs.manifest import Row
from stages.core.parallel import in_order

FIELDS = (
    *("first_id", "first_label", "first_split"),
    *("second_id", "second_label", "second_split", "distance"),
)
Near = tuple[float, int, int]  # distance and places
LISTED = 1000  # pairs in lookalikes.csv at most
MOST = 2**34  # pixels compared, after which the search stops


class Pair(NamedTuple):
    """Two images in the order of the splits; `distance` is 0 to the bound."""

    first: Row
    second: Row
    distance: float


@dataclass(frozen=True)
class Lookalikes:
    """Pairs, the nearest first; `bound` is the distance up to which two images look the same.

    `complete` is false where there were so many that the search was stopped.
    """

    pairs: list[Pair]
    bound: float
    complete: bool


def find(arrays: Sequence[Pictures], rows: Iterable[Row]) -> Lookalikes:
    """Return the pairs of images of different bytes that look the same, but not as they should.

    arrays: uint8, each (n, H, W, C), memory maps or not; rows: what they show, image by image,
    gone through several times. Memory grows by some 300 bytes an image.
    """
    waves, codes = sketched(arrays)
    shaped = np.flatnonzero(waves.any(axis=1))
    bound, compared, near = likeness.bound(arrays, shaped), 0, list[Near]()
    for i, j in harmful(rows, shaped, phash.candidates(codes[shaped])):
        possible = could_be_near(waves[i], waves[j], bound)
        near += confirmed(arrays, i[possible], j[possible], bound)
        compared += int(possible.sum()) * arrays[0][0].size
        if compared > MOST:
            break
    return Lookalikes(paired(sorted(near), rows), bound, compared <= MOST)


def sketched(arrays: Sequence[Pictures]) -> tuple[Waves, Hashes]:
    """Return the lowest frequencies (N, WAVES) and the hashes (N,) of all images."""
    every, start = np.arange(sum(map(len, arrays))), 0
    waves = np.empty((len(every), phash.WAVES), np.float32)
    codes = np.empty(len(every), np.uint64)
    for block in in_order(phash.sketch, likeness.blocks(arrays, every), 1):
        end = start + len(block)
        waves[start:end], codes[start:end] = block, phash.hashes(block)
        start = end
    return waves, codes


def paired(near: list[Near], rows: Iterable[Row]) -> list[Pair]:
    """Return the pairs with the rows at their places."""
    places = {place for _, *both in near for place in both}
    known = {place: row for place, row in enumerate(rows) if place in places}
    return [Pair(known[first], known[second], distance) for distance, first, second in near]


def harmful(
    rows: Iterable[Row], shaped: Places, candidates: Iterable[tuple[Places, Places]]
) -> Iterator[tuple[Places, Places]]:
    """Yield the candidates, places in `shaped`, as places in `rows`, if they can do harm.

    They do within no split and class, and are not looked for among byte-identical images.
    """
    kinds = numbered((row.split, row.label) for row in rows)
    # A short code: that two images that look the same share it by chance is one in 2**32.
    contents = np.fromiter((zlib.crc32(row.digest.encode()) for row in rows), np.uint32)
    for first, second in candidates:
        i, j = shaped[first], shaped[second]
        apart = (kinds[i] != kinds[j]) & (contents[i] != contents[j])
        yield i[apart], j[apart]


def numbered(values: Iterable[Hashable]) -> Places:
    """Return a number for each value (N,), the same for equal ones."""
    numbers: dict[Hashable, int] = {}
    return np.fromiter((numbers.setdefault(value, len(numbers)) for value in values), np.int64)


def could_be_near(first: Waves, second: Waves, bound: float) -> NDArray[np.bool_]:
    """Return which pairs (n,) of waves (n, 64) do not rule out that they are within the bound.

    Of images of length 1 the squared distance is 2 (1 - correlation), and waves are no further
    apart than they; a little is allowed for rounding.
    """
    squares: NDArray[np.float32] = ((first - second) ** 2).sum(axis=1)
    return squares <= 2 * bound + 1e-4


def confirmed(arrays: Sequence[Pictures], i: Places, j: Places, bound: float) -> list[Near]:
    """Return those of the pairs of images at places i (n,) and j (n,) that are within the bound."""
    blocks = zip(likeness.blocks(arrays, i), likeness.blocks(arrays, j), strict=True)
    apart = [likeness.distances(first, second) for first, second in blocks]
    found = zip(np.concatenate([*apart, []]).tolist(), i.tolist(), j.tolist(), strict=True)
    return [near for near in found if near[0] <= bound]


def records(found: Lookalikes) -> Iterator[dict[str, object]]:
    """Yield the nearest LISTED pairs as rows of lookalikes.csv, under FIELDS."""
    for first, second, distance in found.pairs[:LISTED]:
        yield dict(zip(FIELDS, (*first[:3], *second[:3], distance), strict=True))


def counted(found: Lookalikes) -> Alike:
    """Return how many pairs there are, and of what kind."""
    across = [pair for pair in found.pairs if pair.first.split != pair.second.split]
    # The arrays come in the order train, validation, test, so a training image comes first.
    seen = {pair.second.id for pair in across if pair.first.split == "train"}
    return Alike(
        pairs=len(found.pairs),
        across_splits=len(across),
        label_conflicts=sum(pair.first.label != pair.second.label for pair in found.pairs),
        judged_and_seen=len(seen),
        bound=found.bound,
        complete=found.complete,
    )
