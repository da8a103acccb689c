"""What typed JSON files have in common, and types that several rooms share."""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, BeforeValidator, ConfigDict

from secondlook.artifacts.files import check_present
from secondlook.config.errors import DataError


def _replace_nonfinite(value: object) -> object:
    """JSON has no NaN and no infinity: what is not defined is null."""
    return None if isinstance(value, float) and not math.isfinite(value) else value


NullableFloat = Annotated[float | None, BeforeValidator(_replace_nonfinite)]


@contextmanager
def check_artifact(path: Path) -> Iterator[Path]:
    """Give the file that a stage left; raise DataError where it is missing or of another shape."""
    check_present(path)
    try:
        yield path
    except (KeyError, TypeError, ValueError) as error:
        raise DataError(
            f"{path}: found another shape than this version makes; run `dvc repro` to make it new"
        ) from error


class Record(BaseModel):
    """A part of a JSON file; what another stage added to it is left alone."""

    model_config = ConfigDict(frozen=True, extra="ignore")


FloatArray = NDArray[np.float64]
ImageArray = NDArray[np.uint8]
IndexArray = NDArray[np.int64]
Ends = tuple[float, float, float]  # a number and the ends of its interval; NaN where undefined


class Interval(Record):
    """A number and the ends of its 95 % interval over images; None where they are not defined."""

    value: NullableFloat
    low: NullableFloat
    high: NullableFloat

    @classmethod
    def from_floats(cls, value: float, low: float, high: float) -> Self:
        """Return the same of numbers, NaN where one is not defined."""
        return cls(value=value, low=low, high=high)

    @property
    def floats(self) -> Ends:
        """Return value, low and high to compute with: NaN where one is not defined."""
        value, low, high = (math.nan if n is None else n for n in (self.value, self.low, self.high))
        return value, low, high


class McNemarTest(Record):
    """How many images only the first, only the second run got right, and the exact p-value."""

    first_only: int
    second_only: int
    p: float
