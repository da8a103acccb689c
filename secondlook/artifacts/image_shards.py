"""The pictures of a split in files of bounded size, read as if they were one array.

An image more, or one less, changes the file that it stands in and hardly any other, so DVC hashes,
keeps, pushes and pulls little where data grow.
"""

import mmap
import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import BinaryIO, Protocol, Self, TypeVar

import numpy as np
from numpy.typing import NDArray

from secondlook.artifacts.files import check_present
from secondlook.artifacts.schema import ImageArray, IndexArray

SHARD_NAME = "{split}-{number:05}.npy"
MAX_SHARD_IMAGES = 2**16  # of however few bytes: the rows of one shard are held in memory


class ImageShards:
    """Pictures, uint8 (N, H, W, C), in memory maps one after the other; read only when cut."""

    def __init__(self, parts: Sequence[ImageArray]) -> None:
        self.parts = parts
        self._ends = np.cumsum([len(part) for part in parts])
        self.shape = (int(self._ends[-1]), *parts[0].shape[1:])

    def __len__(self) -> int:
        return int(self._ends[-1])

    def __iter__(self) -> Iterator[ImageArray]:
        for part in self.parts:
            yield from part

    def __getitem__(self, index: int | slice | IndexArray) -> ImageArray:
        if len(self.parts) == 1:
            whole = self.parts[0]
            cut: ImageArray = whole[index]
            return cut
        if isinstance(index, slice):
            return self._take(np.arange(*index.indices(len(self))))
        if isinstance(index, np.ndarray):
            return self._take(index)
        one: ImageArray = self._take(np.array([range(len(self))[index]]))[0]
        return one

    def _take(self, places: IndexArray) -> ImageArray:
        """Return the pictures (n, H, W, C) at places (n,), each part asked once."""
        if places.dtype == np.bool_ or places.min(initial=0) < 0:  # a mask, or from the end
            places = np.arange(len(self))[places]
        found = np.empty((len(places), *self.shape[1:]), np.uint8)
        owners = np.searchsorted(self._ends, places, side="right")
        for owner in np.unique(owners):
            here, part = owners == owner, self.parts[owner]
            found[here] = part[places[here] - (self._ends[owner] - len(part))]
        return found

    def read_ahead(self, places: IndexArray) -> None:
        """Ask the system to read the pictures at places (n,), ascending, while others are used.

        Random places of a file that is not in memory come five times as fast when they are known
        before they are needed. Nothing happens where the parts are no memory maps.
        """
        owners = np.searchsorted(self._ends, places, side="right")
        # What follows each other is asked for at once.
        breaks = np.flatnonzero((np.diff(places) != 1) | (np.diff(owners) != 0)) + 1
        for run, owner in zip(np.split(places, breaks), owners[[0, *breaks]], strict=True):
            part = self.parts[owner]
            first = int(run[0]) - int(self._ends[owner]) + len(part)
            _advise(part, first, len(run))

    def __array__(self, dtype: object = None, *, copy: bool | None = None) -> ImageArray:
        return np.concatenate(self.parts)


def _get_number(path: Path) -> int:
    return int(path.stem.rpartition("-")[2])


def _advise(part: ImageArray, first: int, count: int) -> None:
    """Let the system read `count` pictures of a memory map from the place `first` on."""
    if isinstance(part, np.memmap) and isinstance(part.base, mmap.mmap):
        size = part.nbytes // len(part)
        start = part.offset % mmap.ALLOCATIONGRANULARITY + first * size
        begin = start - start % mmap.PAGESIZE
        part.base.madvise(mmap.MADV_WILLNEED, begin, start + count * size - begin)


Images = ImageArray | ImageShards  # (N, H, W, C)


def load_shards(folder: Path, split: str) -> ImageShards:
    """Return the pictures of a split in a folder; DataError where there are none."""
    check_present(folder / SHARD_NAME.format(split=split, number=0))
    paths = folder.glob(f"{split}-*.npy")
    return ImageShards([np.load(path, mmap_mode="r") for path in sorted(paths, key=_get_number)])


class Hashed(Protocol):
    """What has the SHA-256 (hex) of its content."""

    @property
    def digest(self) -> str:
        """Return it."""


Row = TypeVar("Row", bound=Hashed)


def cut_shards(rows: Iterable[Row], total: int, at_most: int) -> Iterator[list[Row]]:
    """Yield all `total` rows in groups of at most so many: one shard each.

    Where they do not all fit into one, some rows end a group by their own digest, so that one
    more or less moves no cut but those beside it (content-defined chunking: Muthitacharoen and
    others 2001, "A Low-bandwidth Network File System"). No group but the last is smaller than a
    quarter, as others would be (Xia and others 2016, "FastCDC").
    """
    group: list[Row] = []
    least, usual = at_most // 4, max(1, at_most // 2)
    for row in rows:
        group.append(row)
        ends = len(group) > least and int(row.digest[:15], 16) % usual == 0
        if total > at_most and (ends or len(group) == at_most):
            yield group
            group = []
    if group:
        yield group


def count_shard_images(shard_bytes: int, shape: Sequence[int]) -> int:
    """Return how many images (H, W, C) a shard has at most: one at least."""
    return max(1, min(MAX_SHARD_IMAGES, shard_bytes // int(np.prod(shape))))


class ArrayWriter:
    """Writes a .npy file row by row, without knowing how many rows there will be.

    Rows are uint8 of one shape, (H, W, C). The header is written again on closing: numpy pads
    it so that the number of rows can grow in place.
    """

    def __init__(self, path: Path, shape: tuple[int, ...]) -> None:
        self.shape, self.rows = shape, 0
        self._file: BinaryIO = path.open("wb")
        self._write_header()

    def _write_header(self) -> None:
        self._file.seek(0)
        header = {"descr": "|u1", "fortran_order": False, "shape": (self.rows, *self.shape)}
        np.lib.format.write_array_header_1_0(self._file, header)

    def append(self, row: NDArray[np.uint8]) -> None:
        """Write one row of the promised shape."""
        self._file.write(row.tobytes())
        self.rows += 1

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        with self._file:
            if error is None:
                self._write_header()
                self._file.flush()
                os.fsync(self._file.fileno())
