"""What `split` decided: one row per image, read back from data/split/."""

import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from stages.core import files
from stages.core.errors import DataError
from stages.core.outputs.facts import Copies


class Row(NamedTuple):
    """One image of the manifest; once rejected, with the reason."""

    id: str
    label: str
    split: str
    digest: str
    reason: str = ""


class Rows:
    """The rows of a CSV file, read anew each time they are gone through: none stays in memory."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __iter__(self) -> Iterator[Row]:
        for row in files.read_csv(self.path):
            # Interned: one string per class and split, however many images there are.
            label, split = sys.intern(row["label"]), sys.intern(row["split"])
            yield Row(row["id"], label, split, row["digest"])


def read() -> Rows:
    """Return the rows of the manifest; DataError when `split` has not run."""
    path = files.folder("split") / "manifest.csv"
    if not path.exists():
        raise DataError(f"{path}: no such file; run `dvc repro` to make it")
    return Rows(path)


def copies() -> Copies:
    """Return how many byte-identical images `split` found."""
    rows = files.read_csv(files.folder("split") / "duplicates.csv")
    kinds = Counter(row["kind"] for row in rows)
    return Copies(kinds["duplicate"], kinds["label conflict"], kinds["across splits"])
