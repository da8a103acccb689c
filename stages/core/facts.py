"""What `preprocess` found out about the data, read back from data/preprocess/facts.json."""

from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stages.core import files
from stages.core.errors import DataError


@dataclass(frozen=True)
class Facts:
    """The K classes in label order, the question asked of them, and how many images there are.

    `shape` is (H, W, C) in pixels, `counts` is images per split and class, `rejected` is images
    that could not be decoded, `digest` identifies arrays, labels, classes and question.
    """

    name: str
    classes: list[str]
    positive: str | None
    shape: list[int]
    counts: dict[str, dict[str, int]]
    rejected: int
    digest: str
    pixels: dict[str, Any]

    @property
    def positive_index(self) -> int | None:
        """Return which class the question is about, or None when it is about all of them."""
        return None if self.positive is None else self.classes.index(self.positive)

    @property
    def asked_index(self) -> int | None:
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


def read() -> Facts:
    """Return the facts of the preprocessed data.

    Raises DataError when `preprocess` has not run.
    """
    path = files.folder("preprocess") / "facts.json"
    if not path.exists():
        raise DataError(f"{path}: no such file; run `dvc repro` to make it")
    found = files.read_json(path)
    return Facts(**{field.name: found[field.name] for field in fields(Facts)})
