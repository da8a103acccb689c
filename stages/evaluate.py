"""Turn the predictions of one run into numbers, beside those of the lazy baseline.

Reads the labels and facts of data/preprocess, and predictions.npz, history.csv and run.json of
data/train/<run>; writes data/evaluate/<run>: metrics.json (a few scalars per split, for comparing
runs) and details.json (per class, confusion matrix, curves, how far all of it can be trusted: what
plots and sentences are made of; `core/results.py` and `core/findings.py` say what stands in it).
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np

from stages.core import areas, calibration, compare, files, fitting, losses, metrics, results
from stages.core import facts as data_facts
from stages.core.answers import Answers, Truth
from stages.core.curves import curve
from stages.core.errors import DataError
from stages.core.facts import Facts
from stages.core.findings import Calibration, Fitting, Interval, Losses
from stages.core.metrics import Labels, Probabilities
from stages.core.params import Evaluate, Params
from stages.core.results import MICRO, ClassScores, Curves, Details, Epoch, Scalars, Training


def run(params: Params, name: str) -> None:
    """Evaluate the run `name` on validation and on test.

    Raises ParamsError for an unknown run, DataError where predictions and data do not match.
    """
    params.run(name)
    fit = fitted(results.training(name), results.history(name))
    facts, scalars, details = data_facts.read(), {}, {"fitting": fit.model_dump()}
    for split in ("validation", "test"):
        answered = read(name, split, facts)
        lazy = judged(lazily(answered), lazy_accuracy=None)
        numbers = judged(answered, lazy.accuracy)
        scalars[split] = numbers.model_dump()
        details[split] = detailed(answered, numbers, lazy, params.evaluate).model_dump()
    with files.output("evaluate", name) as folder:
        files.write_json(folder / "metrics.json", scalars)
        files.write_json(folder / "details.json", details)


@dataclass(frozen=True)
class Answered:
    """The images of one split, their labels (N,), and probabilities (N, K) given for them."""

    facts: Facts
    labels: Labels
    probabilities: Probabilities

    @property
    def truth(self) -> Truth:
        """Return what was asked."""
        return Truth(self.labels, len(self.facts.classes), self.facts.positive_index)


def read(name: str, split: str, facts: Facts) -> Answered:
    """Return what a run answered for one split.

    Raises DataError where there are no predictions, or not as many as labels.
    """
    path = files.folder("train", name) / "predictions.npz"
    if not path.exists():
        raise DataError(f"{path}: no such file; run `dvc repro` to make it")
    with np.load(path) as arrays:
        found: Probabilities = arrays[split]
    labels = files.labels(split)
    shape = len(labels), len(facts.classes)
    if found.shape != shape:
        raise DataError(
            f"{path}: {split}: found {found.shape} (images, classes), expected {shape} as in "
            "data/preprocess; run `dvc repro` to train on these data"
        )
    return Answered(facts, labels, found)


def lazily(answered: Answered) -> Answered:
    """Return what the lazy baseline answers: always the commonest training class.

    Its probabilities for every image are the shares of the classes in training.
    """
    shares = answered.facts.training_shares
    probabilities = np.broadcast_to(shares, (len(answered.labels), len(shares)))
    return Answered(answered.facts, answered.labels, probabilities)


def judged(answered: Answered, lazy_accuracy: float | None) -> Scalars:
    """Return the scalars of one split; the lazy baseline's own accuracy when None is given."""
    positive = answered.facts.positive_index
    numbers = metrics.scalars(answered.labels, answered.probabilities, positive)
    if lazy_accuracy is None:
        lazy_accuracy = numbers["accuracy"]
    return Scalars(lazy_accuracy=lazy_accuracy, **numbers)


def detailed(answered: Answered, numbers: Scalars, lazy: Scalars, options: Evaluate) -> Details:
    """Return what the plots and sentences about one split are made of."""
    labels, probabilities = answered.labels, answered.probabilities
    counts = metrics.confusion(labels, probabilities)
    return Details(
        per_class=per_class(counts, answered.facts.classes),
        confusion=counts.tolist(),
        curves=curves(answered, options.curve_points),
        lazy=lazy,
        intervals=intervals(answered, numbers, options.seed),
        losses=spread(answered),
        calibration=Calibration.model_validate(calibration.calibration(labels, probabilities)),
    )


def per_class(counts: metrics.Counts, classes: list[str]) -> dict[str, ClassScores]:
    """Return the scores of every class, by its name."""
    columns = [column.tolist() for column in metrics.per_class(counts)]
    return {
        name: ClassScores(precision=precision, recall=recall, f1=f1, support=support)
        for name, precision, recall, f1, support in zip(classes, *columns, strict=True)
    }


def curves(answered: Answered, points: int) -> dict[str, Curves]:
    """Return the curves of the positive class, or of every class and their micro average.

    The micro average takes every pair of image and class as one yes-or-no question.
    """
    facts, labels, probabilities = answered.facts, answered.labels, answered.probabilities
    if facts.positive_index is not None:
        k = facts.positive_index
        return {facts.classes[k]: curve(labels == k, probabilities[:, k], points)}
    truths = labels[:, None] == np.arange(len(facts.classes))
    found = {
        name: curve(truths[:, k], probabilities[:, k], points)
        for k, name in enumerate(facts.classes)
    }
    return found | {MICRO: curve(truths.ravel(), probabilities.ravel(), points)}


def intervals(answered: Answered, numbers: Scalars, seed: int) -> dict[str, Interval]:
    """Return the 95 % interval of every metric, by its name."""
    truth, probabilities = answered.truth, answered.probabilities
    found = compare.intervals(truth, Answers.of(answered.labels, probabilities), seed)
    for name, parts in areas.contributions(truth, probabilities, seed).items():
        area = getattr(numbers, name)
        found[name] = areas.interval(area, parts, len(answered.labels))
    return {name: Interval.model_validate(interval) for name, interval in found.items()}


def spread(answered: Answered) -> Losses:
    """Return how the log loss is spread over the images."""
    found = losses.spread(answered.labels, answered.probabilities)
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
