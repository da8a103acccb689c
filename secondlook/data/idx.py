"""IDX files, the format of MNIST, Fashion-MNIST and EMNIST, and pairs of them as a source.

A file is a header, then unsigned bytes. The format is that of Y. LeCun, C. Cortes and C. Burges,
"The MNIST database of handwritten digits".
"""

import gzip
import math
import re
import struct
import tempfile
import zlib
from collections import Counter
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from secondlook.artifacts import files
from secondlook.artifacts.files import list_visible
from secondlook.config.errors import DataError
from secondlook.data.splitting import (
    SPLIT_WORDS,
    ImageContent,
    Item,
    is_plain_text,
    list_words,
    normalize_name,
)

UNSIGNED_BYTES = 0x08
GZIP_MAGIC = b"\x1f\x8b"
CHUNK_BYTES = 2**20


class _ReadableFile(Protocol):
    """A file open for reading, packed or plain."""

    def read(self, size: int, /) -> bytes: ...

    def close(self) -> None: ...


def read_idx(path: Path, dimensions: int) -> NDArray[np.uint8]:
    """Return the array in an IDX file, gzipped or plain, as a read-only memory map.

    Images have 3 dimensions (N, H, W), labels 1 (N,). The values are unpacked into a nameless
    temporary file, so that memory stays small however many images there are.
    Raises DataError when it is something else, damaged, or of another length than it promises.
    """
    try:
        with closing(_open_unpacked(path)) as file:
            return _map_values(path, file, _read_shape(path, file, dimensions))
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise DataError(f"{path}: damaged gzip file ({error}); download it again") from None


def write_idx(path: Path, array: NDArray[np.uint8]) -> None:
    """Write an array as a gzipped IDX file; the same array always gives the same bytes."""
    header = struct.pack(f">BBBB{array.ndim}I", 0, 0, UNSIGNED_BYTES, array.ndim, *array.shape)
    # Neither name nor time in the gzip header: both would change the bytes.
    with path.open("wb") as raw, gzip.GzipFile("", "wb", 9, raw, mtime=0) as packed:
        packed.write(header + array.tobytes())


def _open_unpacked(path: Path) -> _ReadableFile:
    with path.open("rb") as file:
        zipped = file.read(2) == GZIP_MAGIC
    return gzip.open(path) if zipped else path.open("rb")


def _read_shape(path: Path, file: _ReadableFile, dimensions: int) -> tuple[int, ...]:
    """Read the header: two zero bytes, type, number of dimensions, and each one's length."""
    head = file.read(4 + 4 * dimensions)
    if head[:4] != bytes((0, 0, UNSIGNED_BYTES, dimensions)):
        found = files.detect_failed_download(head) or f"the bytes {head[:4].hex(' ') or '(none)'}"
        raise DataError(
            f"{path}: found {found}; expected an IDX file, which begins with "
            f"00 00 08 {dimensions:02x} (bytes in {dimensions} dimensions); download it again"
        )
    if len(head) < 4 + 4 * dimensions:
        raise DataError(f"{path}: ends within the IDX header; download it again")
    return struct.unpack(f">{dimensions}I", head[4:])


def _map_values(path: Path, file: _ReadableFile, shape: tuple[int, ...]) -> NDArray[np.uint8]:
    promised = math.prod(shape)
    if promised == 0:
        raise DataError(
            f"{path}: the IDX header promises no values (lengths {_format_shape(shape)})"
        )
    with tempfile.TemporaryFile() as plain:
        # One byte more than promised is enough to see that there are too many.
        while chunk := file.read(min(CHUNK_BYTES, promised + 1 - plain.tell())):
            plain.write(chunk)
        if plain.tell() != promised:
            amount = f"{plain.tell()}" if plain.tell() < promised else "more"
            raise DataError(
                f"{path}: the IDX header promises {_format_shape(shape)} = {promised} bytes, found "
                f"{amount}; download it again"
            )
        plain.flush()
        # asarray: a plain array over the map, which is far quicker to index.
        return np.asarray(np.memmap(plain, np.uint8, "r", shape=shape))


def _format_shape(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape))


@dataclass(frozen=True)
class _LabelledImages:
    """Images (N, H, W) and their labels (N,), uint8; `split` as the file names say, or None."""

    images: NDArray[np.uint8]
    labels: NDArray[np.uint8]
    split: str | None


