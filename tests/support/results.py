"""Results of runs and cases for verdicts, made up without any file."""

import math
from collections.abc import Sequence
from itertools import combinations
from typing import Any

from secondlook.artifacts.dataset_card import DuplicateCounts, NearDuplicateCounts
from secondlook.artifacts.manifest import SPLITS
from secondlook.artifacts.schema import Interval
from secondlook.evaluation import comparison, seeds
from secondlook.evaluation.calibration import Calibration, CalibrationBin, LossDistribution
from secondlook.evaluation.comparison import MethodPair
from secondlook.evaluation.comparison_artifacts import Comparison, Method
from secondlook.evaluation.confusion import ConfusedPair, MisclassifiedImage, Mistakes
from secondlook.evaluation.curves import ClassCurves, PrecisionRecallCurve, RocCurve
from secondlook.evaluation.intervals import Difference
from secondlook.evaluation.overfitting import FitDiagnosis
from secondlook.evaluation.run_artifacts import ClassScores, Details, RunResult, Scalars, TrainedRun
from secondlook.evaluation.seeds import Estimate
from secondlook.verdicts.case import Case
from tests.support.datasets import (
    make_dataset_card,
    make_duplicate_counts,
    make_near_duplicate_counts,
)

METRICS = [name for name in Scalars.model_fields if name != "lazy_accuracy"]


def make_result(  # noqa: PLR0913 - each says one thing of a run
    name: str,
    *,
    seed: int = 1,
    epochs: int = 10,
    class_weight: object = None,
    early_stopping: object = None,
    begun: dict[str, Any] | None = None,
    **scalars: float | None,
) -> RunResult:
    """Return a run that is half right in every respect, but for what is said.

    begun: parameters of a pretrained network; scalars: of both splits; its recall is that of "b",
    of which there are fifty images.
    """
    numbers = Scalars(**(dict.fromkeys(Scalars.model_fields, 0.5) | scalars))
    parameters = {
        "seed": seed,
        "epochs": epochs,
        "class_weight": class_weight,
        "early_stopping": early_stopping,
    } | (begun or {})
    return RunResult(
        training=make_training(name, parameters),
        history=[],
        metrics={"validation": numbers, "test": numbers},
        details={"validation": make_details(numbers), "test": make_details(numbers)},
        fitting=make_overfitting(),
    )


def replace_test_details(found: RunResult, **changes: object) -> RunResult:
    """Return the run with other details on test."""
    test = found.details["test"].model_copy(update=changes)
    return found.model_copy(update={"details": found.details | {"test": test}})


def make_training(name: str, parameters: dict[str, Any]) -> TrainedRun:
    """Return what is read of run.json of a run that kept its last epoch."""
    return TrainedRun.model_validate(make_run_json(name, parameters))


def make_run_json(name: str, parameters: dict[str, Any], **changes: object) -> dict[str, Any]:
    """Return run.json of a run that kept its last epoch, but for the changes."""
    plain = {
        "run": name,
        "key": "0" * 64,
        "parameters": parameters,
        "class_weights": None,
        "epochs": parameters["epochs"],
        "kept_epoch": parameters["epochs"],
        "stopped_early": False,
        "data": "0" * 64,
        "parameter_count": 1000,
        "weights_digest": "0" * 64,
    }
    return plain | changes


def make_overfitting(**changes: object) -> FitDiagnosis:
    """Return a training of ten epochs that has settled, but for the changes."""
    plain: dict[str, Any] = {"kind": "settled", "turned": 9, "rise": 0.0, "fall": 0.0, "p": None}
    plain |= {"first": 1, "last": changes.get("epochs", 10)}
    plain |= {"noise": 0.02, "gap": 0.1, "epochs": 10, "kept": 10, "allowed": 10, "saved": None}
    return FitDiagnosis(**(plain | changes))


def make_details(numbers: Scalars) -> Details:
    """Return what else `evaluate` would say of 100 images of two classes."""
    half = ClassScores(precision=0.5, recall=0.5, f1=0.5, support=50)
    curves = ClassCurves(
        precision_recall=PrecisionRecallCurve(
            precision=[0.5], recall=[1], threshold=[0.5], area=0.5
        ),
        roc=RocCurve(false_positive_rate=[0, 1], true_positive_rate=[0, 1], area=0.5),
    )
    return Details(
        per_class={"a": half, "b": half.model_copy(update={"recall": numbers.recall})},
        confusion=[[25, 25], [25, 25]],
        curves={"b": curves},
        lazy=numbers.model_copy(update={"accuracy": numbers.lazy_accuracy}),
        intervals={name: make_interval(getattr(numbers, name)) for name in METRICS},
        losses=make_losses(),
        calibration=make_calibration(),
        operating_point=None,
        thresholds=None,
    )


