"""One MLflow run as it should be, said without MLflow; its parameters flat, all of them text."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

from secondlook.artifacts import files
from secondlook.config.params import Params
from secondlook.config.yaml_schema import ParamsSection

KEY_TAG = "second_look.key"  # the tag that finds a run again
DATA_TAG = "second_look.data"  # the tag that finds the parent of all runs on the same data
MIRROR_TAG = "second_look.mirror"  # Record.digest: while it is the same, nothing is new


class MetricPoint(NamedTuple):
    """One value of one metric; `step` is the epoch, from 1."""

    key: str
    step: int
    value: float


@dataclass(frozen=True)
class DataSpec:
    """The data as MLflow shows it: where it came from, and `profile`, JSON of what it holds."""

    name: str
    digest: str
    source: str
    profile: str


@dataclass(frozen=True)
class ModelSpec:
    """What `secondlook.serving` loads, and the digest of its weights.

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
class RunSpec:
    """What the files say; `tag` and `key` find the MLflow run, times are in milliseconds.

    `final` are the kept model's metrics, `artifacts` and `pictures` map names in MLflow to files,
    `environment` is where it was trained, if that was here.
    """

    tag: str
    key: str
    title: str
    data: DataSpec
    parameters: Mapping[str, str]
    started: int
    tags: Mapping[str, str] = field(default_factory=dict)
    ended: int = 0
    curves: tuple[MetricPoint, ...] = ()
    final: tuple[MetricPoint, ...] = ()
    artifacts: Mapping[str, Path] = field(default_factory=dict)
    pictures: Mapping[str, Path] = field(default_factory=dict)
    model: ModelSpec | None = None
    environment: Mapping[str, str] | None = None

    @property
    def points(self) -> tuple[MetricPoint, ...]:
        """Return all that is measured: a step of a metric once."""
        return self.curves + self.final

    @cached_property
    def digest(self) -> str:
        """Return the SHA-256 (hex) of all that is mirrored, and of the code that mirrors it."""
        aside = dict.fromkeys(("started", "ended", "environment"))  # when and where, not what
        said = asdict(self) | aside
        code = sorted(Path(__file__).parent.glob("*.py"))
        contents = files.hash_files(*self.artifacts.values(), *self.pictures.values(), *code)
        text = json.dumps(said, sort_keys=True, default=str)
        return hashlib.sha256(f"{text}\n{contents}".encode()).hexdigest()


LONGEST_VALUE = 6000  # characters that MLflow takes


# Where the images lie, and what can only refuse them: neither makes another run.
NOT_PARAMETERS = {"data.source", "data.path", "preprocess.max_rejected_fraction"}


def format_data_parameters(params: Params) -> dict[str, str]:
    """Return how the data was made, as MLflow parameters, which never change again."""
    sections = {"data.": params.data, "split.": params.split, "preprocess.": params.preprocess}
    told = {
        key: text
        for name, part in sections.items()
        for key, text in flatten_section(part, name).items()
    }
    return {key: text for key, text in told.items() if key not in NOT_PARAMETERS}


def format_place_tags(params: Params) -> dict[str, str]:
    """Return where the images lie now, as tags: they may change."""
    return {
        "second_look.data.source": params.data.source,
        "second_look.data.path": params.data.path,
    }


def flatten_section(section: ParamsSection, prefix: str) -> dict[str, str]:
    """Return a section as MLflow parameters, named as `dvc exp run -S` names them.

    What is no text is JSON, a mapping of class names included: they may be no legal key. An
    optional key at its default is left out.
    """
    told: dict[str, str] = {}
    for name in section.model_dump():
        value = getattr(section, name)
        if isinstance(value, ParamsSection):
            told |= flatten_section(value, f"{prefix}{name}.")
        else:
            text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
            told[prefix + name] = text[:LONGEST_VALUE]
    return told


NAMES_TAG = "second_look.names"
