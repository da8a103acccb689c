"""One MLflow run as it should be, and what the UI needs to be told, said without MLflow.

A run's parameters are flat, all of them text. The UI opens on other work than training, folds a
parent's runs away and shows no metric until asked: its first look should show runs side by side.
"""

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
from secondlook.report.theme import Style
from secondlook.tracking.location import StoreLocation

KEY_TAG = "second_look.key"  # the tag that finds a run again
DATA_TAG = "second_look.data"  # the tag that finds the parent of all runs on the same data
MIRROR_TAG = "second_look.mirror"  # RunSpec.digest: while it is the same, nothing is new
NAMES_TAG = "second_look.names"


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
    `environment` is with what it was trained, and on which node of a cluster; None: not known.
    `numbers_only`: it has no files, not even those that say what it came from: its parent does.
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
    status: str = "FINISHED"
    numbers_only: bool = False

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
# Where the images lie, what can only refuse them, and the size of files: none makes another run.
NOT_PARAMETERS = {
    *("data.source", "data.path"),
    *("preprocess.max_rejected_fraction", "preprocess.shard_bytes"),
}


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


VIEW = "leaderboard"  # of the UI
RANK_COLUMN = "metrics.`validation/f1`"  # as the report ranks; sorted, the UI folds nothing away
COLUMNS = (
    RANK_COLUMN,
    "metrics.`test/accuracy`",
    "metrics.`test/balanced_accuracy`",
    "metrics.`test/precision`",
    "metrics.`test/recall`",
    "metrics.`test/f1`",
    "metrics.`test/log_loss`",
    "metrics.`kept_epoch`",
    "params.`train.model`",
    "params.`train.class_weight`",
)
# The runs' pictures side by side, above the charts that the UI makes of every metric.
PICTURES_SECTION = {
    "uuid": "pictures",
    "name": "Pictures",
    "display": True,
    "columns": 1,
    "cardHeight": 700,
}
PICTURE_GRID = {
    "type": "IMAGE",
    "uuid": "picture-grid",
    "metricSectionId": PICTURES_SECTION["uuid"],
    "imageKeys": ["confusion", "precision_recall", "curves", "roc"],
    "step": 0,
    "showRunParams": False,
    "runsCountToCompare": 10,
    "deleted": False,
    "isGenerated": False,
}
VIEW_STATE = {
    "orderByKey": RANK_COLUMN,
    "orderByAsc": False,
    "selectedColumns": COLUMNS,
    "compareRunSections": [PICTURES_SECTION],
    "compareRunCharts": [PICTURE_GRID],
}
SAVED_VIEW = {
    "name": "Leaderboard",
    "createdAt": 0,
    "updatedAt": 0,
    "state": json.dumps(VIEW_STATE),
}
EXPERIMENT_NOTE = (
    "Kept equal to the project's files by `dvc repro`; the run above the others holds the report. "
    "A curve has one point per epoch. Where an earlier epoch than the last was kept, "
    "validation/accuracy, validation/precision and validation/recall have one more, after the "
    "last epoch: the kept model."
)
EXPERIMENT_TAGS = {
    "mlflow.experimentKind": "custom_model_development",
    "mlflow.note.content": EXPERIMENT_NOTE,
    # A saved view as the UI itself writes one; it is listed under "Views".
    f"mlflow.sharedViewState.{VIEW}": json.dumps(SAVED_VIEW),
}


def build_run_tags(index: int) -> dict[str, str]:
    """Return the tags that unfold the runs' parent, and give run `index` the report's colour."""
    # The UI unfolds the parent of runs of this type, and of no other.
    return {"mlflow.runType": "evaluation", "mlflow.runColor": Style(index).color}


def format_experiment_link(
    where: StoreLocation, experiment: str, view: str = VIEW, *, charts: bool = False
) -> str | None:
    """Return where a browser shows the experiment; the project's own store once `make ui` runs.

    It opens a saved view: its table, or its charts.
    """
    own = where.database is not None and where.database.parent == where.root
    if not own and not where.display_name.startswith("http"):
        return None
    server = "http://127.0.0.1:5000" if own else where.display_name.rstrip("/")
    query = f"workflowType=machine_learning&viewStateShareKey={view}"
    query += "&compareRunsMode=CHART" if charts else ""
    return f"{server}/#/experiments/{experiment}/runs?{query}"
