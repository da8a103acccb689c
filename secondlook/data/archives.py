"""Tar and zip archives: which files are in one, and the bytes of any of them, without unpacking.

What is in one is listed once, by Python's tarfile and zipfile; then a file is read where it lies.
Each read opens the archive for itself: threads and processes, forked or spawned, share nothing, and
a thousand archives need no more open files than one.
"""

import re
import stat
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, Literal, NamedTuple, NoReturn

from secondlook.artifacts import files
from secondlook.config.errors import DataError

ARCHIVE_SUFFIXES = (".tar", ".zip")
# Packed as a whole: to read a file, all before it would have to be unpacked.
PACKED_SUFFIXES = (
    *(".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tbz", ".tar.xz", ".txz", ".tar.zst", ".tzst"),
    *(".tar.lz4", ".tar.z", ".7z", ".rar"),
)
REPACK = "unpack it and pack it anew as tar or zip"
PACKED_MAGIC = {
    b"\x1f\x8b": "gzip: `gunzip` it and take the tar",
    b"BZh": "bzip2: `bunzip2` it and take the tar",
    b"\xfd7zXZ": "xz: `unxz` it and take the tar",
    b"\x28\xb5\x2f\xfd": "zstd: `unzstd` it and take the tar",
    b"7z\xbc\xaf": f"7-Zip: {REPACK}",
    b"Rar!": f"RAR: {REPACK}",
}
# Deflate packs at most 1,032 to 1, and pictures hardly: what is large and packed so is a bomb.
MAX_RATIO = 200
MAX_NAME, MAX_DEPTH = 4096, 100  # characters, and folders in each other
BLOCK_BYTES = 2**16
HARMLESS_BYTES, HARMLESS_TOTAL = 2**24, 2**30  # of a file, of all files, however they are packed
LOCAL_HEADER = struct.Struct("<4s22x2H")  # of a zip: mark, lengths of name and extra field
BLOCK = tarfile.BLOCKSIZE
# What tarfile and zipfile raise for damaged archives, and trip over in those made to harm.
LIST_ERRORS = (
    *(tarfile.TarError, zipfile.BadZipFile, ValueError, OverflowError, EOFError, LookupError),
    *(struct.error, zlib.error, NotImplementedError, RecursionError, MemoryError),
)


Kind = Literal["folder", "other"]  # other: links, devices and the like


class Member(NamedTuple):
    """A file in an archive: where it begins, and how many bytes it is, packed and unpacked.

    crc: its CRC-32, None in a tar; a zip's `start` is that of the header before it.
    """

    start: int
    packed: int
    size: int
    crc: int | None = None
    deflated: bool = False


@dataclass
class Archive:
    """What is in an archive: files by their names, folders, and what is neither."""

    path: Path
    members: dict[str, Member] = field(default_factory=dict)
    folders: set[str] = field(default_factory=set)
    others: list[str] = field(default_factory=list)

    def read(self, name: str, limit: int | None = None) -> bytes:
        """Return the bytes of a file, of a large one `limit` at most where that is given.

        Raises DataError where it is not there, or not what the archive says of it.
        """
        if (member := self.members.get(name)) is None:
            raise DataError(f"{self.path}/{name}: no such file in the archive")
        wanted = member.size if limit is None else min(limit, member.size)
        if wanted > max(HARMLESS_BYTES, MAX_RATIO * member.packed):
            raise DataError(
                f"{self.path}/{name}: {member.size} bytes packed into {member.packed}, perhaps a "
                f"decompression bomb; expected at most {MAX_RATIO} times as many; take it out, or "
                "pack it without compression"
            )
        try:
            content = self._unpack(name, member, wanted)
        except OSError as error:
            raise DataError(
                f"{self.path}/{name}: {error.strerror}; expected a readable file"
            ) from None
        except zlib.error:
            self._refuse(name, "damaged")
        if len(content) < wanted or (len(content) > wanted == member.size):
            self._refuse(name, f"not the {member.size} bytes that the archive promises")
        if wanted == member.size and member.crc not in (None, zlib.crc32(content)):
            self._refuse(name, "damaged, its CRC-32 is another")
        return content[:wanted]

    def _unpack(self, name: str, member: Member, wanted: int) -> bytes:
        """Return as many bytes as wanted, or one more where there are more."""
        with self.path.open("rb") as file:
            file.seek(member.start)
            if member.crc is not None:
                mark, *lengths = LOCAL_HEADER.unpack(_fill(file.read(LOCAL_HEADER.size)))
                if mark != b"PK\3\4":
                    self._refuse(name, "damaged, it does not begin where the archive says")
                file.seek(sum(lengths), 1)
            if not member.deflated:
                return file.read(wanted)
            return _inflate(file, member.packed, wanted + 1)

    def _refuse(self, name: str, why: str) -> NoReturn:
        raise DataError(f"{self.path}/{name}: {why}; copy the archive again, or pack it anew")


def _inflate(file: BinaryIO, packed: int, at_most: int) -> bytes:
    """Return at most so many bytes of `packed` ones, of which no more are read than need be."""
    unpacker, found = zlib.decompressobj(-zlib.MAX_WBITS), bytearray()
    while len(found) < at_most and (piece := file.read(min(packed, BLOCK_BYTES))):
        packed -= len(piece)
        found += unpacker.decompress(piece, at_most - len(found))
    return bytes(found)


def _fill(head: bytes) -> bytes:
    return head.ljust(LOCAL_HEADER.size, b"\0")


