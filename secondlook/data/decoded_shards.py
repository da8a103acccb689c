"""What is known of images that were decoded, a shard at a time, and where their pixels are."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple, Self
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from secondlook.artifacts.dataset_card import FAINT_LEVELS
from secondlook.artifacts.schema import ImageArray, IndexArray
from secondlook.data.similarity import FREQUENCY_COUNT, Frequencies

Digests = NDArray[np.uint8]  # (n, 32), SHA-256 each
DIGEST_BYTES = 32
NOT_KNOWN = -1


class ExaminedImage(NamedTuple):
    """An image that could be decoded: its pixels (H, W, C), and what is known of them.

    size: as given, width and height in pixels; hash: SHA-256 of shape and pixels.
    """

    pixels: ImageArray
    size: tuple[int, int]
    hash: bytes
    frequencies: Frequencies


class DecodedShard(NamedTuple):
    """What is known of n listed images of which k could be decoded, besides their pixels.

    kept: which were (n,); reasons: why not, of the others (n - k,); sizes: as given (k, 2), width
    and height in pixels; hashes: of shape and pixels (k, 32); frequencies: the lowest (k, 64);
    histogram: pixels by level (256,); faint: how many images use hardly any level.
    """

    kept: NDArray[np.bool_]
    reasons: NDArray[np.str_]
    sizes: IndexArray
    hashes: Digests
    frequencies: Frequencies
    histogram: IndexArray
    faint: NDArray[np.int64]


class ShardBuilder:
    """Gathers a DecodedShard image by image."""

    def __init__(self) -> None:
        self.kept: list[bool] = []
        self.reasons: list[str] = []
        self.images: list[ExaminedImage] = []  # without pixels
        self.histogram, self.faint = np.zeros(256, np.int64), 0

    def add(self, found: ExaminedImage | str) -> None:
        """Add an image that there is, or the reason why there is none."""
        self.kept.append(not isinstance(found, str))
        if isinstance(found, str):
            self.reasons.append(found)
            return
        pixels = found.pixels
        self.images.append(found._replace(pixels=np.empty(0, np.uint8)))
        self.histogram += np.bincount(pixels.ravel(), minlength=256)
        self.faint += int(pixels.max()) - int(pixels.min()) < FAINT_LEVELS

    def build(self) -> DecodedShard:
        """Return all that was added."""
        hashes = b"".join(one.hash for one in self.images)
        waves = [one.frequencies for one in self.images]
        return DecodedShard(
            np.array(self.kept, np.bool_),
            np.array(self.reasons, np.str_),
            np.array([one.size for one in self.images], np.int64).reshape(-1, 2),
            np.frombuffer(hashes, np.uint8).reshape(-1, DIGEST_BYTES),
            np.array(waves, np.float32).reshape(-1, FREQUENCY_COUNT),
            self.histogram,
            np.array(self.faint),
        )


def pack_digests(digests: Sequence[str]) -> Digests:
    """Return SHA-256 of hexadecimal digits as bytes (n, 32)."""
    whole = bytes.fromhex("".join(digests))
    return np.frombuffer(whole, np.uint8).reshape(-1, DIGEST_BYTES)


class ShardFiles(NamedTuple):
    """The two files of a shard: its pixels, and what is known of them, written last."""

    pixels: Path
    facts: Path

    @classmethod
    def in_folder(cls, folder: Path, name: str) -> Self:
        """Return where a shard of this name is, or would be."""
        return cls(folder / f"{name}.npy", folder / f"{name}.npz")

    def is_whole(self) -> bool:
        """Tell whether both are there, and the pixels as they were written."""
        try:
            with np.load(self.facts) as told:
                return bool((told["stamp"] == self._stamp()).all())
        except (OSError, ValueError, EOFError, KeyError, BadZipFile):  # missing, or damaged
            return False

    def write_facts(self, digests: Digests, shard: DecodedShard, partial: Path) -> None:
        """Write what is known of the pixels, whole or not at all; digests (n, 32): all listed."""
        with partial.open("wb") as file:
            np.savez(file, digests=digests, stamp=self._stamp(), **shard._asdict())
            file.flush()
            os.fsync(file.fileno())
        partial.replace(self.facts)

    def _stamp(self) -> IndexArray:
        """Return what changes when pixels are written: the size of the file, and its time."""
        found = self.pixels.stat()
        return np.array([found.st_size, found.st_mtime_ns])

    def read_facts(self) -> DecodedShard:
        """Return what is known of the pixels."""
        with np.load(self.facts) as told:
            return DecodedShard(**{field: told[field] for field in DecodedShard._fields})

    def read_digests(self) -> Digests:
        """Return the digests of all images that are listed (n, 32)."""
        with np.load(self.facts) as told:
            digests: Digests = told["digests"]
            return digests

    def map_pixels(self) -> ImageArray:
        """Return the pixels (k, H, W, C), k above 0, as a memory map."""
        pixels: ImageArray = np.load(self.pixels, mmap_mode="r")
        return pixels


class KnownImages:
    """The images of many shards, found by the digest of their content."""

    def __init__(self, shards: Sequence[ShardFiles]) -> None:
        self._facts = [shard.read_facts() for shard in shards]
        self._pixels = [
            shard.map_pixels() if told.kept.any() else None
            for shard, told in zip(shards, self._facts, strict=True)
        ]
        none = np.empty(0, np.int64)
        kept = [told.kept for told in self._facts]
        # Place i, in the order of the shards, is row rows[i] of the shard owners[i].
        self._owners = np.concatenate([none, *(np.full(sum(k), i) for i, k in enumerate(kept))])
        self._rows = np.concatenate([none, *(np.arange(sum(k)) for k in kept)])
        self._digests = np.concatenate(
            [
                np.empty((0, DIGEST_BYTES), np.uint8),
                *(shard.read_digests()[k] for shard, k in zip(shards, kept, strict=True)),
            ]
        )
        starts = _shorten(self._digests)
        self._order = np.argsort(starts, kind="stable")
        self._starts = starts[self._order]

    def find(self, digests: Digests) -> IndexArray:
        """Return the place of each image (n,), NOT_KNOWN where it was not decoded before."""
        if not len(self._starts):
            return np.full(len(digests), NOT_KNOWN)
        # Eight bytes lead to one that has them; all 32 say whether it is the same.
        first = np.searchsorted(self._starts, _shorten(digests))
        places = self._order[np.minimum(first, len(self._starts) - 1)]
        same = (self._digests[places] == digests).all(axis=1)
        return np.where(same, places, NOT_KNOWN)

    def recall(self, place: int) -> ExaminedImage:
        """Return the image at a place."""
        owner, row = self._owners[place], self._rows[place]
        told, pixels = self._facts[owner], self._pixels[owner]
        assert pixels is not None  # noqa: S101 - it has this image
        width, height = told.sizes[row].tolist()
        return ExaminedImage(
            np.array(pixels[row]),
            (width, height),
            told.hashes[row].tobytes(),
            told.frequencies[row],
        )


def _shorten(digests: Digests) -> NDArray[np.uint64]:
    """Return the first eight bytes of each digest (n, 32) as a number (n,)."""
    return np.ascontiguousarray(digests[:, :8]).view(np.uint64).reshape(-1)
