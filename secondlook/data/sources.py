"""Where images come from: what every source can do, and class folders and CSV lists as sources.

IDX files are a source of their own: see idx.py.
"""

import csv
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from secondlook.artifacts import files
from secondlook.artifacts.files import list_visible
from secondlook.artifacts.manifest import SPLITS
from secondlook.config.errors import DataError
from secondlook.config.params import DataParams
from secondlook.data.idx import IdxPairs
from secondlook.data.splitting import SPLIT_WORDS, ImageContent, Item, is_plain_text, normalize_name


class Source(Protocol):
    """A place that images come from; `skipped` are files passed over, known after `items`."""

    skipped: list[str]

    def items(self) -> list[Item]:
        """Return every image, in a fixed order; DataError when something is not as it should be."""

    def content(self, name: str) -> ImageContent:
        """Return the file's bytes, or the pixels (H, W), of the image with this id."""


# A file in a class folder with another suffix is skipped and counted; whether one with such a
# suffix really is a picture is for preprocess to see.
IMAGE_SUFFIXES = {
    *(".jpg", ".jpeg", ".jpe", ".jfif", ".mpo", ".png", ".gif", ".bmp", ".webp", ".tif", ".tiff"),
    *(".avif", ".heic", ".heif"),
}
LIST_FILE = "labels.csv"
LIST_COLUMNS = ("path", "label", "split", "group")


@contextmanager
def _explain_unreadable() -> Iterator[None]:
    """Name what of the source may not be read: else the output would be told as not writable."""
    try:
        yield
    except PermissionError as error:
        raise DataError(
            f"{error.filename}: {error.strerror}: it may not be read; make the images readable "
            "(chmod -R u+rX) and run again"
        ) from None


class _ImageFiles:
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


class ClassFolders(_ImageFiles):
    """Folders whose name is the class of every picture inside, at any depth.

    Above them there may be train, validation (or valid, val) and test. Hidden files are ignored;
    skipped are files in a class folder that are no pictures by their suffix, pictures outside
    any class folder, and class folders without a picture.
    """

    @_explain_unreadable()
    def items(self) -> list[Item]:
        """Return every picture in order of split, class and path."""
        items = []
        for folder, split in _find_split_folders(self.root):
            for entry in list_visible(folder):
                if entry.is_dir():
                    items += self._list_class_items(entry, split)
                elif entry.suffix.lower() in IMAGE_SUFFIXES:
                    self.skipped.append(self._make_id(entry))
        if not items:
            raise DataError(
                f"{self.root}: no pictures in class folders; expected <class>/<picture> or "
                f"train/<class>/<picture>{self._format_skip_hint()}; "
                "correct data.path or data.source"
            )
        return items

    def _list_class_items(self, folder: Path, split: str | None) -> list[Item]:
        names = [
            (self._make_id(path), path.suffix.lower() in IMAGE_SUFFIXES)
            for path in walk_files(folder)
        ]
        self.skipped += [name for name, is_picture in names if not is_picture]
        items = [
            Item(name, normalize_name(folder.name), split)
            for name, is_picture in names
            if is_picture
        ]
        if not items:
            self.skipped.append(f"{self._make_id(folder)}/")
        return items

    def _make_id(self, path: Path) -> str:
        name = path.relative_to(self.root).as_posix()
        if not is_plain_text(name):
            raise DataError(
                f"{self.root}: {name!a} holds control characters or is not UTF-8; rename it"
            )
        return name

    def _format_skip_hint(self) -> str:
        return f", found {self.skipped[0]}" if self.skipped else ""


