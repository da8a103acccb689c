"""Images that look the same and are not the same bytes: encoded again, resized, brightened.

A perceptual hash finds candidates, then their pixels decide: see similarity.py. Looked for are
pairs that do harm: in different splits, where a model is judged by what it was trained on, or in
different classes, where one of the labels is wrong. Byte-identical images are the business of
`split`, and those of a single level look like nothing.
"""

import zlib
from collections.abc import Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from secondlook.artifacts.dataset_card import NearDuplicateCounts
from secondlook.artifacts.image_shards import Images
from secondlook.artifacts.manifest import ManifestRow
from secondlook.artifacts.parallel import map_in_order
from secondlook.artifacts.schema import IndexArray
from secondlook.data import similarity
from secondlook.data.similarity import Frequencies, Hashes

PAIR_COLUMNS = (
    *("first_id", "first_label", "first_split"),
    *("second_id", "second_label", "second_split", "distance"),
)
NearPlaces = tuple[float, int, int]  # distance and places
MAX_LISTED_PAIRS = 1000  # pairs in lookalikes.csv at most
ROWS_AT_ONCE = 2**16
MAX_COMPARED_PIXELS = 2**34  # pixels compared, after which the search stops


class NearDuplicatePair(NamedTuple):
    """Two images in the order of the splits; `distance` is 0 to the bound."""

    first: ManifestRow
    second: ManifestRow
    distance: float


@dataclass(frozen=True)
class NearDuplicates:
    """Pairs, the nearest first; `bound` is the distance up to which two images look the same.

    `complete` is false where there were so many that the search was stopped.
    """

    pairs: list[NearDuplicatePair]
    bound: float
    complete: bool


def find_near_duplicates(
    arrays: Sequence[Images],
    rows: Iterable[ManifestRow],
    waves: Frequencies | None = None,
) -> NearDuplicates:
    """Return the pairs of images of different bytes that look the same, but not as they should.

    arrays: uint8, each (n, H, W, C), memory maps or not; rows: what they show, image by image,
    gone through several times; waves: the lowest frequencies of all (N, FREQUENCY_COUNT), where
    they are known. Memory grows by some 300 bytes an image.
    """
    waves = compute_all_frequencies(arrays) if waves is None else waves
    codes = _compute_all_hashes(waves)
    shaped = np.flatnonzero(waves.any(axis=1))
    bound, compared, near = similarity.compute_distance_bound(arrays, shaped), 0, list[NearPlaces]()
    for i, j in _select_harmful(rows, shaped, similarity.find_candidates(codes[shaped])):
        possible = _could_be_near(waves[i], waves[j], bound)
        near += _confirm_pairs(arrays, i[possible], j[possible], bound)
        compared += int(possible.sum()) * arrays[0][0].size
        if compared > MAX_COMPARED_PIXELS:
            break
    return NearDuplicates(_attach_rows(sorted(near), rows), bound, compared <= MAX_COMPARED_PIXELS)


def compute_all_frequencies(arrays: Sequence[Images]) -> Frequencies:
    """Return the lowest frequencies (N, FREQUENCY_COUNT) of all images."""
    every = np.arange(sum(map(len, arrays)))
    blocks = similarity.iterate_blocks(arrays, every)
    return np.concatenate(list(map_in_order(similarity.compute_frequencies, blocks, 1)))


def _compute_all_hashes(waves: Frequencies) -> Hashes:
    """Return the hash (N,) of each row of waves (N, FREQUENCY_COUNT), without copies of all."""
    codes = np.empty(len(waves), np.uint64)
    for start in range(0, len(waves), ROWS_AT_ONCE):
        end = start + ROWS_AT_ONCE
        codes[start:end] = similarity.compute_hashes(waves[start:end])
    return codes


def _attach_rows(near: list[NearPlaces], rows: Iterable[ManifestRow]) -> list[NearDuplicatePair]:
    """Return the pairs with the rows at their places."""
    places = {place for _, *both in near for place in both}
    known = {place: row for place, row in enumerate(rows) if place in places}
    return [
        NearDuplicatePair(known[first], known[second], distance) for distance, first, second in near
    ]


def _select_harmful(
    rows: Iterable[ManifestRow],
    shaped: IndexArray,
    candidates: Iterable[tuple[IndexArray, IndexArray]],
) -> Iterator[tuple[IndexArray, IndexArray]]:
    """Yield the candidates, places in `shaped`, as places in `rows`, if they can do harm.

    They do within no split and class, and are not looked for among byte-identical images.
    """
    kinds = _number_values((row.split, row.label) for row in rows)
    # A short code: that two images that look the same share it by chance is one in 2**32.
    contents = np.fromiter((zlib.crc32(row.digest.encode()) for row in rows), np.uint32)
    for first, second in candidates:
        i, j = shaped[first], shaped[second]
        apart = (kinds[i] != kinds[j]) & (contents[i] != contents[j])
        yield i[apart], j[apart]


def _number_values(values: Iterable[Hashable]) -> IndexArray:
    """Return a number for each value (N,), the same for equal ones."""
    numbers: dict[Hashable, int] = {}
    return np.fromiter((numbers.setdefault(value, len(numbers)) for value in values), np.int64)


def _could_be_near(first: Frequencies, second: Frequencies, bound: float) -> NDArray[np.bool_]:
    """Return which pairs (n,) of waves (n, 64) do not rule out that they are within the bound.

    Of images of length 1 the squared distance is 2 (1 - correlation), and waves are no further
    apart than they; a little is allowed for rounding.
    """
    squares: NDArray[np.float32] = ((first - second) ** 2).sum(axis=1)
    return squares <= 2 * bound + 1e-4


def _confirm_pairs(
    arrays: Sequence[Images], i: IndexArray, j: IndexArray, bound: float
) -> list[NearPlaces]:
    """Return those of the pairs of images at places i (n,) and j (n,) that are within the bound."""
    blocks = zip(
        similarity.iterate_blocks(arrays, i), similarity.iterate_blocks(arrays, j), strict=True
    )
    apart = [similarity.compute_distances(first, second) for first, second in blocks]
    found = zip(np.concatenate([*apart, []]).tolist(), i.tolist(), j.tolist(), strict=True)
    return [near for near in found if near[0] <= bound]


def list_pair_rows(found: NearDuplicates) -> Iterator[dict[str, object]]:
    """Yield the nearest MAX_LISTED_PAIRS pairs as rows of lookalikes.csv: PAIR_COLUMNS."""
    for first, second, distance in found.pairs[:MAX_LISTED_PAIRS]:
        yield dict(zip(PAIR_COLUMNS, (*first[:3], *second[:3], distance), strict=True))


def count_near_duplicates(found: NearDuplicates) -> NearDuplicateCounts:
    """Return how many pairs there are, and of what kind."""
    across = [pair for pair in found.pairs if pair.first.split != pair.second.split]
    # The arrays come in the order train, validation, test, so a training image comes first.
    seen = {pair.second.id for pair in across if pair.first.split == "train"}
    return NearDuplicateCounts(
        pairs=len(found.pairs),
        across_splits=len(across),
        label_conflicts=sum(pair.first.label != pair.second.label for pair in found.pairs),
        judged_and_seen=len(seen),
        bound=found.bound,
        complete=found.complete,
    )
