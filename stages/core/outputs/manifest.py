"""What `split` decided: one row per image, read back from data/split/."""

import sys
from collections import Counter
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


def read() -> list[Row]:
    """Return the rows of the manifest; DataError when `split` has not run."""
    path = files.folder("split") / "manifest.csv"
    if not path.exists():
        raise DataError(f"{path}: no such file; run `dvc repro` to make it")
    # Interned: one string per class and split, however many images there are.
    return [
        Row(row["id"], sys.intern(row["label"]), sys.intern(row["split"]), row["digest"])
        for row in files.read_csv(path)
    ]


def copies() -> Copies:
    """Return how many byte-identical images `split` found."""
    rows = files.read_csv(files.folder("split") / "duplicates.csv")
    kinds = Counter(row["kind"] for row in rows)
    return Copies(kinds["duplicate"], kinds["label conflict"], kinds["across splits"])
