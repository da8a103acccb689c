"""False claims in studies of equally good runs, and the power where one run is better.

The studies are invented (tests/support/simulated_studies.py), and go through the real stages
`evaluate` and `compare`. Where all runs have the same skill, whatever calls one better than
another is wrong: at most 5 % of studies may hold any such word; the lines below say which. Where
the last run is better by so many points of F1, the share of studies that tell it from another is
the power, beside what the interval of each pair alone, and Bonferroni's, would have told.
Shares come with their 95 % interval (Wilson's).
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import numpy as np
from scipy.stats import norm

from benchmarks.measuring import Measurement
from benchmarks.photographs import enter_quietly
from secondlook.config.params import load_params
from secondlook.evaluation.bootstrap import compute_observed_metrics
from secondlook.evaluation.comparison import MethodPair
from secondlook.evaluation.comparison_artifacts import Comparison
from secondlook.evaluation.metrics import NORMAL_QUANTILE, compute_wilson_interval
from secondlook.evaluation.predictions import GroundTruth
from tests.support.simulated_studies import Setting, find_claims, simulate_study

PROCESSES = 2
MAX_FALSE = 5.0  # % of studies
EQUAL = [
    (Setting(2), 400),
    (Setting(6), 400),
    (Setting(20), 100),
    (Setting(40), 100),
    (Setting(2, classes=10, skill=1.5), 200),
    (Setting(6, classes=10, skill=1.5), 200),
    (Setting(20, classes=10, skill=1.5), 50),
    (Setting(40, classes=10, skill=1.5), 25),
    (Setting(2, seeds=5), 200),
    (Setting(6, seeds=3), 100),
    (Setting(3, classes=10, skill=1.5, seeds=3), 60),
]
# Studies in which one run is better, and by how many points.
LEADS = [
    (replace(kind, methods=methods), points)
    for kind in (Setting(2), Setting(2, shared=0.8), Setting(2, classes=10, skill=1.5, shared=0.8))
    for methods in (6, 20)
    for points in (3, 6)
]
LED_STUDIES = 100
KNOWN_IMAGES = 1_000_000  # on which the truth of a setting is measured


def measure(_: Path) -> list[Measurement]:
    """Simulate all studies of equal runs, then those in which one is better."""
    return [
        *(line for setting, count in EQUAL for line in measure_false_claims(setting, count)),
        *(line for lead in LEADS for line in measure_power(*lead)),
    ]


def measure_false_claims(setting: Setting, count: int) -> Iterator[Measurement]:
    """Yield the share of studies with any claim, and that of each rule that made one."""
    found = [study.claims for study in _simulate_all(setting, count)]
    words = _describe(setting)
    yield _make_share(f"{words}: any false claim", sum(map(bool, found)), count, MAX_FALSE)
    rules = Counter(rule for claims in found for rule in claims)
    for rule, times in rules.most_common():
        yield _make_share(f"{words}: {rule}", times, count)


def measure_power(equal: Setting, points: int) -> Iterator[Measurement]:
    """Yield the share of studies that tell the better run from another by its F1."""
    setting = find_lead(equal, points / 100)
    told = np.array([study.found for study in _simulate_all(setting, LED_STUDIES)])
    for column, way in enumerate(("this study", "Bonferroni", "each pair alone, too often wrong")):
        words = f"{_describe(equal)}, but one better by {points} points: found by {way}"
        yield _make_share(words, int(told[:, column].sum()), LED_STUDIES)


def find_lead(setting: Setting, gain: float) -> Setting:
    """Return the setting whose last run has so much more F1 than the others, by bisection."""
    wanted, low, high = _compute_true_f1(setting.skill, setting) + gain, 0.0, 1.0
    for _ in range(20):
        middle = (low + high) / 2
        enough = _compute_true_f1(setting.skill + middle, setting) > wanted
        low, high = (low, middle) if enough else (middle, high)
    return replace(setting, lead=high)


def _compute_true_f1(skill: float, setting: Setting) -> float:
    labels = setting.draw_labels(KNOWN_IMAGES)
    given = setting.draw_probabilities(np.random.default_rng(0), labels, skill).argmax(axis=1)
    truth = GroundTruth(labels, setting.classes, 1 if setting.classes == 2 else None)
    return compute_observed_metrics(truth, given)["f1"]


class Outcome(NamedTuple):
    """One study: the rules that claimed a difference, and which intervals found the better run."""

    claims: set[str]
    found: tuple[bool, bool, bool]


def _simulate_all(setting: Setting, count: int) -> list[Outcome]:
    """Return what came of so many studies, made by all processes."""
    shares = [range(first, count, PROCESSES) for first in range(PROCESSES)]
    with ProcessPoolExecutor(PROCESSES, mp_context=get_context("spawn")) as pool:
        parts = pool.map(partial(_simulate_some, setting), shares)
        return [found for part in parts for found in part]


def _simulate_some(setting: Setting, seeds: Iterable[int]) -> list[Outcome]:
    params, found = load_params(), []
    with TemporaryDirectory(prefix="bench-") as folder, enter_quietly(Path(folder)):
        for seed in seeds:
            comparison, spoken = simulate_study(setting, params, np.random.default_rng(seed))
            claims = set(find_claims(spoken))
            found.append(Outcome(claims, _find_better_run(comparison, setting)))
    return found


def _find_better_run(comparison: Comparison, setting: Setting) -> tuple[bool, bool, bool]:
    """Return whether F1 tells the last run from another: here, by Bonferroni, by each pair alone.

    Bonferroni's intervals are those of the normal limit, which is rather in their favour.
    """
    better = f"run-{setting.methods - 1}-0"
    claims = sum(family.size for family in comparison.families)
    reach = float(norm.isf(0.025 / claims)) / NORMAL_QUANTILE
    pairs = [pair for pair in comparison.pairs if better in (pair.first, pair.second)]
    found = [comparison.find_pair(_get_other(pair, better), better) for pair in pairs]
    ends = [pair.differences["f1"] for pair in found]
    bound = [
        (each.value or 0.0) - reach * ((each.value or 0.0) - (each.low or 0.0)) for each in ends
    ]
    return (
        any(each.up for each in ends),
        any(low > 0 for low in bound),
        any((each.low or 0.0) > 0 for each in ends),
    )


def _get_other(pair: MethodPair, name: str) -> str:
    return pair.second if pair.first == name else pair.first


def _describe(setting: Setting) -> str:
    kind = "yes or no" if setting.classes == 2 else f"{setting.classes} classes"
    seeds = "" if setting.seeds == 1 else f" of {setting.seeds} seeds"
    common = f", {setting.shared:.0%} of errors in common" if setting.shared else ""
    return f"{setting.methods} equal runs{seeds}, {kind}{common}"


def _make_share(words: str, times: int, count: int, at_most: float | None = None) -> Measurement:
    """Return a share of studies in percent, between the ends of its interval."""
    share, low, high = compute_wilson_interval(times, count).floats
    return Measurement(words, [100 * low, 100 * share, 100 * high], "%", at_most=at_most)
