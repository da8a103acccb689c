"""One image on its way through a network: what `train` keeps of it, to be drawn."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from stages.core import files
from stages.core.outputs.records import read_from

FILE = "inside.npz"


@dataclass(frozen=True)
class Step:
    """What one layer makes of the image.

    levels: uint8, of maps (h, w, n) or of single values (n,), 0 for 0 or less and 255 for `peak`,
    the largest value of the layer; count: how many maps or values there are, n or more.
    """

    name: str
    levels: NDArray[np.uint8]
    peak: float
    count: int


@dataclass(frozen=True)
class Passage:
    """An image, uint8 (H, W, C), what layer after layer makes of it, and the answer (K,)."""

    image: NDArray[np.uint8]
    steps: list[Step]
    probabilities: NDArray[np.float32]

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return the same as arrays, to be kept in one file."""
        return {
            "image": self.image,
            "probabilities": self.probabilities,
            "names": np.array([step.name for step in self.steps], np.str_),
            "peaks": np.array([step.peak for step in self.steps], np.float64),
            "counts": np.array([step.count for step in self.steps], np.int64),
            **{f"levels {i}": step.levels for i, step in enumerate(self.steps)},
        }

    @classmethod
    def of(cls, path: Path) -> Self:
        """Return what stands in a file of `arrays`."""
        with np.load(path, allow_pickle=False) as kept:
            told = zip(kept["names"], kept["peaks"], kept["counts"], strict=True)
            steps = [
                Step(str(name), kept[f"levels {i}"], float(peak), int(count))
                for i, (name, peak, count) in enumerate(told)
            ]
            return cls(kept["image"], steps, kept["probabilities"])


def read(name: str) -> Passage:
    """Return what the run `name` makes of its example; DataError where that is missing."""
    with read_from(files.folder("train", name) / FILE) as path:
        return Passage.of(path)


def example(labels: NDArray[np.int64], index: int | None) -> int:
    """Return the place of the image that shows a network at work: the first of a class.

    Of the class `index`, or of the first class; labels (N,), of test. Where it has none, 0.
    """
    return int((labels == (index or 0)).argmax())
