"""Typed parts of the JSON files that stages leave for each other."""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict

from stages.core.errors import DataError


def _defined(value: object) -> object:
    """JSON has no NaN and no infinity: what is not defined is null."""
    return None if isinstance(value, float) and not math.isfinite(value) else value


Number = Annotated[float | None, BeforeValidator(_defined)]


@contextmanager
def read_from(path: Path) -> Iterator[Path]:
    """Give the file that a stage left; raise DataError where it is missing or of another shape."""
    if not path.exists():
        raise DataError(f"{path}: no such file; run `dvc repro` to make it")
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
