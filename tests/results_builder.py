"""Results of runs, made up without any file: what rules and comparisons are tested on."""

from typing import Any

from stages.core.outputs.findings import Bin, Calibration, Fitting, Interval, Losses
from stages.core.outputs.results import (
    ClassScores,
    Curves,
    Details,
    PrecisionRecall,
    Result,
    Roc,
    Training,
)
from stages.core.outputs.results import Scalars as Numbers

METRICS = [name for name in Numbers.model_fields if name != "lazy_accuracy"]


def result(
    name: str,
    *,
    seed: int = 1,
    epochs: int = 10,
    class_weight: object = None,
    early_stopping: object = None,
    **scalars: float | None,
) -> Result:
    """Return a run that is half right in every respect, but for what is said.

    scalars: of both splits; its recall is that of "b", of which there are fifty images.
    """
    numbers = Numbers(**(dict.fromkeys(Numbers.model_fields, 0.5) | scalars))
    parameters = {
        "seed": seed,
        "epochs": epochs,
        "class_weight": class_weight,
        "early_stopping": early_stopping,
    }
    return Result(
        training=training(name, parameters),
        history=[],
        metrics={"validation": numbers, "test": numbers},
        details={"validation": details(numbers), "test": details(numbers)},
        fitting=fitting(),
    )


def on_test(found: Result, **changes: object) -> Result:
    """Return the run with other details on test."""
    test = found.details["test"].model_copy(update=changes)
    return found.model_copy(update={"details": found.details | {"test": test}})


def training(name: str, parameters: dict[str, Any]) -> Training:
    """Return run.json of a run that kept its last epoch."""
    epochs = parameters["epochs"]
    return Training(
        run=name,
        parameters=parameters,
        epochs=epochs,
        kept_epoch=epochs,
        stopped_early=False,
        parameter_count=1000,
    )


def fitting(**changes: object) -> Fitting:
    """Return a training of ten epochs that has settled, but for the changes."""
    plain: dict[str, Any] = {"kind": "settled", "turned": 9, "rise": 0.0, "fall": 0.0}
    plain |= {"noise": 0.02, "gap": 0.1, "epochs": 10, "kept": 10, "allowed": 10, "saved": None}
    return Fitting(**(plain | changes))


def details(numbers: Numbers) -> Details:
    """Return what else `evaluate` would say of 100 images of two classes."""
    half = ClassScores(precision=0.5, recall=0.5, f1=0.5, support=50)
    curves = Curves(
        precision_recall=PrecisionRecall(precision=[0.5], recall=[1], threshold=[0.5], area=0.5),
        roc=Roc(false_positive_rate=[0, 1], true_positive_rate=[0, 1], area=0.5),
    )
    return Details(
        per_class={"a": half, "b": half.model_copy(update={"recall": numbers.recall})},
        confusion=[[25, 25], [25, 25]],
        curves={"b": curves},
        lazy=numbers.model_copy(update={"accuracy": numbers.lazy_accuracy}),
        intervals={name: near(getattr(numbers, name)) for name in METRICS},
        losses=losses(),
        calibration=calibration(),
        operating_point=None,
        thresholds=None,
    )


def near(value: float | None, reach: float = 0.02) -> Interval:
    """Return an interval of so much on both sides."""
    if value is None:
        return Interval(value=None, low=None, high=None)
    return Interval(value=value, low=value - reach, high=value + reach)


def losses(**changes: object) -> Losses:
    """Return losses of which no image carries much, but for the changes."""
    plain: dict[str, Any] = {"mean": 0.5, "worst_share": 0.05, "half": 40, "histogram": [50, 50]}
    plain |= {"confidence_right": 0.8, "confidence_wrong": 0.7, "edges": [0, 0.5, None]}
    return Losses(**(plain | changes))


def calibration(confidence: float = 0.9, accuracy: float = 0.9, count: int = 100) -> Calibration:
    """Return the calibration of a run that says so all the time, and is right so often."""
    found = Bin(
        low=confidence - 0.05,
        high=confidence + 0.05,
        count=count,
        confidence=confidence,
        accuracy=near(accuracy),
        misjudged=abs(confidence - accuracy) > 0.02,
    )
    error = abs(confidence - accuracy)
    return Calibration(bins=[found], error=error, chance=0.02, brier=0.2, typical=found)
