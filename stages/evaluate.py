"""Turn the predictions of one run into numbers, beside those of the lazy baseline.

Reads the labels and facts of data/preprocess, and predictions.npz, history.csv and run.json of
data/train/<run>; writes data/evaluate/<run>: metrics.json (a few scalars per split, for comparing
runs) and details.json (per class, confusion matrix, curves, how far all of it can be trusted: what
plots and sentences are made of; `results.py` and `findings.py` in core/outputs/ say what stands in
it) and operating.json (where a yes begins, for whoever serves the network; null where the question
is no yes or no).
"""

from collections.abc import Sequence
from dataclasses import asdict

import numpy as np

from stages.core import files
from stages.core.outputs import facts as data_facts
from stages.core.outputs import predictions, results
from stages.core.outputs.findings import Calibration, Fitting, Interval, Losses
from stages.core.outputs.predictions import Predictions
from stages.core.outputs.results import (
    MICRO,
    ClassScores,
    Curves,
    Details,
    Epoch,
    Scalars,
    Training,
)
from stages.core.params import Evaluate, Params
from stages.core.statistics import areas, calibration, compare, fitting, losses, metrics, operating
from stages.core.statistics.curves import curve, micro
from stages.core.statistics.threshold import OperatingPoint


def run(params: Params, name: str) -> None:
    """Evaluate the run `name` on validation and on test.

    Raises ParamsError for an unknown run, DataError where predictions and data do not match.
    """
    params.run(name)
    facts, options = data_facts.read(), params.evaluate
    operating.check(options.operating_point, facts)
    given = {split: predictions.read(name, split, facts) for split in ("validation", "test")}
    point = operating.chosen(given["validation"], options.operating_point)
    fit = fitted(results.training(name), results.history(name))
    scalars, details = {}, {"fitting": fit.model_dump()}
    for split, found in given.items():
        lazy = judged(predictions.lazy(found), lazy_accuracy=None)
        numbers = judged(found, lazy.accuracy)
        scalars[split] = numbers.model_dump()
        details[split] = detailed(found, numbers, lazy, point, options).model_dump()
    with files.output("evaluate", name) as folder:
        files.write_json(folder / "metrics.json", scalars)
        files.write_json(folder / "details.json", details)
        files.write_json(folder / "operating.json", details["validation"]["operating_point"])


def judged(given: Predictions, lazy_accuracy: float | None) -> Scalars:
    """Return the scalars of one split; the lazy baseline's own accuracy when None is given."""
    positive = given.facts.positive_index
    numbers = metrics.scalars(given.labels, given.probabilities, positive)
    if lazy_accuracy is None:
        lazy_accuracy = numbers["accuracy"]
    return Scalars(lazy_accuracy=lazy_accuracy, **numbers)


def detailed(
    given: Predictions,
    numbers: Scalars,
    lazy: Scalars,
    point: OperatingPoint | None,
    options: Evaluate,
) -> Details:
    """Return what the plots and sentences about one split are made of.

    point: the threshold chosen on validation.
    """
    labels, probabilities = given.labels, given.probabilities
    counts = metrics.confusion(labels, probabilities)
    return Details(
        per_class=per_class(counts, given.facts.classes),
        confusion=counts.tolist(),
        curves=curves(given, options.curve_points),
        lazy=lazy,
        intervals=intervals(given, numbers, options.seed),
        losses=spread(given),
        calibration=Calibration.model_validate(calibration.calibration(labels, probabilities)),
        operating_point=operating.judged(given, options.operating_point, point),
        thresholds=operating.table(given, options.curve_points),
    )


def per_class(counts: metrics.Counts, classes: list[str]) -> dict[str, ClassScores]:
    """Return the scores of every class, by its name."""
    columns = [column.tolist() for column in metrics.per_class(counts)]
    return {
        name: ClassScores(precision=precision, recall=recall, f1=f1, support=support)
        for name, precision, recall, f1, support in zip(classes, *columns, strict=True)
    }


def curves(given: Predictions, points: int) -> dict[str, Curves]:
    """Return the curves of the positive class, or of every class and their micro average.

    The micro average takes every pair of image and class as one yes-or-no question.
    """
    facts, labels, probabilities = given.facts, given.labels, given.probabilities
    if facts.positive_index is not None:
        k = facts.positive_index
        return {facts.classes[k]: curve(labels == k, probabilities[:, k], points)}
    found = {
        name: curve(labels == k, probabilities[:, k], points)
        for k, name in enumerate(facts.classes)
    }
    return found | {MICRO: micro(labels, probabilities, points)}


def intervals(given: Predictions, numbers: Scalars, seed: int) -> dict[str, Interval]:
    """Return the 95 % interval of every metric, by its name."""
    found = compare.intervals(given.truth, given.answers, seed)
    for name, parts in areas.contributions(given.truth, given.probabilities, seed).items():
        found[name] = areas.interval(getattr(numbers, name), parts, len(given.labels))
    return {name: Interval.model_validate(interval) for name, interval in found.items()}


def spread(given: Predictions) -> Losses:
    """Return how the log loss is spread over the images."""
    found = losses.spread(given.labels, given.probabilities)
    return Losses(**asdict(found), edges=list(losses.EDGES))


def fitted(training: Training, history: Sequence[Epoch]) -> Fitting:
    """Return what the loss curves say of a training that was allowed so many epochs."""
    curves = (
        [np.nan if (loss := epoch[f"{split}/loss"]) is None else loss for epoch in history]
        for split in ("train", "validation")
    )
    allowed, stopping = (training.parameters[key] for key in ("epochs", "early_stopping"))
    return Fitting(
        **asdict(fitting.diagnosis(*curves)),
        epochs=training.epochs,
        kept=training.kept_epoch,
        allowed=allowed,
        saved=None if stopping is None else allowed - training.epochs,
    )
