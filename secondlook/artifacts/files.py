"""Files under data/<stage>/: whole or absent, and the same bytes every time."""

import csv
import errno
import hashlib
import json
import os
import secrets
import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from pydantic_core import from_json

from secondlook.config.errors import DataError, StorageError
from secondlook.config.processes import hold_lock

DATA_FOLDER = Path("data")
PARTIAL_FOLDER = DATA_FOLDER / ".partial"
REMEDIES = {
    **dict.fromkeys([errno.ENOSPC, errno.EDQUOT, errno.EFBIG], "free some space"),
    **dict.fromkeys([errno.EACCES, errno.EPERM, errno.EROFS], "make the folder writable"),
}


def stage_folder(stage: str, *parts: str) -> Path:
    """Return data/<stage>/<parts>, relative to the project root (the current folder)."""
    return DATA_FOLDER.joinpath(stage, *parts)


def check_present(path: Path) -> Path:
    """Return the file that a stage left; raise DataError where that stage has not run."""
    if not path.exists():
        raise DataError(f"{path}: no such file; run `dvc repro` to make it")
    return path


@contextmanager
def create_output(stage: str, *parts: str) -> Iterator[Path]:
    """Give an empty folder to fill; on success it becomes data/<stage>/<parts> in one step.

    Whatever goes wrong, or when the process is killed, the output is whole or absent. A disk
    that is full or may not be written is told as a StorageError, another process that makes the
    same output as a BusyError.
    """
    target, partial = stage_folder(stage, *parts), PARTIAL_FOLDER / "-".join((stage, *parts))
    with (
        _explain_os_errors(target),
        _hold_output(target, partial.with_name(f"{partial.name}.lock")),
    ):
        shutil.rmtree(partial, ignore_errors=True)
        try:
            partial.mkdir()
            yield partial
            _replace_folder(partial, target)
        finally:
            shutil.rmtree(partial, ignore_errors=True)


@contextmanager
def _explain_os_errors(target: Path) -> Iterator[None]:
    """Tell what the system refuses, as far as a user can help it, in one line."""
    try:
        yield
    except OSError as error:
        raise explain_os_error(error, target) or error from error


def explain_os_error(error: OSError, target: Path | None = None) -> StorageError | None:
    """Return in a line what the system refuses and what to do; None where no user can help it.

    `target` is what is told instead of the file that it was about.
    """
    where = target or error.filename
    if error.errno not in REMEDIES or not where:
        return None
    remedy = REMEDIES[error.errno]
    if target is None and Path(where).exists() and not os.access(where, os.R_OK):
        remedy = "let this user read it"
    return StorageError(f"{where}: {error.strerror}; {remedy} and run again")


@contextmanager
def _hold_output(target: Path, lock: Path) -> Iterator[None]:
    """Be the only one who makes an output, or raise BusyError; the lock's file goes at the end."""
    lock.parent.mkdir(parents=True, exist_ok=True)

    def refuse(maker: str) -> str:
        return f"{target}: process {maker or 'unknown'} is making it; wait for it, or end it"

    with hold_lock(lock, refuse, note=str(os.getpid())):
        try:
            yield
        finally:
            lock.unlink(missing_ok=True)


def _replace_folder(partial: Path, target: Path) -> None:
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
    """Return what `write_json` wrote, by a parser five times as fast as json's with many numbers.

    Raises ValueError where it is no JSON.
    """
    return from_json(path.read_bytes())


def write_csv(path: Path, fields: Iterable[str], rows: Iterable[Mapping[str, object]]) -> None:
    """Write rows under the header `fields`, in UTF-8 with Unix line ends."""
    with open_csv_writer(path, fields) as writer:
        writer.writerows(rows)


@contextmanager
def open_csv_writer(path: Path, fields: Iterable[str]) -> "Iterator[csv.DictWriter[str]]":
    """Give a writer of rows, one by one, under the header `fields`, as `write_csv` has them."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(fields), lineterminator="\n")
        writer.writeheader()
        yield writer


def read_csv(path: Path) -> Iterator[dict[str, str]]:
    """Yield the rows of a CSV file with a header, every value as text."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        yield from csv.DictReader(file)


def hash_files(*paths: Path) -> str:
    """Return the SHA-256 (hex) of those of the files, in the order given."""
    whole = hashlib.sha256()
    for path in paths:
        whole.update(bytes.fromhex(hash_file(path)))
    return whole.hexdigest()


def hash_file(path: Path) -> str:
    """Return the SHA-256 (hex) of one file, as sha256sum prints it."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def detect_failed_download(head: bytes) -> str | None:
    """Return what a failed download left instead of the file, told by its first bytes, or None."""
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if start.startswith((b"<!doctype", b"<html", b"<?xml")):
        return "a web page (HTML)"
    if start.startswith(b"version https"):
        return "a git-lfs pointer (fetch the file with `git lfs pull`)"
    return None


def list_visible(folder: Path) -> list[Path]:
    """Return what is in a folder and not hidden, in order of name."""
    return sorted(path for path in folder.iterdir() if not path.name.startswith("."))


Chunks = list[bytes | memoryview]


def write_atomically(path: Path, content: Chunks) -> None:
    """Write a file so that it has its old or its new content, whenever the power goes.

    Its folder is made where missing; who may read it is what the user's mask says, as of any file.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f"{path.name}.{secrets.token_hex(4)}.partial")
    try:
        with partial.open("xb") as file:
            file.writelines(content)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        with suppress(OSError):  # some file systems of other machines cannot
            os.fsync(folder)  # the name is in there
    finally:
        os.close(folder)
