"""How near the estimated excess of the best of many trials comes to the true one.

The sweeps are invented (tests/support/sweeps.py): how often each trial is truly right is known, so
by how much the validation number of the best flatters is known as well. Each line has the mean over
so many sweeps, between the ends of its 95 % interval: the true excess, and the estimated one; and
`held` is the share of sweeps whose interval holds what was true of that very sweep.
"""

from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from multiprocessing import get_context
from pathlib import Path

import numpy as np

from benchmarks.measuring import Measurement
from secondlook.evaluation.metrics import NORMAL_QUANTILE, Numbers, compute_wilson_interval
from tests.support.sweeps import ExcessOutcome, SimulatedSweep, simulate_excess

PROCESSES = 2
SWEEPS = 300
Case = tuple[SimulatedSweep, str, str]  # what the best is chosen by, and the number asked for
CASES: list[Case] = [
    *(
        (SimulatedSweep(trials, shared), chosen, "accuracy")
        for chosen in ("accuracy", "log_loss")
        for trials in (12, 24, 40)
        for shared in (0.0, 0.5, 0.8)
    ),
    *(
        (replace(kind, shared=shared), chosen, chosen)
        for kind in (
            SimulatedSweep(24, spread=0.0),
            SimulatedSweep(24, hopeless=0.5),
            SimulatedSweep(24, spread=0.04),
        )
        for chosen in ("accuracy", "log_loss")
        for shared in (0.0, 0.8)
    ),
    (SimulatedSweep(24, 0.5, classes=4), "macro_f1", "f1"),
    (SimulatedSweep(24, 0.5, images=40), "accuracy", "accuracy"),
    (SimulatedSweep(24, 0.5, images=1000), "accuracy", "accuracy"),
]


def measure(_: Path) -> list[Measurement]:
    """Simulate all cases, several at once."""
    with ProcessPoolExecutor(PROCESSES, mp_context=get_context("spawn")) as pool:
        found = list(pool.map(_simulate_case, CASES))
    return [
        line
        for case, outcomes in zip(CASES, found, strict=True)
        for line in _list_lines(case, outcomes)
    ]


def _simulate_case(case: Case) -> list[ExcessOutcome]:
    return simulate_excess(*case, range(SWEEPS))


def _list_lines(case: Case, outcomes: list[ExcessOutcome]) -> Iterator[Measurement]:
    """Yield the true excess, the estimated one, and how often the interval holds."""
    words = _describe(case)
    unit = "nats/100" if case[2] == "log_loss" else "points"
    true, estimated = (
        np.array([getattr(each, name) for each in outcomes]) for name in ("true", "estimated")
    )
    yield Measurement(f"{words}: true", _list_ends(true), unit)
    yield Measurement(f"{words}: estimated", _list_ends(estimated), unit)
    held = sum(each.low <= each.true <= each.high for each in outcomes)
    share, low, high = (100 * end for end in compute_wilson_interval(held, len(outcomes)).floats)
    yield Measurement(f"{words}: held", [low, share, high], "%")


def _list_ends(values: Numbers) -> list[float]:
    """Return a mean in hundredths, between the ends of its interval."""
    mean, error = 100 * values.mean(), 100 * values.std(ddof=1) / len(values) ** 0.5
    return [mean - NORMAL_QUANTILE * error, mean, mean + NORMAL_QUANTILE * error]


def _describe(case: Case) -> str:
    setting, chosen, reported = case
    words = [f"{setting.trials} trials, {setting.shared:.0%} shared"]
    if setting.hopeless:
        words.append("half hopeless")
    if setting.spread != 0.01:
        words.append(f"+- {100 * setting.spread:g} points" if setting.spread else "all equal")
    if setting.images != 157:
        words.append(f"{setting.images:,} images")
    return f"{', '.join(words)}, by {chosen}" + (f", {reported}" if reported != chosen else "")