def list_archive(path: Path) -> Archive:
    """Return what is in an archive.

    Raises DataError, one line, where it is none, is damaged, leads out of itself, holds a name
    twice, or is a bomb.
    """
    with path.open("rb") as file:
        head = file.read(BLOCK)
    for magic, how in PACKED_MAGIC.items():
        if head.startswith(magic):
            raise DataError(f"{path}: no single picture can be read from what is packed by {how}")
    kind = "tar" if head[257:262] == b"ustar" or path.suffix.lower() == ".tar" else "zip"
    found = Archive(path)
    try:
        for name, what in _list_tar(path) if kind == "tar" else _list_zip(path):
            _add_entry(found, name, what)
    except LIST_ERRORS as error:
        told = files.detect_failed_download(head) or " ".join(str(error).split())[:120]
        raise DataError(
            f"{path}: damaged or incomplete as a {kind} archive ({told or type(error).__name__}); "
            "copy or download it again"
        ) from None
    if both := found.folders & found.members.keys():
        raise DataError(f"{path}: {min(both)!a} is a file and a folder; pack it anew")
    total, whole = sum(member.size for member in found.members.values()), path.stat().st_size
    if total > max(HARMLESS_TOTAL, MAX_RATIO * whole):
        raise DataError(
            f"{path}: {total} bytes packed into {whole}, perhaps a decompression bomb; expected "
            f"at most {MAX_RATIO} times as many; pack it anew without compression"
        )
    return found


def _add_entry(archive: Archive, raw: str, what: "Member | Kind") -> None:
    """Note a file, or what else an entry is."""
    parts = [part for part in raw.split("/") if part not in ("", ".")]
    if raw.startswith("/") or re.match(r"[A-Za-z]:[/\\]", raw) or ".." in parts:
        raise DataError(
            f"{archive.path}: {raw!a} leaves the archive; expected a path inside of it, without "
            "`..`; pack it anew, from the folder that holds the pictures"
        )
    if len(raw) > MAX_NAME or len(parts) > MAX_DEPTH:
        raise DataError(
            f"{archive.path}: {raw[:40]!a}... has {len(raw)} characters in {len(parts)} parts; "
            f"expected at most {MAX_NAME} in {MAX_DEPTH}; pack it anew with shorter names"
        )
    name = "/".join(parts)
    if what == "other":
        archive.others.append(name)
        return
    if isinstance(what, Member) and parts:
        if name in archive.members:
            raise DataError(f"{archive.path}: {name!a} is in it twice; delete one, or pack it anew")
        archive.members[name] = what
        parts.pop()
    while parts and (folder := "/".join(parts)) not in archive.folders:
        archive.folders.add(folder)
        parts.pop()


def _list_tar(path: Path) -> Iterator[tuple[str, Member | Kind]]:
    """Yield the name of each entry of a tar archive, and what it is."""
    size = path.stat().st_size
    with tarfile.open(path, "r:", encoding="utf-8", errors="surrogateescape") as tar:
        while entry := tar.next():
            if entry.size < 0 or entry.offset_data + (entry.size if entry.isreg() else 0) > size:
                raise tarfile.ReadError("it ends within a file")
            if entry.isreg() and not entry.issparse():
                yield entry.name, Member(entry.offset_data, entry.size, entry.size)
            else:
                yield entry.name, "folder" if entry.isdir() else "other"
            tar.members.clear()  # type: ignore[attr-defined] # else it keeps all in memory
        _check_end(path, tar.offset)


def _check_end(path: Path, end: int) -> None:
    """Raise ReadError where a tar archive is cut off: tarfile takes what is left for all of it."""
    with path.open("rb") as file:
        file.seek(end)
        if file.read(BLOCK) != bytes(BLOCK):
            raise tarfile.ReadError("the mark of its end is missing")
        while block := file.read(2**20):
            if block.strip(b"\0"):
                raise tarfile.ReadError("more follows after its end: are those two archives?")


def _list_zip(path: Path) -> Iterator[tuple[str, Member | Kind]]:
    """Yield the name of each entry of a zip archive, and what it is."""
    size = path.stat().st_size
    with zipfile.ZipFile(path) as packed:
        for info in packed.infolist():
            name = _decode_name(info).replace("\\", "/")  # as some programs of Windows write it
            kind = stat.S_IFMT(info.external_attr >> 16)
            if name.endswith("/") or stat.S_ISDIR(kind):
                yield name, "folder"
            elif kind and not stat.S_ISREG(kind):
                yield name, "other"
            else:
                yield name, _locate_in_zip(path, info, size)


def _decode_name(info: zipfile.ZipInfo) -> str:
    """Return a name as it was meant: some programs write UTF-8 and do not say so."""
    if info.flag_bits & 0x800:
        return info.filename
    try:
        return info.filename.encode("cp437").decode("utf-8")
    except UnicodeError:
        return info.filename


def _locate_in_zip(path: Path, info: zipfile.ZipInfo, size: int) -> Member:
    """Return where a file of a zip archive lies; DataError where it cannot be read there."""
    if info.flag_bits & 0x1:
        raise DataError(
            f"{path}: {info.filename!a} is encrypted; expected pictures that can be read; unpack "
            "it and pack it anew without a password"
        )
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise DataError(
            f"{path}: {info.filename!a} is packed by method {info.compress_type}; expected 0 "
            "(stored) or 8 (deflate), as `zip` packs; pack it anew"
        )
    if info.header_offset < 0 or info.header_offset + info.compress_size > size:
        raise zipfile.BadZipFile("it ends within a file")
    deflated = info.compress_type == zipfile.ZIP_DEFLATED
    return Member(info.header_offset, info.compress_size, info.file_size, info.CRC, deflated)
