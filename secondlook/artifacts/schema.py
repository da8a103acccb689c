"""What typed JSON files have in common, and types that several rooms share."""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

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
    """A part of a JSON file; what another stage added to it is left alone.

    It can be made from an object with attributes of the same names (`model_validate`).
    """

    model_config = ConfigDict(frozen=True, extra="ignore", from_attributes=True)


FloatArray = NDArray[np.float64]
ImageArray = NDArray[np.uint8]
IndexArray = NDArray[np.int64]


class Interval(Record):
    """A number and the ends of its 95 % interval over images."""

    value: NullableFloat
    low: NullableFloat
    high: NullableFloat


class McNemarTest(Record):
    """How many images only the first, only the second run got right, and the exact p-value."""

    first_only: int
    second_only: int
    p: float
