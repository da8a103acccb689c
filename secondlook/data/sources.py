"""Where images come from: what every source can do, and CSV lists as a source.

Class folders, archives and IDX files are sources of their own: see class_folders.py,
archived_folders.py and idx.py.
"""

import csv
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn, Protocol
from unicodedata import normalize

from secondlook.artifacts.files import list_visible
from secondlook.artifacts.manifest import SPLITS
from secondlook.config.errors import DataError
from secondlook.config.params import DataParams
from secondlook.data.archive_shards import find_archives, is_archive
from secondlook.data.archived_folders import ArchivedFolders
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
    nothing. Images of one group (a person, a patient, a plant) are kept in one split. What other
    tools and systems write is read where it can mean one thing alone.
    """

    @explain_unreadable()
    def items(self) -> list[Item]:
        """Return the pictures in the order of the list."""
        items, first = [], dict[str, int]()
        for line, row in self._read_rows():
            item = self._parse_item(line, row)
            if first.setdefault(item.id, line) != line:
                self._refuse(line, f"{item.id} is in row {first[item.id]} too; delete one")
            items.append(item)
        if not items:
            raise DataError(f"{self.root / LIST_FILE}: no rows; expected one per picture; add them")
        return items

    def _read_rows(self) -> Iterator[tuple[int, dict[str, str]]]:
        """Yield the number of each row that is not empty, and its cells by column."""
        path = self.root / LIST_FILE
        try:
            with path.open(encoding="utf-8-sig", newline="") as file:
                # A space after a comma is not what hides the quotes that follow it.
                numbered = enumerate(csv.reader(file, skipinitialspace=True), start=1)
                rows = [(line, row) for line, row in numbered if any(map(str.strip, row))]
        except (OSError, UnicodeDecodeError, csv.Error) as error:
            raise DataError(
                f"{path}: cannot be read ({error}); expected a CSV file in UTF-8 with the columns "
                f"path and label{self._find_other_list()}"
            ) from None
        header = [cell.strip().lower() for cell in (rows[0][1] if rows else LIST_COLUMNS)]
        if not {"path", "label"} <= set(header):
            raise DataError(
                f"{path}: found the columns {', '.join(rows[0][1])}; expected path and "
                "label, separated by commas; name them so in the first line"
            )
        for column in LIST_COLUMNS:
            if header.count(column) > 1:
                raise DataError(f"{path}: found the column {column} twice; rename or delete one")
        for line, row in rows[1:]:
            if any(map(str.strip, row[len(header) :])):
                expected = f"{len(row)} cells, expected {len(header)}"
                self._refuse(line, f"{expected}; put text that holds a comma in quotes")
            yield line, dict(zip(header, row, strict=False))

    def _find_other_list(self) -> str:
        """Return a hint to where the list may be instead: in a folder below, or of another name."""
        below = [*self.root.glob(f"*/{LIST_FILE}"), *self.root.glob(f"*/*/{LIST_FILE}")]
        named = [path for path in list_visible(self.root) if path.suffix.lower() == ".csv"]
        if (self.root / LIST_FILE).exists() or not (below or named):
            return ""
        if below:
            return f"; found {min(below)}: set data.path to {min(below).parent}"
        return f"; found {named[0].name}: name it {LIST_FILE} if it is the list"

    def _parse_item(self, line: int, row: dict[str, str]) -> Item:
        path, label, split, group = (row.get(column, "").strip() for column in LIST_COLUMNS)
        if not path or not label:
            self._refuse(line, "path or label is empty; fill it in or delete the row")
        if not is_plain_text(path + label + group):
            self._refuse(line, "control characters in path, label or group; write the row anew")
        [word] = find_split_words([split])
        if split and not word:
            self._refuse(line, f"split {split!r}; expected {', '.join(SPLITS)} or nothing")
        name = self._find_file(line, path)
        return Item(name, normalize_name(label), word, group or None)

    def _find_file(self, line: int, path: str) -> str:
        """Return the id of the picture that a path names, as other systems may have written it."""
        slashed = path.replace("\\", "/")
        if slashed.startswith("/") or re.match(r"[A-Za-z]:/", slashed):
            self._refuse_absolute(line, path, slashed)
        forms = dict.fromkeys((path, slashed, *(normalize(k, slashed) for k in ("NFC", "NFD"))))
        found = next((form for form in forms if _is_file(self.root / form)), path)
        if not (self.root / found).resolve().is_relative_to(self.root.resolve()):
            self._refuse(line, f"{path} leaves the folder {self.root}; copy the picture into it")
        if not _is_file(self.root / found):
            near = self._find_near(slashed)
            hint = f"did you mean {near}?" if near else "correct the path"
            self._refuse(line, f"{path}: no such file in {self.root}; {hint}")
        tidy = os.path.normpath(found)
        same = _is_file(self.root / tidy) and (self.root / tidy).samefile(self.root / found)
        return tidy if same else Path(found).as_posix()

    def _refuse_absolute(self, line: int, path: str, slashed: str) -> NoReturn:
        """Say what to write instead: the folder may move, and `reproduce` moves it."""
        whole, top = Path(slashed).resolve(), self.root.resolve()
        inside = whole.is_relative_to(top) and _is_file(whole)
        outside = _is_file(whole) and not inside
        near = str(whole.relative_to(top)) if inside else self._find_near(slashed)
        if outside or not near:
            self._refuse(line, f"{path} leaves the folder {self.root}; copy the picture into it")
        self._refuse(line, f"{path} is absolute, and lost where the folder moves; write {near}")

    def _find_near(self, path: str) -> str | None:
        """Return the end of a path that is a file in the folder, capitals aside; None if none."""
        parts = [part for part in path.split("/") if part]
        for start in range(len(parts)):
            name = self.root.joinpath(*parts[start:])
            beside = sorted(name.parent.iterdir()) if name.parent.is_dir() else []
            for file in beside:
                if file.name.lower() == name.name.lower() and file.is_file():
                    return file.relative_to(self.root).as_posix()
        return None

    def _refuse(self, line: int, why: str) -> NoReturn:
        raise DataError(f"{self.root / LIST_FILE}: row {line}: {why}")


def _is_file(path: Path) -> bool:
    """Return whether there is such a file: a name may also be too long for there to be one."""
    try:
        return path.is_file()
    except PermissionError:
        raise
    except OSError:
        return False


@explain_unreadable()
def open_source(data: DataParams) -> Source:
    """Return the source that the section `data` of params.yaml describes.

    Raises DataError when its folder or the files in it are not what `data.source` promises.
    """
    root = Path(data.path)
    is_read = data.source == "folder" and root.is_file() and is_archive(root)
    if not root.is_dir() and not is_read:
        allowed = ", or a tar or zip archive" if data.source == "folder" else ""
        found = f"a file; expected the folder that holds it{allowed}"
        found = found if root.exists() else "no such folder"
        raise DataError(f"params.yaml: data.path: {data.path} is {found}; correct the path")
    if data.source == "idx":
        return IdxPairs(root, data.class_names, data.transpose)
    if data.source == "csv":
        return CsvList(root)
    archives = find_archives(root)
    return ArchivedFolders(root, archives) if archives else ClassFolders(root)
