"""Learned too long, not long enough, or just right? Read from the loss curves of one run.

Validation loss is compared on a logarithmic scale, where noise is about as large at the end as on
the way down, after smoothing with a running median. Its noise is estimated from how far each epoch
lies from the middle of its two neighbours (Gasser, Sroka and Jennen-Steinmetz, 1986; the median
of it, so that a few wild epochs do not count), and only since the lowest point or in the later
half, because curves calm down. A rise since the lowest point, or a fall over the last quarter,
counts when it is larger than RISE_ERRORS or FALL_ERRORS standard errors, and than MIN_CHANGE.

A curve that only jitters around a level is then called overfitting in at most one case of 100, and
underfitting in one; where the noise of one epoch lingers in the next (correlation 0.3), in one of
twenty each. The runs of a study share that one case: each has its part of it (Bonferroni).
"""

from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from secondlook.artifacts.schema import NullableFloat, Record
from secondlook.evaluation.metrics import SMALLEST_PROBABILITY, Labels, Numbers

FitKind = Literal["overfitting", "underfitting", "settled", "too short", "diverged"]


class FitDiagnosis(Record):
    """Whether training went on for too long, or not long enough.

    kind: overfitting | underfitting (the validation loss still fell at the end) | settled |
    too short (to say) | diverged; turned: the epoch (from 1) of the lowest validation loss; rise:
    how much higher it ended, as a share of the lowest (0.44: 44 %); fall: how much lower it ended
    than a quarter of the epochs before; noise: of one epoch, as a share of the loss; gap:
    validation less training loss at the end, in nats. All of smoothed curves, null where there are
    too few epochs. p: in how many of curves that only jitter (0..1, at most) the loss rises, where
    it is overfitting, or falls, where it is underfitting, as far beyond its noise; else null.

    first, last: the epochs that all this is of, where there are two phases those of the one whose
    weights were kept; epochs: trained; kept: the epoch whose weights were kept; allowed: epochs at
    most; saved: those that early stopping left out, null without early stopping.
    """

    kind: FitKind
    turned: int | None
    rise: NullableFloat
    fall: NullableFloat
    noise: NullableFloat
    gap: NullableFloat
    p: NullableFloat
    first: int
    last: int
    epochs: int
    kept: int
    allowed: int
    saved: int | None


MIN_EPOCHS = 5  # epochs; fewer say nothing
MEDIAN_WINDOW = 5  # epochs of the running median, or a tenth of the curve where that is more
# Standard errors beyond which a change counts; the lowest of many points is low by chance, too.
RISE_ERRORS, FALL_ERRORS = 4, 3
MIN_CHANGE = 0.05  # share of the loss that is worth a sentence
ERROR_SHARE = 0.01  # of studies of curves that only jitter: so many may call any of them either
# How many standard errors the rise, and the fall, of curves that only jitter reach in 1 %, 0.1 %
# and 0.01 % of cases, from so many epochs on. Simulated with normal noise, a million curves each:
# of few epochs the noise itself is known so badly that the tails are heavy.
TAIL_SHARES = (1e-2, 1e-3, 1e-4)
Tails = Mapping[int, tuple[float, float, float]]
RISE_TAILS: Tails = {
    5: (4.2, 13.6, 42.4),
    7: (4.3, 10.1, 25.0),
    10: (4.1, 7.9, 15.0),
    15: (4.0, 7.2, 12.5),
    20: (3.9, 6.4, 10.0),
    30: (3.7, 5.5, 8.0),
    40: (3.6, 5.1, 6.9),
    60: (3.4, 4.6, 6.0),
    100: (3.4, 4.3, 5.2),
}
FALL_TAILS: Tails = {
    5: (2.4, 7.2, 23.5),
    7: (2.7, 8.4, 25.0),
    10: (2.7, 6.4, 13.9),
    15: (2.9, 5.8, 11.2),
    20: (2.9, 5.4, 9.1),
    30: (2.7, 4.3, 6.3),
    40: (2.5, 4.0, 5.8),
    60: (2.4, 3.5, 4.8),
    100: (2.4, 3.3, 4.2),
}
# What is said of a curve too short for more.
UNDEFINED: dict[str, object] = dict.fromkeys(("turned", "rise", "fall", "noise", "gap", "p"))


def diagnose_fit(  # noqa: PLR0913 - each is one thing known of a training
    training: Sequence[float],
    validation: Sequence[float],
    *,
    kept: int,
    allowed: int,
    stopping: bool,
    switched: int | None = None,
) -> FitDiagnosis:
    """Return what training and validation loss per epoch say, both unweighted, in nats.

    overfitting: validation loss has risen since its lowest point; underfitting: it was still
    falling at the end; settled: neither, beyond noise; diverged: the last epoch has no finite
    loss. Other epochs without finite losses are passed over. kept, allowed: see FitDiagnosis;
    stopping: whether early stopping could leave out epochs; switched: the last epoch of the first
    of two phases. Between these the loss jumps, which says nothing of either.
    """
    first, last = 1, len(training)
    if switched is not None:
        first, last = (1, switched) if kept <= switched else (switched + 1, last)
    curves = np.array([training, validation], dtype=np.float64)
    finite = np.logical_and(*np.isfinite(curves))
    judged = np.flatnonzero(finite)
    judged = judged[(judged >= first - 1) & (judged < last)]
    epochs, (train, valid) = judged + 1, curves[:, judged]
    found = UNDEFINED | _diagnose_finite_epochs(epochs, train, valid)
    if finite.size and not finite[-1]:
        found |= {"kind": "diverged", "p": None}
    saved = allowed - len(training) if stopping else None
    found |= {"first": first, "last": last}
    spent = {"epochs": len(training), "kept": kept, "allowed": allowed, "saved": saved}
    return FitDiagnosis.model_validate(found | spent)


