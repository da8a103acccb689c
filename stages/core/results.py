"""What `train` and `evaluate` leave behind for one run: the shape of it, and reading it back."""

import math
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict

from stages.core import files
from stages.core.errors import DataError


def _defined(value: object) -> object:
    """JSON has no NaN: what is not defined is null."""
    return None if isinstance(value, float) and math.isnan(value) else value


Number = Annotated[float | None, BeforeValidator(_defined)]


MICRO = "micro average"  # the curve of all classes, each pair of image and class a question


class Record(BaseModel):
    """A part of a JSON file; what another stage added to it is left alone."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class Scalars(Record):
    """One split in ten numbers: log loss in nats per image, the others in 0..1.

    Precision, recall, F1 and the areas are the positive class's where there is one, else the
    unweighted mean over classes; None where undefined.
    """

    accuracy: Number
    lazy_accuracy: Number
    balanced_accuracy: Number
    log_loss: Number
    precision: Number
    recall: Number
    f1: Number
    macro_f1: Number
    average_precision: Number
    roc_auc: Number


class ClassScores(Record):
    """One class of one split; `support` is how many images truly are of it."""

    precision: Number
    recall: Number
    f1: Number
    support: int


class PrecisionRecall(Record):
    """Points from the highest threshold (a probability) down; the area is average precision."""

    precision: list[float]
    recall: list[float]
    threshold: list[float]
    area: Number


class Roc(Record):
    """Points from (0, 0) to (1, 1), and the area under them."""

    false_positive_rate: list[float]
    true_positive_rate: list[float]
    area: Number


class Curves(Record):
    """Both curves of one class against the rest."""

    precision_recall: PrecisionRecall
    roc: Roc


class Details(Record):
    """What the plots of one split are made of; `confusion` has the true classes as rows."""

    per_class: dict[str, ClassScores]
    confusion: list[list[int]]
    curves: dict[str, Curves]
    lazy: Scalars


class Training(Record):
    """run.json: the effective parameters of a run, and what came of them."""

    run: str
    parameters: dict[str, Any]
    epochs: int
    kept_epoch: int
    stopped_early: bool
    parameter_count: int


class Result(Record):
    """All that is known of one run; `history` has one row per epoch, metrics one per split."""

    training: Training
    history: list[dict[str, Number]]
    metrics: dict[str, Scalars]
    details: dict[str, Details]

    @property
    def name(self) -> str:
        """Return the run's name in params.yaml."""
        return self.training.run


def read(name: str) -> Result:
    """Return what the run `name` left in data/train and data/evaluate.

    Raises DataError when a file is missing.
    """
    trained, evaluated = files.folder("train", name), files.folder("evaluate", name)
    return Result(
        training=files.read_json(_present(trained / "run.json")),
        history=[_numbers(row) for row in files.read_csv(_present(trained / "history.csv"))],
        metrics=files.read_json(_present(evaluated / "metrics.json")),
        details=files.read_json(_present(evaluated / "details.json")),
    )


def _numbers(row: dict[str, str]) -> dict[str, float | None]:
    """Return a row of history.csv as numbers; an empty cell is undefined."""
    return {key: float(value) if value else None for key, value in row.items()}


def _present(path: Path) -> Path:
    if not path.exists():
        raise DataError(f"{path}: no such file; run `dvc repro` to make it")
    return path
