"""Tar and zip archives of known content, sound and broken."""

import io
import tarfile
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path

from secondlook.data.class_folders import ClassFolders
from tests.support.datasets import make_png

Contents = Mapping[str, bytes] | Iterable[tuple[str, bytes]]


def list_entries(contents: Contents) -> list[tuple[str, bytes]]:
    """Return the names and bytes of what an archive is to hold."""
    return list(contents.items()) if isinstance(contents, Mapping) else list(contents)


def write_tar(path: Path, contents: Contents, others: Iterable[tarfile.TarInfo] = ()) -> Path:
    """Write a tar archive of these files, then of links and the like; a name may come twice."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, "w", errors="surrogateescape") as tar:
        for name, content in list_entries(contents):
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
        for entry in others:
            tar.addfile(entry)
    return path


def write_zip(path: Path, contents: Contents, method: int = zipfile.ZIP_DEFLATED) -> Path:
    """Write a zip archive of these files; a name may come twice."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w", method) as packed:
        for name, content in list_entries(contents):
            packed.writestr(zipfile.ZipInfo(name), content, method)
    return path


def write_archive(path: Path, contents: Contents) -> Path:
    """Write an archive of the kind that its name says."""
    return write_zip(path, contents) if path.suffix == ".zip" else write_tar(path, contents)


def make_pictures(*names: str) -> dict[str, bytes]:
    """Return a different picture under each name."""
    return {name: make_png(number) for number, name in enumerate(names)}


def read_folder(root: Path) -> dict[str, bytes]:
    """Return what the files below a folder hold, by their paths."""
    paths = sorted(path for path in root.rglob("*") if path.is_file())
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in paths}


Description = list[tuple[str, str | None, object]]


def describe(source: ClassFolders) -> Description:
    """Return class, split and bytes of each picture of a source, in order."""
    return [(item.label, item.split, source.content(item.id)) for item in source.items()]
