"""How far the numbers of one run can be trusted, ready to be shown as charts and tables."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import log1p

import numpy as np

from secondlook.evaluation.calibration import Calibration, CalibrationBin, LossDistribution
from secondlook.evaluation.metrics import Counts
from secondlook.evaluation.operating_point import OperatingPoint
from secondlook.evaluation.run_artifacts import RunResult, Study
from secondlook.report import text


@dataclass(frozen=True)
class HistogramBar:
    """Images in one bin of a histogram; height 0..1 grows with the logarithm of the count."""

    height: float
    count: int
    label: str


@dataclass(frozen=True)
class Certainty:
    """One run on test: where its log loss comes from, and whether it is as sure as it is right."""

    losses: LossDistribution
    calibration: Calibration
    sentences: Sequence[str]
    histogram: Sequence[HistogramBar]
    reliability: Sequence[tuple[CalibrationBin, HistogramBar]]


def build_certainty(result: RunResult) -> Certainty:
    """Return what `evaluate` found of a run's certainty on test, ready to draw."""
    details = result.details["test"]
    losses, calibration = details.losses, details.calibration
    counts = [found.count for found in calibration.bins]
    spans = [f"{found.low:.2f} to {found.high:.2f}" for found in calibration.bins]
    return Certainty(
        losses=losses,
        calibration=calibration,
        sentences=[text.describe_loss_spread(losses), text.describe_calibration(calibration)],
        histogram=build_bars(losses.histogram, format_bin_labels(losses.edges)),
        reliability=list(zip(calibration.bins, build_bars(counts, spans), strict=True)),
    )


def build_bars(counts: Sequence[int], labels: Sequence[str]) -> list[HistogramBar]:
    """Return bars whose heights tell one image from none, and thousands from millions."""
    highest = log1p(max(counts, default=0)) or 1.0
    return [
        HistogramBar(log1p(count) / highest, count, label)
        for count, label in zip(counts, labels, strict=True)
    ]


def format_bin_labels(edges: Sequence[float | None]) -> list[str]:
    """Return the names of a histogram's bins by their edges; None: no upper end."""
    return [
        f"{low:g} and more" if high is None else f"{low:g} to {high:g}"
        for low, high in pairwise(edges)
    ]


@dataclass(frozen=True)
class OperatingView:
    """One run's operating point, on validation and on test, and what one half would have given.

    Matrices (2, 2) are of test: rows truly not and truly so, columns answered no and yes.
    """

    validation: OperatingPoint
    test: OperatingPoint
    at_one_half: Counts
    at_threshold: Counts


def build_operating_view(study: Study, result: RunResult) -> OperatingView | None:
    """Return where a run answers yes; None where the question has more than two answers."""
    validation, test = (result.details[s].operating_point for s in ("validation", "test"))
    k = study.facts.question_index
    if validation is None or test is None or k is None:
        return None
    order = [1 - k, k]
    return OperatingView(
        validation=validation,
        test=test,
        at_one_half=np.array(result.details["test"].confusion)[np.ix_(order, order)],
        at_threshold=np.array(test.confusion),
    )
