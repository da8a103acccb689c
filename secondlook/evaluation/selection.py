"""How much too good the validation numbers of the best of many trials are.

The best of T trials is the best by skill and by luck, and what luck gave it is not there on other
images. How much that is depends on how close the trials are, and on how alike their errors; so it
is estimated from the very predictions, as in the bootstrap bias corrected cross-validation of
Tsamardinos, Greasidou and Borboudakis (2018, "Bootstrapping the out-of-sample predictions for
efficient and accurate cross-validation", Machine Learning 107): on a resample of the images, drawn
with replacement, the best trial is chosen anew, and measured on the images that were not drawn.

The excess is by how much the trial that is the best of all images is better on these, in the mean
over resamples. Both on the same images: so nothing enters that has not to do with choosing, and
where all trials answer alike the excess is 0. A resample holds 63 % of the images, thus its choice
is a little worse than that of all: the excess is rather too large than too small.

The interval is of what this very number will lose on other images. Two things move it: the number
itself, and the estimate, which is low where luck was large (correlation to -0.8 in simulations); so
their standard errors are added as if they went together by half.
N images, K classes, T trials, B resamples.
"""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from secondlook.artifacts.schema import Interval
from secondlook.evaluation.bootstrap import ClassMargins, compute_counting_metrics
from secondlook.evaluation.metrics import (
    NORMAL_QUANTILE,
    Labels,
    Numbers,
    Probabilities,
    compute_log_losses,
)
from secondlook.evaluation.sweep_results import SelectionExcess

RESAMPLES = 1000
CHUNK_CELLS = 8_000_000  # numbers at a time, of images or of classes: 64 MB
LOWER_IS_BETTER = "log_loss"  # of all others the higher is the better
REPORTED = (LOWER_IS_BETTER, "accuracy", "f1")


class _Answers(NamedTuple):
    """What was asked, labels (N,), and what T trials said: predicted (T, N), losses (T, N)."""

    labels: Labels
    predicted: Labels
    losses: Numbers
    classes: int
    positive: int | None


class _Resample(NamedTuple):
    """Metrics (b, T) of all trials on the images drawn, and on those left out."""

    drawn: dict[str, Numbers]
    left_out: dict[str, Numbers]


def estimate_selection_excess(
    labels: Labels,
    probabilities: Iterable[Probabilities],
    positive: int | None,
    metric: str,
    seed: int,
) -> list[SelectionExcess]:
    """Return how much too good the best of all trials is, by the metric it is chosen by and others.

    labels (N,); probabilities (N, K) of each of at least one trial, none of which diverged; metric:
    log_loss (the lowest is the best), or a counting metric (the highest), the first of several.
    A single trial was not chosen: its excess is 0, without an interval.
    """
    from threadpoolctl import threadpool_limits

    # One thread for linear algebra: the same digits however many cores.
    with threadpool_limits(1, user_api="blas"):
        return _estimate_excess(_collect_answers(labels, probabilities, positive), metric, seed)


def _estimate_excess(answers: _Answers, metric: str, seed: int) -> list[SelectionExcess]:
    """Return the excess of each metric, that chosen by first."""
    trials, images = answers.predicted.shape
    observed = _score_trials(answers, np.ones((images, 1)))
    best = int(find_best_trial(observed[metric], metric)[0])
    names = dict.fromkeys((metric, *REPORTED))
    values = {name: float(observed[name][0, best]) for name in names}
    if trials == 1:
        nothing = Interval.from_floats(0.0, np.nan, np.nan)
        return [SelectionExcess(metric=name, value=values[name], excess=nothing) for name in names]
    resamples = list(_draw_resamples(answers, seed))
    chosen = np.concatenate([find_best_trial(each.drawn[metric], metric) for each in resamples])
    found = []
    for name in names:
        left_out = np.concatenate([each.left_out[name] for each in resamples])
        moved = np.concatenate([each.drawn[name] for each in resamples]) - observed[name]
        lead = _average_defined(left_out[:, best] - _pick_trials(left_out, chosen))
        reach = NORMAL_QUANTILE * _compute_deviation(moved, chosen, best)
        excess = -lead if name == LOWER_IS_BETTER else lead
        ends = Interval.from_floats(excess, excess - reach, excess + reach)
        found.append(SelectionExcess(metric=name, value=values[name], excess=ends))
    return found