def _find_split_folders(root: Path) -> list[tuple[Path, str | None]]:
    """Return the folders that hold class folders, and the split each stands for.

    A class may be called `train`: only a folder that holds no pictures itself is a split.
    """
    folders = [entry for entry in list_visible(root) if entry.is_dir()]
    splits = [(path, SPLIT_WORDS.get(path.name.lower())) for path in folders]
    named = [path for path, split in splits if split and not _holds_images(path)]
    if folders and all(split for _, split in splits):
        return sorted(splits, key=lambda pair: SPLITS.index(pair[1] or ""))
    if named:
        others = [path.name for path in folders if path not in named]
        raise DataError(
            f"{root}: split folder {named[0].name} beside class folder {others[0]}; expected "
            "either class folders or train, validation and test; move one kind elsewhere"
        )
    return [(root, None)]


def _holds_images(folder: Path) -> bool:
    return any(
        entry.suffix.lower() in IMAGE_SUFFIXES for entry in list_visible(folder) if entry.is_file()
    )


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


class CsvList(_ImageFiles):
    """Pictures listed in labels.csv: columns path and label, optionally split and group.

    Paths are relative to the folder of labels.csv and stay in it. An empty split or group says
    nothing. Images of one group (a person, a patient, a plant) are kept in one split.
    """

    @_explain_unreadable()
    def items(self) -> list[Item]:
        """Return the pictures in the order of the list."""
        items = [self._parse_item(line, row) for line, row in enumerate(self._read_rows(), start=2)]
        if not items:
            raise DataError(f"{self.root / LIST_FILE}: no rows; expected one per picture; add them")
        first: dict[str, int] = {}
        for line, item in enumerate(items, start=2):
            if first.setdefault(item.id, line) != line:
                self._refuse(line, f"{item.id} is in row {first[item.id]} too; delete one")
        return items

    def _read_rows(self) -> list[dict[str, str]]:
        path = self.root / LIST_FILE
        try:
            rows = list(files.read_csv(path))
        except (OSError, UnicodeDecodeError, csv.Error) as error:
            raise DataError(
                f"{path}: cannot be read ({error}); expected a CSV file in UTF-8 with the columns "
                "path and label"
            ) from None
        header = list(rows[0]) if rows else ["path", "label"]
        if not {"path", "label"} <= set(header):
            raise DataError(
                f"{path}: found the columns {', '.join(map(str, header))}; expected path and "
                "label, separated by commas; name them so in the first line"
            )
        return rows

    def _parse_item(self, line: int, row: dict[str, str]) -> Item:
        path, label, split, group = ((row.get(column) or "").strip() for column in LIST_COLUMNS)
        if not path or not label:
            self._refuse(line, "path or label is empty; fill it in or delete the row")
        if not is_plain_text(path + label + group):
            self._refuse(line, "control characters in path, label or group; write the row anew")
        if split and split.lower() not in SPLIT_WORDS:
            self._refuse(line, f"split {split!r}; expected {', '.join(SPLITS)} or nothing")
        self._check_path(line, path)
        return Item(
            Path(path).as_posix(),
            normalize_name(label),
            SPLIT_WORDS.get(split.lower()),
            group or None,
        )

    def _check_path(self, line: int, path: str) -> None:
        whole = self.root / path
        if not whole.resolve().is_relative_to(self.root.resolve()):
            self._refuse(line, f"{path} leaves the folder {self.root}; copy the picture into it")
        if not whole.is_file():
            self._refuse(line, f"{path}: no such file in {self.root}; correct the path")

    def _refuse(self, line: int, why: str) -> None:
        raise DataError(f"{self.root / LIST_FILE}: row {line}: {why}")


@_explain_unreadable()
def open_source(data: DataParams) -> Source:
    """Return the source that the section `data` of params.yaml describes.

    Raises DataError when its folder or the files in it are not what `data.source` promises.
    """
    root = Path(data.path)
    if not root.is_dir():
        found = "a file; expected the folder that holds it" if root.exists() else "no such folder"
        raise DataError(f"params.yaml: data.path: {data.path} is {found}; correct the path")
    if data.source == "idx":
        return IdxPairs(root, data.class_names, data.transpose)
    return ClassFolders(root) if data.source == "folder" else CsvList(root)