def _diagnose_finite_epochs(
    epochs: Labels, training: Numbers, validation: Numbers
) -> dict[str, object]:
    """Return what can be said of losses (E,) at these epochs, by the names of FitDiagnosis."""
    if not len(epochs):
        return {"kind": "too short"}
    if len(epochs) < MIN_EPOCHS:
        return {"kind": "too short", "turned": int(epochs[validation.argmin()])}
    logs = np.log(np.maximum(validation, SMALLEST_PROBABILITY))
    gap = _smooth(validation)[0][-1] - _smooth(training)[0][-1]
    turned = int(epochs[_find_lowest_epoch(logs)])
    return _test_changes(logs) | {"turned": turned, "gap": float(gap)}


def _test_changes(logs: Numbers) -> dict[str, object]:
    """Judge rise and fall of the logarithms of losses (E,) by their noise."""
    smooth, sizes = _smooth(logs)
    low, before = int(smooth.argmin()), len(logs) - 1 - max(2, len(logs) // 4)
    noise = _estimate_noise(logs[max(0, min(low, len(logs) // 2) - 1) :])
    # The median of n epochs has sqrt(pi / 2n) times the noise of one.
    errors = noise * np.sqrt(np.pi / 2 * (1 / sizes + 1 / sizes[-1]))
    change = smooth[-1] - smooth
    rise, fall = change[low], -change[before]
    rise_p = _compute_p_value(RISE_TAILS, len(logs), rise, errors[low])
    fall_p = _compute_p_value(FALL_TAILS, len(logs), fall, errors[before])
    kind: FitKind = "settled"
    if rise > max(RISE_ERRORS * errors[low], np.log1p(MIN_CHANGE)) and rise_p <= ERROR_SHARE:
        kind = "overfitting"
    elif fall > max(FALL_ERRORS * errors[before], np.log1p(MIN_CHANGE)) and fall_p <= ERROR_SHARE:
        kind = "underfitting"
    return {
        "kind": kind,
        "p": {"overfitting": rise_p, "underfitting": fall_p}.get(kind),
        "rise": float(np.expm1(rise)),
        "fall": float(np.expm1(fall)),
        "noise": float(np.expm1(noise)),
    }


def _compute_p_value(tails: Tails, epochs: int, change: float, error: float) -> float:
    """Return in how many curves (0..1) of so many epochs that only jitter the change is as large.

    Between and beyond the shares that were simulated it falls as a power of the standard errors;
    beyond them that is too slow, if anything.
    """
    if change <= 0:
        return 1.0
    if error <= 0:
        return 0.0
    _, row = max(item for item in tails.items() if item[0] <= epochs)
    reach = np.log(change / error)
    places, shares = np.log(row), np.log(TAIL_SHARES)
    k = 0 if reach < places[1] else 1
    slope = (shares[k + 1] - shares[k]) / (places[k + 1] - places[k])
    return float(min(1.0, np.exp(shares[k] + slope * (reach - places[k]))))


def diagnose_together(diagnoses: Sequence[FitDiagnosis]) -> list[FitDiagnosis]:
    """Return the diagnoses of a study's runs, so that they hold together.

    What one of so many curves that only jitter may show by luck counts as settled.
    """
    judged = sum(each.kind in ("overfitting", "underfitting", "settled") for each in diagnoses)
    return [
        each
        if each.p is None or each.p * judged <= ERROR_SHARE
        else each.model_copy(update={"kind": "settled", "p": None})
        for each in diagnoses
    ]


def _find_lowest_epoch(values: Numbers) -> int:
    """Return where values (E,) are lowest, near where they are so when smoothed."""
    smooth, sizes = _smooth(values)
    reach = int(sizes.max()) // 2
    start = max(0, int(smooth.argmin()) - reach)
    return start + int(values[start : start + 2 * reach + 1].argmin())


def _smooth(values: Numbers) -> tuple[Numbers, Labels]:
    """Return running medians of values (E,), and of how many values each is (fewer at the ends)."""
    window = max(MEDIAN_WINDOW, len(values) // 10 | 1)
    padded = np.pad(values, window // 2, constant_values=np.nan)
    ordered = np.sort(sliding_window_view(padded, window), axis=1)  # NaN comes last
    rows, sizes = np.arange(len(values)), (~np.isnan(ordered)).sum(axis=1)
    return (ordered[rows, (sizes - 1) // 2] + ordered[rows, sizes // 2]) / 2, sizes


def _estimate_noise(values: Numbers) -> float:
    """Return the standard deviation of values (E,) around a smooth curve."""
    off = values[1:-1] - (values[:-2] + values[2:]) / 2
    return float(np.median(np.abs(off)) * 1.4826 / np.sqrt(1.5))
