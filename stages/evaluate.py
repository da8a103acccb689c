"""Turn the predictions of one run into numbers, beside those of the lazy baseline.

Reads the labels and facts of data/preprocess, and predictions.npz, history.csv and run.json of
data/train/<run>; writes data/evaluate/<run>: metrics.json (a few scalars per split, for comparing
runs) and details.json (per class, confusion matrix, curves, how far all of it can be trusted: what
plots and sentences are made of; evaluation/run_artifacts.py says what stands in
it) and operating.json (where a yes begins, for whoever serves the network; null where the question
is no yes or no).
"""

from collections.abc import Sequence

import numpy as np

from secondlook.artifacts import dataset_card, files
from secondlook.artifacts.manifest import EVALUATED_SPLITS, SEEN_SPLITS
from secondlook.artifacts.schema import Interval
from secondlook.config.params import EvaluateParams, Params
from secondlook.evaluation import (
    auc_intervals,
    calibration,
    intervals,
    metrics,
    operating_point,
    overfitting,
    predictions,
    run_artifacts,
)
from secondlook.evaluation.curves import (
    MICRO_AVERAGE,
    ClassCurves,
    compute_curves,
    compute_micro_curves,
)
from secondlook.evaluation.operating_point import ChosenThreshold
from secondlook.evaluation.overfitting import FitDiagnosis
from secondlook.evaluation.predictions import SplitPredictions
from secondlook.evaluation.run_artifacts import (
    ClassScores,
    Details,
    EpochMetrics,
    Scalars,
    TrainedRun,
)


def run(params: Params, name: str) -> None:
    """Evaluate the run `name` on validation and on test.

    Raises ParamsError for an unknown run, DataError where predictions and data do not match.
    """
    params.run(name)
    facts, options = dataset_card.load_dataset_card(), params.evaluate
    operating_point.check_operating_rule(options.operating_point, facts)
    given = {split: predictions.load_predictions(name, split, facts) for split in EVALUATED_SPLITS}
    point = operating_point.choose_operating_threshold(given["validation"], options.operating_point)
    fit = diagnose_run(
        run_artifacts.load_trained_run(name), run_artifacts.load_training_history(name)
    )
    scalars, details = {}, {"fitting": fit.model_dump()}
    for split, found in given.items():
        lazy = _compute_scalars(predictions.compute_lazy_predictions(found), lazy_accuracy=None)
        numbers = _compute_scalars(found, lazy.accuracy)
        scalars[split] = numbers.model_dump()
        details[split] = _compute_details(found, numbers, lazy, point, options).model_dump()
    with files.create_output("evaluate", name) as folder:
        files.write_json(folder / "metrics.json", scalars)
        files.write_json(folder / "details.json", details)
        files.write_json(folder / "operating.json", details["validation"]["operating_point"])


def _compute_scalars(given: SplitPredictions, lazy_accuracy: float | None) -> Scalars:
    """Return the scalars of one split; the lazy baseline's own accuracy when None is given."""
    positive = given.facts.positive_index
    numbers = metrics.compute_scalars(given.labels, given.probabilities, positive)
    if lazy_accuracy is None:
        lazy_accuracy = numbers["accuracy"]
    return Scalars(lazy_accuracy=lazy_accuracy, **numbers)


def _compute_details(
    given: SplitPredictions,
    numbers: Scalars,
    lazy: Scalars,
    point: ChosenThreshold | None,
    options: EvaluateParams,
) -> Details:
    """Return what the plots and sentences about one split are made of.

    point: the threshold chosen on validation.
    """
    labels, probabilities = given.labels, given.probabilities
    counts = metrics.compute_confusion_matrix(labels, probabilities)
    return Details(
        per_class=_list_class_scores(counts, given.facts.classes),
        confusion=counts.tolist(),
        curves=_compute_curves(given, options.curve_points),
        lazy=lazy,
        intervals=_compute_intervals(given, numbers, options.seed),
        losses=calibration.compute_loss_distribution(labels, probabilities),
        calibration=calibration.compute_calibration(labels, probabilities),
        operating_point=operating_point.compute_operating_point(
            given, options.operating_point, point
        ),
        thresholds=operating_point.compute_thresholds(given, options.curve_points),
    )


def _list_class_scores(counts: metrics.Counts, classes: list[str]) -> dict[str, ClassScores]:
    """Return the scores of every class, by its name."""
    columns = [column.tolist() for column in metrics.compute_class_scores(counts)]
    return {
        name: ClassScores(precision=precision, recall=recall, f1=f1, support=support)
        for name, precision, recall, f1, support in zip(classes, *columns, strict=True)
    }


def _compute_curves(given: SplitPredictions, points: int) -> dict[str, ClassCurves]:
    """Return the curves of the positive class, or of every class and their micro average.

    The micro average takes every pair of image and class as one yes-or-no question.
    """
    facts, labels, probabilities = given.facts, given.labels, given.probabilities
    if facts.positive_index is not None:
        k = facts.positive_index
        return {facts.classes[k]: compute_curves(labels == k, probabilities[:, k], points)}
    found = {
        name: compute_curves(labels == k, probabilities[:, k], points)
        for k, name in enumerate(facts.classes)
    }
    return found | {MICRO_AVERAGE: compute_micro_curves(labels, probabilities, points)}


def _compute_intervals(given: SplitPredictions, numbers: Scalars, seed: int) -> dict[str, Interval]:
    """Return the 95 % interval of every metric, by its name."""
    found = intervals.compute_intervals(given.truth, given.image_predictions, seed)
    for name, parts in auc_intervals.compute_area_contributions(
        given.truth, given.probabilities, seed
    ).items():
        found[name] = auc_intervals.compute_area_interval(
            getattr(numbers, name), parts, len(given.labels)
        )
    return found


def diagnose_run(training: TrainedRun, history: Sequence[EpochMetrics]) -> FitDiagnosis:
    """Return what the loss curves say of a training that was allowed so many epochs."""
    curves = (
        [np.nan if (loss := epoch[f"{split}/loss"]) is None else loss for epoch in history]
        for split in SEEN_SPLITS
    )
    return overfitting.diagnose_fit(
        *curves,
        kept=training.kept_epoch,
        allowed=training.allowed_epochs,
        stopping=training.parameters["early_stopping"] is not None,
        switched=training.fine_tuned_after,
    )