def find_best_trial(values: Numbers, metric: str) -> NDArray[np.int64]:
    """Return the best of trials by their values (..., T) of a metric, the first of several.

    One whose value is not defined is the worst.
    """
    signed = -values if metric == LOWER_IS_BETTER else values
    best: NDArray[np.int64] = np.where(np.isnan(signed), -np.inf, signed).argmax(axis=-1)
    return best


def _pick_trials(values: Numbers, chosen: Labels) -> Numbers:
    """Return from each row of values (B, T) that of the trial chosen (B,)."""
    return values[np.arange(len(chosen)), chosen]


def _average_defined(values: Numbers) -> float:
    """Return the mean of the values that are defined; NaN where none is."""
    defined = values[np.isfinite(values)]
    return float(defined.mean()) if len(defined) else np.nan


def _compute_deviation(moved: Numbers, chosen: Labels, best: int) -> float:
    """Return the standard deviation of what the excess was, less what it is said to be.

    moved (B, T): by how much each number on a resample is above its own; chosen (B,).
    """
    used = np.bincount(chosen, minlength=moved.shape[1]) > 0
    used[best] = True  # others, such as one whose number is nowhere defined, say nothing
    moved, chosen, best = moved[:, used], (used.cumsum() - 1)[chosen], int(used[:best].sum())
    defined = np.isfinite(moved).all(axis=1)
    if not defined.any():
        return np.nan
    moved, chosen = moved[defined], chosen[defined]
    shares = np.bincount(chosen, minlength=moved.shape[1]) / len(chosen)
    number = np.std(_pick_trials(moved, chosen))
    estimate = np.std(moved[:, best] - moved @ shares)
    return float(np.sqrt(number**2 + estimate**2 + number * estimate))


def _collect_answers(
    labels: Labels, probabilities: Iterable[Probabilities], positive: int | None
) -> _Answers:
    """Return what of the answers is looked at; those of one trial are held at a time."""
    predicted, losses, classes = [], [], 0
    for each in probabilities:
        predicted.append(each.argmax(axis=1))
        losses.append(compute_log_losses(labels, each))
        classes = each.shape[1]
    return _Answers(labels, np.stack(predicted), np.stack(losses), classes, positive)


def _draw_resamples(answers: _Answers, seed: int) -> Iterator[_Resample]:
    """Yield RESAMPLES resamples of the images, some at a time; one that leaves none out is NaN."""
    random, (trials, images) = np.random.default_rng(seed), answers.predicted.shape
    at_once = max(1, CHUNK_CELLS // max(images, trials * answers.classes))
    for start in range(0, RESAMPLES, at_once):
        some = min(at_once, RESAMPLES - start)
        # Image by image: a row holds how often an image is in each resample.
        cells = random.integers(images, size=(some, images)) * some + np.arange(some)[:, None]
        counts = np.bincount(cells.ravel(), minlength=images * some).reshape(images, some)
        weights = counts.astype(np.float64)
        yield _Resample(
            _score_trials(answers, weights),
            _score_trials(answers, (counts == 0).astype(np.float64)),
        )


def _score_trials(answers: _Answers, weights: Numbers) -> dict[str, Numbers]:
    """Return log loss and all counting metrics (b, T) where images count as weights (N, b) say."""
    with np.errstate(invalid="ignore"):
        losses = (answers.losses @ weights / weights.sum(axis=0)).T
    margins = _weigh_margins(answers, weights)
    return {"log_loss": losses, **compute_counting_metrics(margins, answers.positive)}


def _weigh_margins(answers: _Answers, weights: Numbers) -> ClassMargins:
    """Return the margins of all trials, hits and predicted (b, T, K), support (b, 1, K).

    Of each class only the images count that are of it, or that a trial takes for it.
    """
    shape = weights.shape[1], len(answers.predicted), answers.classes
    support, predicted, hits = np.zeros((shape[0], 1, shape[2])), np.zeros(shape), np.zeros(shape)
    for k in range(answers.classes):
        called, true = answers.predicted == k, answers.labels == k
        some = called.any(axis=0)
        support[:, 0, k] = weights[true].sum(axis=0)
        predicted[:, :, k] = (called[:, some].astype(np.float64) @ weights[some]).T
        hits[:, :, k] = (called[:, true].astype(np.float64) @ weights[true]).T
    return ClassMargins(support, predicted, hits)
