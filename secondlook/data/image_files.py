"""Which files below a folder are pictures, and what of the folder is passed over."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from secondlook.config.errors import DataError
from secondlook.data.splitting import ImageContent, is_plain_text

# A file in a class folder with another suffix is skipped and counted; whether one with such a
# suffix really is a picture is for preprocess to see.
IMAGE_SUFFIXES = {
    *(".jpg", ".jpeg", ".jpe", ".jfif", ".mpo", ".png", ".gif", ".bmp", ".webp", ".tif", ".tiff"),
    *(".avif", ".heic", ".heif"),
}


def is_image(path: Path) -> bool:
    """Return whether a file is taken for a picture."""
    return path.suffix.lower() in IMAGE_SUFFIXES


@contextmanager
def explain_unreadable() -> Iterator[None]:
    """Name what of the source may not be read: else the output would be told as not writable."""
    try:
        yield
    except PermissionError as error:
        raise DataError(
            f"{error.filename}: {error.strerror}: it may not be read; make the images readable "
            "(chmod -R u+rX) and run again"
        ) from None


class ImageFiles:
    """Picture files below a folder; an image's id is its path relative to that folder."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.skipped: list[str] = []

    def content(self, name: str) -> ImageContent:
        """Return the bytes of the file with this id; DataError when it cannot be read."""
        path = self.root / name
        try:
            return path.read_bytes()
        except OSError as error:
            raise DataError(f"{path}: {error.strerror}; expected a readable file") from None

    def make_id(self, path: Path) -> str:
        """Return a picture's id; DataError where its name is unfit for the manifest."""
        name = path.relative_to(self.root).as_posix()
        if not is_plain_text(name):
            raise DataError(
                f"{self.root}: {name!a} holds control characters or is not UTF-8; rename it"
            )
        return name


def _raise_error(error: OSError) -> None:
    raise error


def walk_files(
    folder: Path, note_error: Callable[[OSError], None] = _raise_error
) -> Iterator[Path]:
    """Yield the visible files at any depth; a link to a folder is not followed into circles.

    Folders and files that may not be looked at go to `note_error`: it raises OSError unless told
    otherwise, for what is in them would be missing unnoticed.
    """
    for parent, folders, names in os.walk(folder, onerror=note_error):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for path in (Path(parent, name) for name in sorted(names) if not name.startswith(".")):
            try:
                is_file = path.is_file()
            except OSError as error:
                note_error(error)
            else:
                if is_file:
                    yield path
