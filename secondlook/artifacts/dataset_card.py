"""What `preprocess` found out about the data, read back from data/preprocess/facts.json."""

import math
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from secondlook.artifacts import files
from secondlook.artifacts.schema import FloatArray, Record, check_artifact
from secondlook.config.params import PreprocessParams


class LevelStatistics(Record):
    """Mean and standard deviation of pixels, 0..255."""

    mean: float
    std: float

    @classmethod
    def from_histogram(cls, histogram: NDArray[np.int64]) -> Self:
        """Measure pixels that are counted by level (256,)."""
        level, total = np.arange(256), histogram.sum()
        mean = float((level * histogram).sum() / total)
        variance = float(((level - mean) ** 2 * histogram).sum() / total)
        return cls(mean=mean, std=math.sqrt(variance))


FAINT_LEVELS = 20  # of 256, from darkest to lightest: 8 to 12 bits in a file of 16 have no more


class PixelStatistics(LevelStatistics):
    """Mean and standard deviation of pixels, 0..255, and how many are of each of 256 levels."""

    histogram: list[int]

    @classmethod
    def from_histogram(cls, histogram: NDArray[np.int64]) -> Self:
        """Measure pixels that are counted by level (256,)."""
        levels = LevelStatistics.from_histogram(histogram)
        return cls(**levels.model_dump(), histogram=histogram.tolist())


class DuplicateCounts(Record):
    """Images that have byte-identical copies, by what is wrong with that.

    `duplicates`: nothing, all are of one class and in one split; `label_conflicts`: the copies
    are of several classes; `across_splits`: in several splits. An image may be in both of these.
    """

    duplicates: int
    label_conflicts: int
    across_splits: int


class NearDuplicateCounts(Record):
    """Pairs of images, not byte-identical, that look the same: see data/near_duplicates.py.

    Each of the `pairs` is in different splits or of different classes, or both; `judged_and_seen`
    are images of validation and test that look like one of training. `bound` is the distance up
    to which a pair counts; not `complete` means that there are more.
    """

    pairs: int
    across_splits: int
    label_conflicts: int
    judged_and_seen: int
    bound: float
    complete: bool


class ReferenceRange(Record):
    """How one feature of the training pictures is spread, and within what a picture is usual.

    `values` ascend, `shares` are of the pictures up to each, 0..1; usual is from `low` to `high`.
    """

    values: list[float]
    shares: list[float]
    low: float
    high: float


class TrainingProfile(Record):
    """What the training pictures are like: see data/profile.py.

    `features` by their names; `mean` is the mean picture in grey, coarse, row by row, 0..255;
    `unusual` is the share of validation pictures beyond some limit, 0..1.
    """

    features: dict[str, ReferenceRange]
    mean: list[float]
    unusual: float


class DatasetCard(Record):
    """The K classes in label order, the question asked of them, and how many images there are.

    `shape` is (H, W, C) in pixels, `counts` is images per split and class, `rejected` is images
    that could not be decoded and `reasons` how many for each kind of reason, `digest` identifies
    arrays, labels, classes and question, `pixels` are those of training, `levels` by split,
    `preparation` is how every picture was made, and `pictures` what those of training are like.
    """

    name: str
    classes: list[str]
    positive: str | None
    shape: list[int]
    counts: dict[str, dict[str, int]]
    rejected: int
    digest: str
    pixels: PixelStatistics
    levels: dict[str, LevelStatistics]
    reasons: dict[str, int]
    copies: DuplicateCounts
    alike: NearDuplicateCounts
    preparation: PreprocessParams
    pictures: TrainingProfile

    @property
    def image_count(self) -> int:
        """Return how many images there are in all splits."""
        return sum(sum(counts.values()) for counts in self.counts.values())

    @property
    def positive_index(self) -> int | None:
        """Return which class the question is about, or None when it is about all of them."""
        return None if self.positive is None else self.classes.index(self.positive)

    @property
    def question_index(self) -> int | None:
        """Return which class a yes-or-no question is about; None where the question is no such.

        The positive class; of two without one, that with fewer training images (the second of
        equals).
        """
        if self.positive is None and len(self.classes) == 2:
            return 1 - int(self.training_shares.argmax())
        return self.positive_index

    @property
    def training_shares(self) -> NDArray[np.float32]:
        """Return each class's share (K,) of the training images, 0..1."""
        counts = np.array([self.counts["train"][name] for name in self.classes], dtype=np.float64)
        shares: NDArray[np.float32] = (counts / counts.sum()).astype(np.float32)
        return shares

    @property
    def lazy_class(self) -> str:
        """Return the commonest class of the training images (the first of several)."""
        return self.classes[int(self.training_shares.argmax())]


def load_dataset_card() -> DatasetCard:
    """Return the facts of the preprocessed data.

    Raises DataError when `preprocess` has not run, or wrote another shape.
    """
    return read_dataset_card(files.stage_folder("preprocess") / "facts.json")


def read_dataset_card(path: Path) -> DatasetCard:
    """Return the facts in a file; DataError where it is missing, or of another version's shape."""
    with check_artifact(path):
        return DatasetCard.model_validate(files.read_json(path))


FALSE_ALARM_SHARE = 0.025  # share of validation pictures beyond the limits, at most


def find_conformal_bound(values: FloatArray, share: float) -> float:
    """Return the smallest of the values (n,) that at most a share of them is larger than."""
    ordered = np.sort(values)
    return float(ordered[max(0, math.ceil(len(values) * (1 - share)) - 1)])
