"""Which files below a folder are pictures, and what of the folder is passed over."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from PIL import Image

from secondlook.artifacts.files import list_visible
from secondlook.config.errors import DataError
from secondlook.data import decoding
from secondlook.data.splitting import ImageContent, is_plain_text

# Whether a file with such a suffix really is a picture is for preprocess to see; one with another
# suffix, or none, is looked at, and skipped and counted where it is no picture.
IMAGE_SUFFIXES = {
    *(".jpg", ".jpeg", ".jpe", ".jfif", ".mpo", ".png", ".gif", ".bmp", ".webp", ".tif", ".tiff"),
    *(".avif", ".heic", ".heif", ".jp2", ".ppm", ".pgm", ".pbm", ".pnm", ".pcx", ".ras", ".sgi"),
    *(".tga", ".qoi"),
}
# Pictures by their content, and yet none of the data: backups, halves of downloads, thumbnails of
# cameras, and raw files, of which only the preview could be read.
OTHER_SUFFIXES = {
    *(".bak", ".old", ".orig", ".tmp", ".part", ".crdownload", ".thm", ".dng", ".nef", ".arw"),
    *(".cr2", ".cr3", ".orf", ".rw2", ".pef", ".srw", ".raf"),
}
# Folders, in lower case, that systems and programs leave among files, beside the hidden ones: what
# stands in them are thumbnails, what was deleted, or halves of files.
SYSTEM_FOLDERS = {
    *("__macosx", "$recycle.bin", "system volume information", "lost+found", "found.000"),
    *("@eadir", "@recycle", "#recycle", "@recently-snapshot", "#snapshot", "__pycache__"),
    *("network trash folder", "temporary items", "thumbs", "thumbnails"),
}
MAX_NAMED = 3  # files that a line names


def is_image(path: Path, open_file: Callable[[], BinaryIO] | None = None) -> bool:
    """Return whether a file is taken for a picture; OSError where it may not be read.

    `open_file` opens what does not lie on the disk under this path.
    """
    suffix = path.suffix.lower()
    if suffix in OTHER_SUFFIXES or suffix.endswith(("~", "_original")):
        return False
    return suffix in IMAGE_SUFFIXES or _begins_as_image(open_file or (lambda: path.open("rb")))


def _begins_as_image(open_file: Callable[[], BinaryIO]) -> bool:
    """Return whether a file is a picture by its content, whatever its name."""
    with open_file() as file:
        try:
            image = Image.open(file, formats=decoding.IMAGE_FORMATS)
            if image.format == "PPM":
                image.load()  # P1 and the like are too short a mark: text may begin so
        except Image.DecompressionBombError:
            return True
        except decoding.DECODE_ERRORS:
            return False
    return True


def is_left_over(name: str) -> bool:
    """Return whether a file or folder of this name is none of the data: it is not looked at."""
    return name.startswith(".") or name.lower() in SYSTEM_FOLDERS


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
    """Picture files below a folder; an image's id is its path relative to `base`, that folder."""

    def __init__(self, root: Path) -> None:
        self.root = self.base = root
        self.skipped: list[str] = []
        self.notes: list[str] = []
        self.met = WalkNotes()

    def content(self, name: str) -> ImageContent:
        """Return the bytes of the file with this id; DataError when it cannot be read."""
        path = self.root / name
        try:
            return path.read_bytes()
        except OSError as error:
            raise DataError(f"{path}: {error.strerror}; expected a readable file") from None

    def list_entries(self, folder: Path) -> tuple[list[Path], list[Path]]:
        """Return the folders and the files in a folder, but for what is hidden or left over."""
        found = [path for path in list_visible(folder) if not is_left_over(path.name)]
        folders = {path: path.is_dir() for path in found}
        others = [path for path, is_folder in folders.items() if not is_folder]
        return [path for path in found if folders[path]], [p for p in others if p.is_file()]

    def list_folders(self, folder: Path) -> list[Path]:
        """Return the folders in a folder that hold a picture, at any depth."""
        # Which knows folders from files without asking for each; Path knows what a link leads to.
        with os.scandir(folder) as entries:
            found = [
                Path(entry.path) for entry in entries if not entry.is_file(follow_symlinks=False)
            ]
        return [
            path
            for path in sorted(found)
            if path.is_dir()
            and not is_left_over(path.name)
            and not (path.is_symlink() and leads_back(path, folder))
            and any(is_image(file) for file in walk_files(path))
        ]

    def is_full(self, folder: Path) -> bool:
        """Return whether there are pictures in a folder itself."""
        with os.scandir(folder) as entries:
            return any(
                path.is_file() and not is_left_over(path.name) and is_image(path)
                for path in (Path(entry.path) for entry in entries)
            )

    def is_picture(self, path: Path) -> bool:
        """Return whether a file is taken for a picture."""
        return is_image(path)

    def walk(self, folder: Path, met: "WalkNotes") -> Iterator[Path]:
        """Yield the files in a folder at any depth, and note what else there is."""
        return walk_files(folder, notes=met)

    def skip(self, path: Path, *, folder: bool = False) -> None:
        """Note what is passed over; its name need not be fit for the manifest."""
        name = path.relative_to(self.base).as_posix() + ("/" if folder else "")
        self.skipped.append(_clean_name(name))

    def make_id(self, path: Path) -> str:
        """Return a picture's id; DataError where its name is unfit for the manifest."""
        name = path.relative_to(self.base).as_posix()
        if not is_plain_text(name):
            raise DataError(
                f"{self.root}: {name!a} holds control characters or is not UTF-8; rename it"
            )
        return name

    def format_names(self, paths: list[Path]) -> str:
        """Return the first of some paths below the folder as a line of text has them."""
        names = [path.relative_to(self.base).as_posix() for path in paths[:MAX_NAMED]]
        return ", ".join(map(_clean_name, names)) + (", ..." if len(paths) > MAX_NAMED else "")