class IdxPairs:
    """One pair of IDX files, or one for training and one for testing, as MNIST and EMNIST come.

    A pair whose name holds `train`, `validation` (or `val`, `valid`), `test` or `t10k` is that
    split. Labels are named by `class_names`, a text file in the folder: its first line names the
    smallest label there is, whether that is 0 (MNIST) or 1 (EMNIST letters), and so on upwards.
    """

    def __init__(self, root: Path, class_names: str | None, transposed: bool) -> None:
        self.skipped: list[str] = []
        self.notes: list[str] = []
        self._transposed = transposed
        self._pairs = _load_pairs(root)
        self._names = _load_label_names(self._pairs, root / class_names if class_names else None)

    def items(self) -> list[Item]:
        """Return every image in the order of the files; its id is <images file>#<index from 0>."""
        return [
            Item(f"{name}#{index}", self._names[label], pair.split)
            for name, pair in self._pairs.items()
            for index, label in enumerate(pair.labels.tolist())
        ]

    def content(self, name: str) -> ImageContent:
        """Return the pixels (H, W), uint8, of the image with this id."""
        pair, _, index = name.rpartition("#")
        pixels: NDArray[np.uint8] = self._pairs[pair].images[int(index)]
        return pixels.T if self._transposed else pixels


def _load_pairs(root: Path) -> dict[str, _LabelledImages]:
    """Return the pairs in a folder by the short name of their images file."""
    paths = {path.name.removesuffix(".gz"): path for path in list_visible(root) if path.is_file()}
    partners = _match_partners(root, list(paths))
    splits = {name: _find_split_word(name) for name in partners}
    for split, count in Counter(splits.values()).items():
        if count > 1:
            same = [name for name in partners if splits[name] == split]
            raise DataError(
                f"{root}: several IDX pairs for {split or 'one data set'}: {', '.join(same)}; "
                "expected one; move the others to another folder"
            )
    return {
        re.sub(r"[-.]idx3-ubyte$", "", name): _load_pair(paths[name], paths[partner], splits[name])
        for name, partner in partners.items()
    }


def _match_partners(root: Path, names: list[str]) -> dict[str, str]:
    """Return for each images file its labels file; a file left alone is an error."""
    partners = {
        name: name.replace("images", "labels").replace("idx3", "idx1")
        for name in names
        if "images" in name
    }
    labels = {name for name in names if "labels" in name}
    if not partners and not labels:
        raise DataError(
            f"{root}: no IDX files; expected a pair such as train-images-idx3-ubyte.gz and "
            f"train-labels-idx1-ubyte.gz{_find_pairs_below(root)}; correct data.path or data.source"
        )
    alone = labels.symmetric_difference(partners.values())
    if alone:
        raise DataError(
            f"{root}: IDX files come in pairs of images and labels, but there is no partner for "
            f"{min(n for n in names if n in alone or partners.get(n) in alone)}; add it"
        )
    return partners


def _find_pairs_below(root: Path) -> str:
    below = [*root.glob("*/*images*idx3*"), *root.glob("*/*/*images*idx3*")]
    return f", as in {min(below).parent}" if below else ""


def _find_split_word(name: str) -> str | None:
    words = [SPLIT_WORDS[word] for word in list_words(name) if word in SPLIT_WORDS]
    return words[0] if words else None


def _load_pair(images: Path, labels: Path, split: str | None) -> _LabelledImages:
    pair = _LabelledImages(read_idx(images, 3), read_idx(labels, 1), split)
    if len(pair.images) != len(pair.labels):
        raise DataError(
            f"{images}: {len(pair.images)} images, but {labels.name} holds {len(pair.labels)} "
            "labels; expected as many; they do not belong together, download both again"
        )
    return pair


def _load_label_names(pairs: dict[str, _LabelledImages], path: Path | None) -> dict[int, str]:
    """Return the class name of each label there is; the number itself where no file names it."""
    labels = sorted({int(label) for pair in pairs.values() for label in np.unique(pair.labels)})
    if path is None:
        return {label: str(label) for label in labels}
    names = _read_class_names(path)
    if len(names) != len(labels):
        raise DataError(
            f"{path}: {len(names)} class names for {len(labels)} different labels "
            f"({labels[0]} to {labels[-1]}); expected one line per label, smallest label first"
        )
    return dict(zip(labels, names, strict=True))


def _read_class_names(path: Path) -> list[str]:
    try:
        names = [
            normalize_name(line.strip()) for line in path.read_text("utf-8-sig").strip().split("\n")
        ]
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(
            f"params.yaml: data.class_names: {path} cannot be read ({error}); expected a text "
            "file in the folder data.path, in UTF-8, with one class name a line"
        ) from None
    for name, count in Counter(names).items():
        if count > 1 or not name or not is_plain_text(name):
            raise DataError(
                f"{path}: class name {name!r} {count} times; expected each name once, as plain text"
            )
    return names
