"""What `train` and `evaluate` leave behind for one run: the shape of it, and reading it back."""

from typing import Any

from stages.core import files
from stages.core.outputs.findings import (
    Calibration,
    Fitting,
    Interval,
    Losses,
    OperatingPoint,
    Thresholds,
)
from stages.core.outputs.records import Number, Record, read_from

MICRO = "micro average"  # the curve of all classes, each pair of image and class a question


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
    threshold: list[Number]
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
    """What the plots of one split are made of; `confusion` has the true classes as rows.

    intervals: of every scalar but lazy_accuracy, by name; operating_point and thresholds: null
    where the question has more than two answers.
    """

    per_class: dict[str, ClassScores]
    confusion: list[list[int]]
    curves: dict[str, Curves]
    lazy: Scalars
    intervals: dict[str, Interval]
    losses: Losses
    calibration: Calibration
    operating_point: OperatingPoint | None
    thresholds: Thresholds | None


class Training(Record):
    """run.json: the effective parameters of a run, and what came of them."""

    run: str
    parameters: dict[str, Any]
    epochs: int
    kept_epoch: int
    stopped_early: bool
    parameter_count: int


Epoch = dict[str, Number]  # a row of history.csv


class Result(Record):
    """All that is known of one run.

    `history` has one row per epoch, metrics and details one entry per split.
    """

    training: Training
    history: list[Epoch]
    metrics: dict[str, Scalars]
    details: dict[str, Details]
    fitting: Fitting

    @property
    def name(self) -> str:
        """Return the run's name in params.yaml."""
        return self.training.run


def read(name: str) -> Result:
    """Return what the run `name` left in data/train and data/evaluate.

    Raises DataError when a file is missing or of another shape.
    """
    evaluated = files.folder("evaluate", name)
    with (
        read_from(evaluated / "details.json") as path,
        read_from(evaluated / "metrics.json") as metrics,
    ):
        details = files.read_json(path)
        return Result(
            training=training(name),
            history=history(name),
            metrics=files.read_json(metrics),
            fitting=details.pop("fitting"),
            details=details,
        )


def training(name: str) -> Training:
    """Return run.json of the run `name`; DataError when it is missing or of another shape."""
    with read_from(files.folder("train", name) / "run.json") as path:
        return Training.model_validate(files.read_json(path))


def history(name: str) -> list[Epoch]:
    """Return history.csv of the run `name`, epoch after epoch; DataError when it is missing."""
    with read_from(files.folder("train", name) / "history.csv") as path:
        return [_numbers(row) for row in files.read_csv(path)]


def _numbers(row: dict[str, str]) -> Epoch:
    """Return a row of history.csv as numbers; an empty cell is undefined."""
    return {key: float(value) if value else None for key, value in row.items()}
