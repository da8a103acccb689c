"""Files under data/<stage>/: whole or absent, and the same bytes every time."""

import csv
import errno
import fcntl
import hashlib
import json
import os
import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, Self, TextIO

import numpy as np
from numpy.typing import NDArray

from stages.core.errors import BusyError, StorageError

DATA = Path("data")
PARTIAL = DATA / ".partial"
REMEDIES = {
    **dict.fromkeys([errno.ENOSPC, errno.EDQUOT, errno.EFBIG], "free some space"),
    **dict.fromkeys([errno.EACCES, errno.EPERM, errno.EROFS], "make the folder writable"),
}


def folder(stage: str, *parts: str) -> Path:
    """Return data/<stage>/<parts>, relative to the project root (the current folder)."""
    return DATA.joinpath(stage, *parts)


@contextmanager
def output(stage: str, *parts: str) -> Iterator[Path]:
    """Give an empty folder to fill; on success it becomes data/<stage>/<parts> in one step.

    Whatever goes wrong, or when the process is killed, the output is whole or absent. A disk
    that is full or may not be written is told as a StorageError, another process that makes the
    same output as a BusyError.
    """
    target, partial = folder(stage, *parts), PARTIAL / "-".join((stage, *parts))
    with _told(target), _alone(target, partial.with_name(f"{partial.name}.lock")):
        shutil.rmtree(partial, ignore_errors=True)
        try:
            partial.mkdir()
            yield partial
            _swap(partial, target)
        finally:
            shutil.rmtree(partial, ignore_errors=True)


@contextmanager
def _told(target: Path) -> Iterator[None]:
    """Tell what the system refuses, as far as a user can help it, in one line."""
    try:
        yield
    except OSError as error:
        if error.errno not in REMEDIES:
            raise
        remedy = REMEDIES[error.errno]
        raise StorageError(f"{target}: {error.strerror}; {remedy} and run again") from error


@contextmanager
def _alone(target: Path, lock: Path) -> Iterator[None]:
    """Hold a lock, or raise BusyError; the system releases that of a killed process."""
    lock.parent.mkdir(parents=True, exist_ok=True)
    with lock.open("a+", encoding="ascii") as file:
        if not _locked(file):
            file.seek(0)
            who = f"process {file.read() or 'unknown'}"
            raise BusyError(f"{target}: {who} is making it; wait for it, or end it")
        try:
            file.truncate(0)
            file.write(str(os.getpid()))
            file.flush()
            yield
        finally:
            lock.unlink(missing_ok=True)


def _locked(file: TextIO) -> bool:
    """Tell whether the lock is ours, and its file the one that others look at."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return os.fstat(file.fileno()).st_nlink > 0


def _swap(partial: Path, target: Path) -> None:
    """Put the new output in the place of the old one, which is never there in part."""
    old = partial.with_name(f"{partial.name}.old")
    shutil.rmtree(old, ignore_errors=True)
    target.parent.mkdir(parents=True, exist_ok=True)
    if target.exists():
        target.replace(old)
    partial.replace(target)
    shutil.rmtree(old, ignore_errors=True)


def write_json(path: Path, value: object) -> None:
    """Write JSON with sorted keys and a final newline; NaN is refused, use None."""
    text = json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False, allow_nan=False)
    path.write_text(text + "\n", encoding="utf-8")


def read_json(path: Path) -> Any:  # noqa: ANN401 - JSON is whatever was written
    """Return what `write_json` wrote."""
    return json.loads(path.read_text(encoding="utf-8"))


def write_csv(path: Path, fields: Iterable[str], rows: Iterable[Mapping[str, object]]) -> None:
    """Write rows under the header `fields`, in UTF-8 with Unix line ends."""
    with csv_writer(path, fields) as writer:
        writer.writerows(rows)


@contextmanager
def csv_writer(path: Path, fields: Iterable[str]) -> "Iterator[csv.DictWriter[str]]":
    """Give a writer of rows, one by one, under the header `fields`, as `write_csv` has them."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(fields), lineterminator="\n")
        writer.writeheader()
        yield writer


def read_csv(path: Path) -> Iterator[dict[str, str]]:
    """Yield the rows of a CSV file with a header, every value as text."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        yield from csv.DictReader(file)


def images(split: str) -> NDArray[np.uint8]:
    """Return the pictures of train, validation or test: uint8 (N, H, W, C), a memory map."""
    pictures: NDArray[np.uint8] = np.load(folder("preprocess") / f"{split}.npy", mmap_mode="r")
    return pictures


def labels(split: str) -> NDArray[np.int64]:
    """Return the class of each picture of a split: int64 (N,), an index into the classes."""
    classes: NDArray[np.int64] = np.load(folder("preprocess") / f"{split}.labels.npy")
    return classes


def digest(*paths: Path) -> str:
    """Return the SHA-256 (hex) of the files' contents, in the order given."""
    whole = hashlib.sha256()
    for path in paths:
        with path.open("rb") as file:
            whole.update(hashlib.file_digest(file, "sha256").digest())
    return whole.hexdigest()


def impostor(head: bytes) -> str | None:
    """Return what a failed download left instead of the file, told by its first bytes, or None."""
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if start.startswith((b"<!doctype", b"<html", b"<?xml")):
        return "a web page (HTML)"
    if start.startswith(b"version https"):
        return "a git-lfs pointer (fetch the file with `git lfs pull`)"
    return None


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