def make_interval(value: float | None, reach: float = 0.02) -> Interval:
    """Return an interval of so much on both sides."""
    if value is None:
        return Interval(value=None, low=None, high=None)
    return Interval(value=value, low=value - reach, high=value + reach)


def make_losses(**changes: object) -> LossDistribution:
    """Return losses of which no image carries much, but for the changes."""
    plain: dict[str, Any] = {"mean": 0.5, "worst_share": 0.05, "half": 40, "histogram": [50, 50]}
    plain |= {"confidence_right": 0.8, "confidence_wrong": 0.7, "edges": [0, 0.5, None]}
    return LossDistribution(**(plain | changes))


def make_calibration(
    confidence: float = 0.9, accuracy: float = 0.9, count: int = 100
) -> Calibration:
    """Return the calibration of a run that says so all the time, and is right so often."""
    found = CalibrationBin(
        low=confidence - 0.05,
        high=confidence + 0.05,
        count=count,
        confidence=confidence,
        accuracy=make_interval(accuracy),
        misjudged=abs(confidence - accuracy) > 0.02,
    )
    error = abs(confidence - accuracy)
    return Calibration(bins=[found], error=error, chance=0.02, brier=0.2, typical=found)


NO_COPIES, NONE_ALIKE = (
    make_duplicate_counts(0, 0, 0),
    make_near_duplicate_counts(0, 0, 0, 0),
)
INTERVAL_REACH = 0.02  # of every interval: smaller differences are not distinguishable


def make_case(  # noqa: PLR0913 - each says one thing of the invented data
    *results: RunResult,
    classes: str = "ab",
    positive: str | None = "b",
    copies: DuplicateCounts = NO_COPIES,
    alike: NearDuplicateCounts = NONE_ALIKE,
    wrong: Sequence[MisclassifiedImage] = (),
    confused: Sequence[ConfusedPair] = (),
) -> Case:
    """Return a case of runs on 100 images per class in each split."""
    counts = {split: dict.fromkeys(classes, 100) for split in SPLITS}
    facts = make_dataset_card(list(classes), counts, positive)
    facts = facts.model_copy(update={"copies": copies, "alike": alike})
    names = [found.name for found in results]
    seen = Mistakes(
        hardest={name: [] for name in names},
        wrong_everywhere=list(wrong),
        wrong_everywhere_count=len(wrong),
        right_once={name: [] for name in names},
        right_once_count=dict.fromkeys(names, 0),
        confused={name: list(confused) for name in names},
    )
    return Case(facts, list(results), make_comparison(list(results), seen))


def make_comparison(results: list[RunResult], seen: Mistakes) -> Comparison:
    """Return what `compare` would say of runs whose intervals all reach as far."""
    groups = seeds.group_by_method(results)
    return Comparison(
        reference=groups[0][0].name,
        ranking=seeds.rank_methods(groups),
        methods=[_make_method(group) for group in groups],
        pairs=[_make_pair(*pair) for pair in combinations(groups, 2)],
        weighting=seeds.find_pairs_differing_in(groups, "class_weight"),
        stopping=seeds.find_pairs_differing_in(groups, "early_stopping"),
        fine_tuning=seeds.find_pairs_differing_in(groups, "fine_tune"),
        mistakes=seen,
    )


def _make_method(group: list[RunResult]) -> Method:
    gains = {
        "accuracy": make_difference(
            _compute_mean(group, "accuracy") - _compute_mean(group, "lazy_accuracy")
        ),
        "log_loss": make_difference(-1.0),
    }
    estimates = {name: _make_estimate(group, name) for name in METRICS}
    return Method(
        name=group[0].name,
        runs=[found.name for found in group],
        estimates={"validation": estimates, "test": estimates},
        gain=gains,
    )


def _make_estimate(group: list[RunResult], metric: str) -> Estimate:
    ends = make_interval(_compute_mean(group, metric), INTERVAL_REACH)
    return Estimate(**ends.model_dump(), deviation=0.01 if len(group) > 1 else None)


def _make_pair(first: list[RunResult], second: list[RunResult]) -> MethodPair:
    found = {
        name: make_difference(_compute_mean(second, name) - _compute_mean(first, name))
        for name in METRICS
    }
    return MethodPair(
        first=first[0].name,
        second=second[0].name,
        differences=found,
        mcnemar=None,
        disagree=comparison.detect_disagreement(found),
    )


def make_difference(value: float) -> Difference:
    """Return a difference that is distinguishable from INTERVAL_REACH on."""
    apart = abs(value) > INTERVAL_REACH
    ends = make_interval(value, INTERVAL_REACH).model_dump()
    return Difference(**ends, distinguishable=apart, includes_seeds=False)


def _compute_mean(group: list[RunResult], metric: str) -> float:
    """Return the mean over seeds; NaN where one of them has none."""
    values = [getattr(found.metrics["test"], metric) for found in group]
    return math.nan if None in values else float(sum(values) / len(values))
