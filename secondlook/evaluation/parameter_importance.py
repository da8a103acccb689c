"""Which of the parameters that a sweep searched the order of its trials goes with.

The share of the variance of the trials' ranks that one parameter explains alone: numbers by a
quadratic (of the logarithm, where the range is logarithmic), choices by the means of their groups.
Ranks, because the loss of a bad trial says no more than that it is bad. The share is adjusted for
what chance explains (Ezekiel, 1930, "Methods of Correlation Analysis"; of groups it is epsilon
squared: Kelley, 1935, "An Unbiased Correlation Ratio Measure"), and cut at 0.

Its interval is of a bootstrap over trials, less its own bias: trials drawn twice are alike, which
looks like order. p is that of a permutation test, adjusted by Holm (1979, "A Simple Sequentially
Rejective Multiple Test Procedure") for all parameters that were searched.

All of it is of these very trials: TPE gathers them where losses are low, and a parameter that
mattered in a wide range may explain little in what is left of it. T trials, B resamples.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from secondlook.artifacts.schema import Interval
from secondlook.evaluation.metrics import Numbers
from secondlook.evaluation.sweep_results import ParameterEffect

RESAMPLES, PERMUTATIONS = 1000, 10_000
FEWEST_TRIALS = 6  # of fewer nothing can be told
ROUNDING = 1e-9  # below it, of the largest, nothing varies


def compute_parameter_effects(
    points: Sequence[Mapping[str, Any]],
    losses: Sequence[float],
    search: Mapping[str, Any],
    seed: int,
) -> list[ParameterEffect]:
    """Return the effect of each parameter searched, in the order of the search.

    points: of each trial its value by the parameter's dotted name; losses: lower is better, a trial
    that diverged is inf or NaN, worse than all others; search: by name a range (low, high, log) or
    the choices. The share is None where there are too few trials, or one value alone.
    """
    from scipy.stats import rankdata
    from threadpoolctl import threadpool_limits

    ranks = rankdata(np.where(np.isnan(losses), np.inf, losses))
    columns = {
        name: _build_columns([point[name] for point in points], asked)
        for name, asked in search.items()
    }
    # One thread for linear algebra: the same digits however many cores.
    with threadpool_limits(1, user_api="blas"):
        return _list_effects(columns, ranks, seed)


def _list_effects(
    columns: Mapping[str, Numbers], ranks: Numbers, seed: int
) -> list[ParameterEffect]:
    """Return the effect of each parameter by its columns (T, D) on the ranks (T,)."""
    told = {name: column for name, column in columns.items() if _explains_something(column, ranks)}
    p_values = _adjust_by_holm(
        {name: _permute_ranks(column, ranks, seed) for name, column in told.items()}
    )
    nothing = Interval.from_floats(np.nan, np.nan, np.nan)
    return [
        ParameterEffect(
            name=name,
            share=_estimate_share(told[name], ranks, seed) if name in told else nothing,
            p=p_values.get(name),
        )
        for name in columns
    ]


def _build_columns(values: Sequence[Any], asked: Any) -> Numbers:  # noqa: ANN401 - YAML
    """Return what explains the ranks (T, D): a number and its square, or who is in which group."""
    if isinstance(asked, Mapping):
        numbers = np.array(values, dtype=np.float64)
        numbers = np.log(numbers) if asked.get("log") else numbers
        spread = numbers.std()
        scaled = (numbers - numbers.mean()) / (spread if spread > 0 else 1.0)
        return np.stack([scaled, scaled**2], axis=1)
    # A choice may be a mapping, a list or null.
    keys = [json.dumps(value, sort_keys=True, default=str) for value in values]
    groups: Numbers = np.equal.outer(np.array(keys), np.unique(keys)).astype(np.float64)
    return groups


def _explains_something(columns: Numbers, ranks: Numbers) -> bool:
    """Say whether there are trials enough, which differ in the parameter and in their losses."""
    return len(ranks) >= FEWEST_TRIALS and bool(np.isfinite(_adjust_share(columns, ranks)))


def _explain_ranks(columns: Numbers, ranks: Numbers) -> tuple[Numbers, Numbers]:
    """Return the share of the variance of ranks (..., T) that columns (..., T, D) explain, D used.

    0 / 0 where the ranks do not vary is NaN.
    """
    centred = columns - columns.mean(axis=-2, keepdims=True)
    basis, sizes, _ = np.linalg.svd(centred, full_matrices=False)
    used = (sizes > ROUNDING * sizes.max(axis=-1, keepdims=True)) & (sizes > ROUNDING)
    left = ranks - ranks.mean(axis=-1, keepdims=True)
    explained = (np.matmul(left[..., None, :], basis)[..., 0, :] ** 2 * used).sum(axis=-1)
    with np.errstate(invalid="ignore"):
        share: Numbers = explained / (left**2).sum(axis=-1)
    return share, used.sum(axis=-1)


def _adjust_share(columns: Numbers, ranks: Numbers) -> Numbers:
    """Return the share less what chance explains; NaN where it explains all, or nothing varies."""
    share, used = _explain_ranks(columns, ranks)
    trials = ranks.shape[-1]
    defined = (used > 0) & (used < trials - 1)
    freedom = np.where(defined, trials - 1 - used, 1)
    return np.where(defined, 1 - (1 - share) * (trials - 1) / freedom, np.nan)


def _estimate_share(columns: Numbers, ranks: Numbers, seed: int) -> Interval:
    """Return the adjusted share within 0..1, and its interval over other trials."""
    from scipy.stats import rankdata

    trials = len(ranks)
    drawn = np.random.default_rng(seed).integers(trials, size=(RESAMPLES, trials))
    share = float(_adjust_share(columns, ranks))
    resampled = _adjust_share(columns[drawn], rankdata(ranks[drawn], axis=1))
    resampled = resampled[np.isfinite(resampled)]
    low, high = np.quantile(resampled, [0.025, 0.975]) - (resampled.mean() - share)
    value, low, high = (float(np.clip(end, 0, 1)) for end in (share, low, high))
    return Interval.from_floats(value, min(low, value), max(high, value))


def _permute_ranks(columns: Numbers, ranks: Numbers, seed: int) -> float:
    """Return how often ranks in another order are explained as well (the order itself is one)."""
    shuffled = np.random.default_rng(seed).permuted(np.tile(ranks, (PERMUTATIONS, 1)), axis=1)
    share, _ = _explain_ranks(columns, ranks)
    others, _ = _explain_ranks(columns, shuffled)
    as_much = int((others >= share - ROUNDING).sum())
    return (as_much + 1) / (PERMUTATIONS + 1)


def _adjust_by_holm(p_values: Mapping[str, float]) -> dict[str, float]:
    """Return each p-value adjusted for all of them."""
    adjusted, largest = {}, 0.0
    for i, (name, p) in enumerate(sorted(p_values.items(), key=lambda item: item[1])):
        largest = max(largest, min(1.0, p * (len(p_values) - i)))
        adjusted[name] = largest
    return adjusted
