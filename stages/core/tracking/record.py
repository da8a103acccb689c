"""One MLflow run as it should be, said without MLflow."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

from stages.core import files

KEY = "second_look.key"  # the tag that finds a run again
DATA = "second_look.data"  # the tag that finds the parent of all runs on the same data
MIRROR = "second_look.mirror"  # Record.digest: while it is the same, nothing is new


class Point(NamedTuple):
    """One value of one metric; `step` is the epoch, from 1."""

    key: str
    step: int
    value: float


@dataclass(frozen=True)
class DataSet:
    """The data as MLflow shows it: where it came from, and `profile`, JSON of what it holds."""

    name: str
    digest: str
    source: str
    profile: str


@dataclass(frozen=True)
class Model:
    """What `stages.core.serving` loads, and the digest of its weights.

    `classes` are its answers, `example` is a picture file that it can be asked about, `metrics`
    names those whose last value is this model's; it is as it was after `epoch`.
    """

    digest: str
    files: tuple[Path, ...]
    classes: tuple[str, ...]
    example: bytes
    epoch: int
    metrics: tuple[str, ...]


@dataclass(frozen=True)
class Record:
    """What the files say; `tag` and `key` find the MLflow run, times are in milliseconds.

    `final` are the kept model's metrics, `artifacts` and `pictures` map names in MLflow to files,
    `environment` is where it was trained, if that was here.
    """

    tag: str
    key: str
    title: str
    data: DataSet
    parameters: Mapping[str, str]
    started: int
    tags: Mapping[str, str] = field(default_factory=dict)
    ended: int = 0
    curves: tuple[Point, ...] = ()
    final: tuple[Point, ...] = ()
    artifacts: Mapping[str, Path] = field(default_factory=dict)
    pictures: Mapping[str, Path] = field(default_factory=dict)
    model: Model | None = None
    environment: Mapping[str, str] | None = None

    @property
    def points(self) -> tuple[Point, ...]:
        """Return all that is measured: a step of a metric once."""
        return self.curves + self.final

    @cached_property
    def digest(self) -> str:
        """Return the SHA-256 (hex) of all that is mirrored, and of the code that mirrors it."""
        aside = dict.fromkeys(("started", "ended", "environment"))  # when and where, not what
        said = asdict(self) | aside
        code = sorted(Path(__file__).parent.glob("*.py"))
        contents = files.digest(*self.artifacts.values(), *self.pictures.values(), *code)
        text = json.dumps(said, sort_keys=True, default=str)
        return hashlib.sha256(f"{text}\n{contents}".encode()).hexdigest()
