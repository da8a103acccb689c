"""Sources of picture files: class folders, and a CSV list of paths and labels."""

import csv
import os
from collections.abc import Iterator
from pathlib import Path

from stages.core import files
from stages.core.data.items import SPLITS, WORDS, Content, Item, is_text, normal
from stages.core.errors import DataError

# A file in a class folder with another suffix is skipped and counted; whether one with such a
# suffix really is a picture is for preprocess to see.
SUFFIXES = {
    *(".jpg", ".jpeg", ".jpe", ".jfif", ".mpo", ".png", ".gif", ".bmp", ".webp", ".tif", ".tiff"),
    *(".avif", ".heic", ".heif"),
}
LIST = "labels.csv"
COLUMNS = ("path", "label", "split", "group")


def visible(folder: Path) -> list[Path]:
    """Return what is in a folder and not hidden, in order of name."""
    return sorted(path for path in folder.iterdir() if not path.name.startswith("."))


class _PictureFiles:
    """Picture files below a folder; an image's id is its path relative to that folder."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.skipped: list[str] = []

    def content(self, name: str) -> Content:
        """Return the bytes of the file with this id; DataError when it cannot be read."""
        path = self.root / name
        try:
            return path.read_bytes()
        except OSError as error:
            raise DataError(f"{path}: {error.strerror}; expected a readable file") from None


class ClassFolders(_PictureFiles):
    """Folders whose name is the class of every picture inside, at any depth.

    Above them there may be train, validation (or valid, val) and test. Hidden files are ignored;
    skipped are files in a class folder that are no pictures by their suffix, pictures outside
    any class folder, and class folders without a picture.
    """

    def items(self) -> list[Item]:
        """Return every picture in order of split, class and path."""
        items = []
        for folder, split in _split_folders(self.root):
            for entry in visible(folder):
                if entry.is_dir():
                    items += self._class_items(entry, split)
                elif entry.suffix.lower() in SUFFIXES:
                    self.skipped.append(self._id(entry))
        if not items:
            raise DataError(
                f"{self.root}: no pictures in class folders; expected <class>/<picture> or "
                f"train/<class>/<picture>{self._skip_hint()}; correct data.path or data.source"
            )
        return items

    def _class_items(self, folder: Path, split: str | None) -> list[Item]:
        names = [(self._id(path), path.suffix.lower() in SUFFIXES) for path in below(folder)]
        self.skipped += [name for name, is_picture in names if not is_picture]
        items = [Item(name, normal(folder.name), split) for name, is_picture in names if is_picture]
        if not items:
            self.skipped.append(f"{self._id(folder)}/")
        return items

    def _id(self, path: Path) -> str:
        name = path.relative_to(self.root).as_posix()
        if not is_text(name):
            raise DataError(
                f"{self.root}: {name!a} holds control characters or is not UTF-8; rename it"
            )
        return name

    def _skip_hint(self) -> str:
        return f", found {self.skipped[0]}" if self.skipped else ""


def _split_folders(root: Path) -> list[tuple[Path, str | None]]:
    """Return the folders that hold class folders, and the split each stands for.

    A class may be called `train`: only a folder that holds no pictures itself is a split.
    """
    folders = [entry for entry in visible(root) if entry.is_dir()]
    splits = [(path, WORDS.get(path.name.lower())) for path in folders]
    named = [path for path, split in splits if split and not _holds_pictures(path)]
    if folders and all(split for _, split in splits):
        return sorted(splits, key=lambda pair: SPLITS.index(pair[1] or ""))
    if named:
        others = [path.name for path in folders if path not in named]
        raise DataError(
            f"{root}: split folder {named[0].name} beside class folder {others[0]}; expected "
            "either class folders or train, validation and test; move one kind elsewhere"
        )
    return [(root, None)]


def _holds_pictures(folder: Path) -> bool:
    return any(entry.suffix.lower() in SUFFIXES for entry in visible(folder) if entry.is_file())


def below(folder: Path) -> Iterator[Path]:
    """Yield the visible files at any depth; a link to a folder is not followed into circles."""
    for parent, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        paths = [Path(parent, name) for name in sorted(names) if not name.startswith(".")]
        yield from (path for path in paths if path.is_file())


class CsvList(_PictureFiles):
    """Pictures listed in labels.csv: columns path and label, optionally split and group.

    Paths are relative to the folder of labels.csv and stay in it. An empty split or group says
    nothing. Images of one group (a person, a patient, a plant) are kept in one split.
    """

    def items(self) -> list[Item]:
        """Return the pictures in the order of the list."""
        items = [self._item(line, row) for line, row in enumerate(self._rows(), start=2)]
        if not items:
            raise DataError(f"{self.root / LIST}: no rows; expected one per picture; add them")
        first: dict[str, int] = {}
        for line, item in enumerate(items, start=2):
            if first.setdefault(item.id, line) != line:
                self._refuse(line, f"{item.id} is in row {first[item.id]} too; delete one")
        return items

    def _rows(self) -> list[dict[str, str]]:
        path = self.root / LIST
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

    def _item(self, line: int, row: dict[str, str]) -> Item:
        path, label, split, group = ((row.get(column) or "").strip() for column in COLUMNS)
        if not path or not label:
            self._refuse(line, "path or label is empty; fill it in or delete the row")
        if not is_text(path + label + group):
            self._refuse(line, "control characters in path, label or group; write the row anew")
        if split and split.lower() not in WORDS:
            self._refuse(line, f"split {split!r}; expected {', '.join(SPLITS)} or nothing")
        self._check_path(line, path)
        return Item(Path(path).as_posix(), normal(label), WORDS.get(split.lower()), group or None)

    def _check_path(self, line: int, path: str) -> None:
        whole = (self.root / path).resolve()
        if not whole.is_relative_to(self.root.resolve()):
            self._refuse(line, f"{path} leaves the folder {self.root}; copy the picture into it")
        if not whole.is_file():
            self._refuse(line, f"{path}: no such file in {self.root}; correct the path")

    def _refuse(self, line: int, why: str) -> None:
        raise DataError(f"{self.root / LIST}: row {line}: {why}")
