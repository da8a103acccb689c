"""Typed parts of the JSON files that stages leave for each other."""

import math
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict


def _defined(value: object) -> object:
    """JSON has no NaN and no infinity: what is not defined is null."""
    return None if isinstance(value, float) and not math.isfinite(value) else value


Number = Annotated[float | None, BeforeValidator(_defined)]


class Record(BaseModel):
    """A part of a JSON file; what another stage added to it is left alone.

    It can be made from an object with attributes of the same names (`model_validate`).
    """

    model_config = ConfigDict(frozen=True, extra="ignore", from_attributes=True)
