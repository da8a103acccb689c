"""IDX files, the format of MNIST, Fashion-MNIST and EMNIST: a header, then unsigned bytes.

The format is that of Y. LeCun, C. Cortes and C. Burges, "The MNIST database of handwritten digits".
"""

import gzip
import math
import struct
import tempfile
import zlib
from contextlib import closing
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from stages.core import files
from stages.core.errors import DataError

UNSIGNED_BYTES = 0x08
GZIP = b"\x1f\x8b"
CHUNK = 2**20


class _Readable(Protocol):
    """A file open for reading, packed or plain."""

    def read(self, size: int, /) -> bytes: ...

    def close(self) -> None: ...


def read(path: Path, dimensions: int) -> NDArray[np.uint8]:
    """Return the array in an IDX file, gzipped or plain, as a read-only memory map.

    Images have 3 dimensions (N, H, W), labels 1 (N,). The values are unpacked into a nameless
    temporary file, so that memory stays small however many images there are.
    Raises DataError when it is something else, damaged, or of another length than it promises.
    """
    try:
        with closing(_opened(path)) as file:
            return _mapped(path, file, _shape(path, file, dimensions))
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise DataError(f"{path}: damaged gzip file ({error}); download it again") from None


def write(path: Path, array: NDArray[np.uint8]) -> None:
    """Write an array as a gzipped IDX file; the same array always gives the same bytes."""
    header = struct.pack(f">BBBB{array.ndim}I", 0, 0, UNSIGNED_BYTES, array.ndim, *array.shape)
    # Neither name nor time in the gzip header: both would change the bytes.
    with path.open("wb") as raw, gzip.GzipFile("", "wb", 9, raw, mtime=0) as packed:
        packed.write(header + array.tobytes())


def _opened(path: Path) -> _Readable:
    with path.open("rb") as file:
        zipped = file.read(2) == GZIP
    return gzip.open(path) if zipped else path.open("rb")


def _shape(path: Path, file: _Readable, dimensions: int) -> tuple[int, ...]:
    """Read the header: two zero bytes, type, number of dimensions, and each one's length."""
    head = file.read(4 + 4 * dimensions)
    if head[:4] != bytes((0, 0, UNSIGNED_BYTES, dimensions)):
        found = files.impostor(head) or f"the bytes {head[:4].hex(' ') or '(none)'}"
        raise DataError(
            f"{path}: found {found}; expected an IDX file, which begins with "
            f"00 00 08 {dimensions:02x} (bytes in {dimensions} dimensions); download it again"
        )
    if len(head) < 4 + 4 * dimensions:
        raise DataError(f"{path}: ends within the IDX header; download it again")
    return struct.unpack(f">{dimensions}I", head[4:])


def _mapped(path: Path, file: _Readable, shape: tuple[int, ...]) -> NDArray[np.uint8]:
    promised = math.prod(shape)
    if promised == 0:
        raise DataError(f"{path}: the IDX header promises no values (lengths {_times(shape)})")
    with tempfile.TemporaryFile() as plain:
        # One byte more than promised is enough to see that there are too many.
        while chunk := file.read(min(CHUNK, promised + 1 - plain.tell())):
            plain.write(chunk)
        if plain.tell() != promised:
            amount = f"{plain.tell()}" if plain.tell() < promised else "more"
            raise DataError(
                f"{path}: the IDX header promises {_times(shape)} = {promised} bytes, found "
                f"{amount}; download it again"
            )
        plain.flush()
        # asarray: a plain array over the map, which is far quicker to index.
        return np.asarray(np.memmap(plain, np.uint8, "r", shape=shape))


def _times(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape))
