"""What `train` and `evaluate` leave of one run, and of all runs of params.yaml together: a study.

Its shape, reading it back, and which run is best.
"""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from secondlook.artifacts import dataset_card, files
from secondlook.artifacts.dataset_card import DatasetCard
from secondlook.artifacts.schema import Interval, NullableFloat, Record, check_artifact
from secondlook.config.errors import DataError
from secondlook.config.params import Params
from secondlook.evaluation.calibration import Calibration, LossDistribution
from secondlook.evaluation.curves import MICRO_AVERAGE, ClassCurves
from secondlook.evaluation.operating_point import OperatingPoint, Thresholds
from secondlook.evaluation.overfitting import FitDiagnosis, diagnose_together


class Scalars(Record):
    """One split in ten numbers: log loss in nats per image, the others in 0..1.

    Precision, recall, F1 and the areas are the positive class's where there is one, else the
    unweighted mean over classes; None where undefined.
    """

    accuracy: NullableFloat
    lazy_accuracy: NullableFloat
    balanced_accuracy: NullableFloat
    log_loss: NullableFloat
    precision: NullableFloat
    recall: NullableFloat
    f1: NullableFloat
    macro_f1: NullableFloat
    average_precision: NullableFloat
    roc_auc: NullableFloat


class ClassScores(Record):
    """One class of one split; `support` is how many images truly are of it."""

    precision: NullableFloat
    recall: NullableFloat
    f1: NullableFloat
    support: int


class Details(Record):
    """What the plots of one split are made of; `confusion` has the true classes as rows.

    intervals: of every scalar but lazy_accuracy, by name; operating_point and thresholds: null
    where the question has more than two answers.
    """

    per_class: dict[str, ClassScores]
    confusion: list[list[int]]
    curves: dict[str, ClassCurves]
    lazy: Scalars
    intervals: dict[str, Interval]
    losses: LossDistribution
    calibration: Calibration
    operating_point: OperatingPoint | None
    thresholds: Thresholds | None


class TrainedRun(Record):
    """run.json: the effective parameters of a run, and what came of them."""

    run: str
    parameters: dict[str, Any]
    epochs: int
    kept_epoch: int
    stopped_early: bool
    parameter_count: int
    fine_tuned_after: int | None = None  # the last epoch of the head alone, of two phases

    @property
    def allowed_epochs(self) -> int:
        """Return how many epochs it was allowed, in all its phases."""
        tuned = self.parameters.get("fine_tune") or {"epochs": 0}
        return int(self.parameters["epochs"] + tuned["epochs"])


EpochMetrics = dict[str, NullableFloat]  # a row of history.csv


class RunResult(Record):
    """All that is known of one run.

    `history` has one row per epoch, metrics and details one entry per split.
    """

    training: TrainedRun
    history: list[EpochMetrics]
    metrics: dict[str, Scalars]
    details: dict[str, Details]
    fitting: FitDiagnosis

    @property
    def name(self) -> str:
        """Return the run's name in params.yaml."""
        return self.training.run


def load_run_result(name: str) -> RunResult:
    """Return what the run `name` left in data/train and data/evaluate.

    Raises DataError when a file is missing or of another shape.
    """
    evaluated = files.stage_folder("evaluate", name)
    with (
        check_artifact(evaluated / "details.json") as path,
        check_artifact(evaluated / "metrics.json") as metrics,
    ):
        details = files.read_json(path)
        return RunResult(
            training=load_trained_run(name),
            history=load_training_history(name),
            metrics=files.read_json(metrics),
            fitting=details.pop("fitting"),
            details=details,
        )


def load_trained_run(name: str) -> TrainedRun:
    """Return run.json of the run `name`; DataError when it is missing or of another shape."""
    with check_artifact(files.stage_folder("train", name) / "run.json") as path:
        return TrainedRun.model_validate(files.read_json(path))


def load_training_history(name: str) -> list[EpochMetrics]:
    """Return history.csv of the run `name`, epoch after epoch; DataError when it is missing."""
    with check_artifact(files.stage_folder("train", name) / "history.csv") as path:
        return [_parse_epoch(row) for row in files.read_csv(path)]


def _parse_epoch(row: dict[str, str]) -> EpochMetrics:
    """Return a row of history.csv as numbers; an empty cell is undefined."""
    return {key: float(value) if value else None for key, value in row.items()}


@dataclass(frozen=True)
class Study:
    """The data and the results of all runs, the reference first."""

    facts: DatasetCard
    results: list[RunResult]

    @property
    def headline(self) -> str:
        """Return the name of the curve that stands for a run: the positive class's or all's."""
        return self.facts.positive or MICRO_AVERAGE


def load_study(params: Params) -> Study:
    """Return what stands in data/ of every run in params.yaml.

    Of the runs it is said together whether they were trained too long, as they are many. Raises
    DataError when a file is missing.
    """
    card, reference = dataset_card.load_dataset_card(), params.report.reference
    names = [reference, *(name for name in params.runs if name != reference)]
    results = [load_run_result(name) for name in names]
    fits = diagnose_together([result.fitting for result in results])
    return Study(
        card,
        [
            result.model_copy(update={"fitting": fit})
            for result, fit in zip(results, fits, strict=True)
        ],
    )


def find_best_run(params: Params) -> str:
    """Return the trained run with the lowest log loss on validation, the first of equals.

    Raises DataError when no run of params.yaml has been trained and evaluated, or all ran away.
    """
    losses = {name: _load_validation_loss(name) for name in params.runs if _is_evaluated(name)}
    where, best = files.stage_folder("evaluate"), min(losses, key=losses.__getitem__, default=None)
    if best is None:
        raise DataError(f"{where}: no run has been trained and evaluated; run `dvc repro`")
    if math.isinf(losses[best]):
        raise DataError(
            f"{where}: no run has a log loss that is a number; lower train.learning_rate in "
            "params.yaml, then run `dvc repro`"
        )
    return best


def locate_trained_run(params: Params, name: str) -> Path:
    """Return the folder of a run that is in params.yaml and has been trained.

    Raises ParamsError when there is no such run, DataError when it was never trained.
    """
    params.run(name)
    with check_artifact(files.stage_folder("train", name) / "model.weights.h5") as path:
        return path.parent


def _is_evaluated(name: str) -> bool:
    return (files.stage_folder("train", name) / "model.weights.h5").exists() and _locate_metrics(
        name
    ).exists()


def _load_validation_loss(name: str) -> float:
    with check_artifact(_locate_metrics(name)) as path:
        found = Scalars.model_validate(files.read_json(path)["validation"]).log_loss
        return math.inf if found is None else found


def _locate_metrics(name: str) -> Path:
    return files.stage_folder("evaluate", name) / "metrics.json"
