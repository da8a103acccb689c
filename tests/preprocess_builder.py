"""Small folders of pictures, split and preprocessed, for tests of `preprocess`."""

from pathlib import Path
from typing import Any

from stages import preprocess, split
from stages.core import files
from stages.core.params import Params
from tests.data_builder import params

SPLITS = ("train", "validation", "test")
LAYOUT = {f"{part}/{name}": 2 for part in SPLITS for name in ("cat", "dog")}
SMALL = {"height": 4, "width": 4, "channels": 1, "max_rejected_fraction": 0.5}


def of(root: Path, positive: str | None = None, **spec: object) -> Params:
    """Return parameters for class folders and pictures of 4 x 4."""
    data = {"source": "folder", "path": str(root), "positive": positive}
    return params(data=data, preprocess=SMALL | spec)


def run(config: Params) -> dict[str, Any]:
    """Run split and preprocess; return what facts.json says."""
    split.run(config)
    preprocess.run(config)
    facts: dict[str, Any] = files.read_json(files.folder("preprocess") / "facts.json")
    return facts


def rows(name: str) -> list[dict[str, str]]:
    """Return the rows of a CSV file that was written."""
    return list(files.read_csv(files.folder("preprocess") / name))
