"""What `train` leaves of the inside of a network: layers.json, and inside.npz of one image.

layers.json is what could be read off each layer (shares are 0..1; null stands for what could not
be measured), inside.npz what each layer makes of one image, to be drawn.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from secondlook.artifacts import files
from secondlook.artifacts.schema import (
    Interval,
    McNemarTest,
    NullableFloat,
    Record,
    check_artifact,
)

LAYERS_FILE = "layers.json"


class ProbeChange(Record):
    """A layer's linear probe against that of the image itself, on the same images.

    gained: images that only the layer's probe gets right, lost: only the image's; p: of McNemar's
    exact test (1947) that they are as many.
    """

    gained: int
    lost: int
    p: float

    @classmethod
    def from_mcnemar(cls, test: McNemarTest) -> Self:
        """Return the same of a test whose first run is the layer's probe."""
        return cls(gained=test.first_only, lost=test.second_only, p=test.p)

    @property
    def is_gain(self) -> bool:
        """Say whether the layer's probe is right more often, beyond chance."""
        return self.p < 0.05 and self.gained > self.lost


class LayerSummary(Record):
    """What one layer makes of an image, on average over the images probed; the first is the image.

    kind: in words; shape: of its output, without the batch; values: in it; kept: values for each
    value of the image (27.6: as many times more); zeros: share of them that are 0; recovered:
    share of the pictures' variance that a linear model brings back from them; probe: accuracy of
    a linear classifier that sees nothing else, with its 95 % interval over images. Null where
    there are too few images, or values that are no numbers.
    """

    name: str
    kind: str
    shape: list[int]
    values: int
    kept: float
    zeros: float
    recovered: NullableFloat
    probe: Interval | None
    change: ProbeChange | None


class LayerReport(Record):
    """The layers of one network, from the image to the answer.

    images: validation images probed; lazy: share of them that are of their commonest class;
    accuracy: share that the network itself gets right.
    """

    images: int
    lazy: float
    accuracy: float
    layers: list[LayerSummary]


def load_layer_report(name: str) -> LayerReport:
    """Return layers.json of the run `name`; DataError when it is missing or of another shape."""
    with check_artifact(files.stage_folder("train", name) / LAYERS_FILE) as path:
        return LayerReport.model_validate(files.read_json(path))


ACTIVATIONS_FILE = "inside.npz"


@dataclass(frozen=True)
class LayerActivation:
    """What one layer makes of the image.

    levels: uint8, of maps (h, w, n) or of single values (n,), 0 for 0 or less and 255 for `peak`,
    the largest value of the layer; count: how many maps or values there are, n or more.
    """

    name: str
    levels: NDArray[np.uint8]
    peak: float
    count: int


@dataclass(frozen=True)
class Activations:
    """An image, uint8 (H, W, C), what layer after layer makes of it, and the answer (K,)."""

    image: NDArray[np.uint8]
    steps: list[LayerActivation]
    probabilities: NDArray[np.float32]

    def to_arrays(self) -> dict[str, NDArray[Any]]:
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
    def load(cls, path: Path) -> Self:
        """Return what stands in a file of `arrays`."""
        with np.load(path, allow_pickle=False) as kept:
            told = zip(kept["names"], kept["peaks"], kept["counts"], strict=True)
            steps = [
                LayerActivation(str(name), kept[f"levels {i}"], float(peak), int(count))
                for i, (name, peak, count) in enumerate(told)
            ]
            return cls(kept["image"], steps, kept["probabilities"])


def load_activations(name: str) -> Activations:
    """Return what the run `name` makes of its example; DataError where that is missing."""
    with check_artifact(files.stage_folder("train", name) / ACTIVATIONS_FILE) as path:
        return Activations.load(path)


def find_example(labels: NDArray[np.int64], index: int | None) -> int:
    """Return the place of the image that shows a network at work: the first of a class.

    Of the class `index`, or of the first class; labels (N,), of test. Where it has none, 0.
    """
    return int((labels == (index or 0)).argmax())
