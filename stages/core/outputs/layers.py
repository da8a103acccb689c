"""What `train` found out about the layers of a network: the shape of layers.json, and reading it.

Shares are 0..1; null stands for what could not be measured.
"""

from typing import Self

from stages.core import files
from stages.core.outputs.findings import Interval
from stages.core.outputs.records import Number, Record, read_from
from stages.core.statistics.proportions import McNemar

FILE = "layers.json"


class Change(Record):
    """A layer's linear probe against that of the image itself, on the same images.

    gained: images that only the layer's probe gets right, lost: only the image's; p: of McNemar's
    exact test (1947) that they are as many.
    """

    gained: int
    lost: int
    p: float

    @classmethod
    def of(cls, test: McNemar) -> Self:
        """Return the same of a test whose first run is the layer's probe."""
        return cls(gained=test.first_only, lost=test.second_only, p=test.p)

    @property
    def risen(self) -> bool:
        """Say whether the layer's probe is right more often, beyond chance."""
        return self.p < 0.05 and self.gained > self.lost


class Layer(Record):
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
    recovered: Number
    probe: Interval | None
    change: Change | None


class Layers(Record):
    """The layers of one network, from the image to the answer.

    images: validation images probed; lazy: share of them that are of their commonest class;
    accuracy: share that the network itself gets right.
    """

    images: int
    lazy: float
    accuracy: float
    layers: list[Layer]


def read(name: str) -> Layers:
    """Return layers.json of the run `name`; DataError when it is missing or of another shape."""
    with read_from(files.folder("train", name) / FILE) as path:
        return Layers.model_validate(files.read_json(path))
