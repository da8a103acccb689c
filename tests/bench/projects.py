"""Copies of the project with photographs in them."""

import os
from collections.abc import Iterator
from contextlib import chdir, contextmanager, redirect_stdout
from pathlib import Path
from typing import Any

from tests.bench.photographs import linked, originals
from tests.pipeline_builder import build, run

SIDE, CHANNELS = 120, 3
PHOTOGRAPHS = Path("data/photographs")
COLOUR = {
    "data": {"source": "folder", "path": str(PHOTOGRAPHS), "positive": None},
    "preprocess": {"height": SIDE, "width": SIDE, "channels": CHANNELS},
}


def with_photographs(
    folder: Path, counts: dict[str, int], changes: dict[str, Any] | None = None
) -> Path:
    """Return a copy of the project whose data are photographs, so many a split.

    The stage `split` has run there; `preprocess` is to make them 120 x 120 x 3.
    """
    build(folder, COLOUR | (changes or {}))
    photographs = originals(folder.with_suffix(".originals"))
    for split, count in counts.items():
        linked(photographs, folder / PHOTOGRAPHS / split, count)
    run(folder, "python", "-m", "stages", "split")
    return folder


@contextmanager
def inside(folder: Path) -> Iterator[None]:
    """Make the folder the current one, and let what is printed there go nowhere."""
    with chdir(folder), Path(os.devnull).open("w") as nowhere, redirect_stdout(nowhere):
        yield
