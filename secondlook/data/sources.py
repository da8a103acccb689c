"""Where images come from: what every source can do, and CSV lists as a source.

Class folders and IDX files are sources of their own: see class_folders.py and idx.py.
"""

import csv
from pathlib import Path
from typing import Protocol

from secondlook.artifacts import files
from secondlook.artifacts.manifest import SPLITS
from secondlook.config.errors import DataError
from secondlook.config.params import DataParams
from secondlook.data.class_folders import ClassFolders
from secondlook.data.idx import IdxPairs
from secondlook.data.image_files import ImageFiles, explain_unreadable
from secondlook.data.splitting import (
    ImageContent,
    Item,
    find_split_words,
    is_plain_text,
    normalize_name,
)


class Source(Protocol):
    """A place that images come from.

    Known after `items`: `skipped` are files passed over, `notes` what else is to be told, in lines.
    """

    skipped: list[str]
    notes: list[str]

    def items(self) -> list[Item]:
        """Return every image, in a fixed order; DataError when something is not as it should be."""

    def content(self, name: str) -> ImageContent:
        """Return the file's bytes, or the pixels (H, W), of the image with this id."""


LIST_FILE = "labels.csv"
LIST_COLUMNS = ("path", "label", "split", "group")


class CsvList(ImageFiles):
    """Pictures listed in labels.csv: columns path and label, optionally split and group.

    Paths are relative to the folder of labels.csv and stay in it. An empty split or group says
    nothing. Images of one group (a person, a patient, a plant) are kept in one split.
    """

    @explain_unreadable()
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
        [word] = find_split_words([split])
        if split and not word:
            self._refuse(line, f"split {split!r}; expected {', '.join(SPLITS)} or nothing")
        self._check_path(line, path)
        return Item(
            Path(path).as_posix(),
            normalize_name(label),
            word,
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


@explain_unreadable()
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