def _clean_name(name: str) -> str:
    return name if is_plain_text(name) else ascii(name)


@dataclass
class WalkNotes:
    """What walks met besides files.

    Links to folders, followed or not, and links to nothing; what systems and programs left; links
    and devices inside of archives.
    """

    followed: list[Path] = field(default_factory=list)
    repeated: list[Path] = field(default_factory=list)
    broken: list[Path] = field(default_factory=list)
    left_over: list[Path] = field(default_factory=list)
    links: list[Path] = field(default_factory=list)


def _raise_error(error: OSError) -> None:
    raise error


def walk_files(
    folder: Path,
    note_error: Callable[[OSError], None] = _raise_error,
    notes: WalkNotes | None = None,
) -> Iterator[Path]:
    """Yield the visible files at any depth, those behind links to folders last, each folder once.

    Not followed are links to a folder that was walked, or to one that they stand in themselves:
    they and those to nothing go into `notes`. Folders and files that may not be looked at go to
    `note_error`: it raises OSError unless told otherwise, for what is in them would be missing
    unnoticed.
    """
    notes = WalkNotes() if notes is None else notes
    walked, waiting = set[str](), [folder]
    while waiting:
        start = waiting.pop(0)
        if start != folder:
            again = os.path.realpath(start) in walked or leads_back(start, folder)
            (notes.repeated if again else notes.followed).append(start)
            if again:
                continue
        for parent, folders, names in os.walk(start, onerror=note_error):
            if os.path.realpath(parent) in walked:
                folders.clear()
                continue
            visible = _pass_left_over(parent, folders, notes)
            waiting += [path for path in visible if path.is_symlink()]
            folders[:] = [path.name for path in visible]  # of links, os.walk knows to keep out
            walked.add(os.path.realpath(parent))
            yield from _select_files(parent, names, note_error, notes)


def _pass_left_over(parent: str, names: list[str], notes: WalkNotes) -> list[Path]:
    """Return in order what is in a folder, but for what is left over, which is noted."""
    paths = [Path(parent, name) for name in sorted(names)]
    notes.left_over += [path for path in paths if is_left_over(path.name)]
    return [path for path in paths if not is_left_over(path.name)]


def leads_back(link: Path, top: Path) -> bool:
    """Return whether a link leads to a folder that it stands in, or that holds `top`."""
    target = os.path.realpath(link)
    inside = (os.path.realpath(link.parent), os.path.realpath(top))
    return any(Path(path).is_relative_to(target) for path in inside)


def _select_files(
    parent: str, names: list[str], note_error: Callable[[OSError], None], notes: WalkNotes
) -> Iterator[Path]:
    for path in _pass_left_over(parent, names, notes):
        try:
            is_file = path.is_file()
        except OSError as error:
            note_error(error)
        else:
            if is_file:
                yield path
            elif path.is_symlink():
                notes.broken.append(path)
