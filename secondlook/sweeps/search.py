"""Which points are tried next: a pure function of params.yaml and of what came of those before.

No clock, no storage and no number of machines is part of it: the same sweep proposes the same
points anywhere, in one go or after ten kills. Numbers are rounded to four digits, losses to six:
another processor's last digits change no point.
"""

import itertools
import json
import logging
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from secondlook.config.errors import ParamsError, SecondLookError
from secondlook.config.sweeps import Point, RangeParams, Space, SweepParams
from secondlook.config.yaml_schema import PARAMS_FILE

if TYPE_CHECKING:
    import optuna

MAX_DRAWS = 1000  # in a row that were tried before or are refused: there are no more
DIGITS = 4  # of numbers that are drawn
LOSS_DECIMALS = 6
Check = Callable[[Point], object]  # raises ParamsError for a point that no run may have
Tried = Sequence[tuple[Point, float]]  # points and losses, lower is better, inf where it diverged


def propose_round(sweep: SweepParams, check: Check, tried: Tried) -> list[Point]:
    """Return the points that come after those tried: of a grid or by chance all that are left.

    Fewer than asked for, or none, where the space has no more. Raises ParamsError where it has
    none at all, with the reason; SecondLookError where Optuna is not installed.
    """
    left = sweep.trials - len(tried)
    if left <= 0:
        return []
    known = {_identify(point) for point, _ in tried}
    if sweep.method == "grid":
        points = _list_grid(sweep, check)
        return [point for point in points if _identify(point) not in known]
    if sweep.method == "random":
        draws, wanted = _draw_points(sweep), left
    else:
        draws, wanted = _ask_optuna(sweep, tried), min(left, sweep.round)
    return _take_new(draws, check, known, wanted)


def _take_new(draws: Iterator[Point], check: Check, known: set[str], wanted: int) -> list[Point]:
    """Return so many points that are new and not refused, as far as there are any."""
    found: list[Point] = []
    refusal: ParamsError | None = None
    misses = 0
    for point in draws:
        if len(found) == wanted or misses == MAX_DRAWS:
            break
        misses += 1
        if (identity := _identify(point)) in known:
            continue
        try:
            check(point)
        except ParamsError as error:
            refusal = error
            continue
        known.add(identity)
        found.append(point)
        misses = 0
    if not known and refusal:
        raise refusal
    return found


def _identify(point: Point) -> str:
    return json.dumps(point, sort_keys=True)


def _list_grid(sweep: SweepParams, check: Check) -> list[Point]:
    """Return all points that are not refused; ParamsError where they are more than the trials."""
    found: list[Point] = []
    refusal: ParamsError | None = None
    values = [
        range(int(space.low), int(space.high) + 1) if isinstance(space, RangeParams) else space
        for space in sweep.search.values()
    ]
    for combined in itertools.product(*values):
        point = dict(zip(sweep.search, combined, strict=True))
        try:
            check(point)
        except ParamsError as error:
            refusal = error
        else:
            found.append(point)
        if len(found) > sweep.trials:
            total = int(np.prod([len(each) for each in values]))
            raise ParamsError(
                f"{PARAMS_FILE}: sweeps: found {sweep.trials} trials, too few for a grid of up to "
                f"{total} points; expected as many, or fewer values, or method random or tpe"
            )
    if not found and refusal:
        raise refusal
    return found


def _draw_points(sweep: SweepParams) -> Iterator[Point]:
    """Yield points by chance, always the same ones."""
    generator = np.random.default_rng(sweep.seed)
    while True:
        yield {name: _draw_value(space, generator) for name, space in sweep.search.items()}


def _draw_value(space: Space, generator: np.random.Generator) -> Any:  # noqa: ANN401 - as listed
    if not isinstance(space, RangeParams):
        return space[int(generator.integers(len(space)))]
    low, high = space.low, space.high
    if space.is_whole and not space.log:
        return int(generator.integers(int(low), int(high), endpoint=True))
    share = generator.random()
    value = low * (high / low) ** share if space.log else low + (high - low) * share
    return _round_value(value, space)


def _round_value(value: float, space: RangeParams) -> int | float:
    """Return a number with few digits that still is in its range."""
    if space.is_whole:
        return min(max(round(value), int(space.low)), int(space.high))
    return min(max(float(f"{value:.{DIGITS}g}"), float(space.low)), float(space.high))


def _ask_optuna(sweep: SweepParams, tried: Tried) -> Iterator[Point]:
    """Yield points where few trials were bad, by a tree-structured Parzen estimator.

    Bergstra and others 2011, "Algorithms for Hyper-Parameter Optimization". The study is made anew
    of what was tried, so it needs no storage; points that are out count as bad meanwhile, so that a
    round is no four times the same.
    """
    optuna = _import_optuna()
    kinds = {name: _make_distribution(space) for name, space in sweep.search.items()}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        sampler = optuna.samplers.TPESampler(
            seed=_draw_seed(sweep.seed, len(tried)), constant_liar=True
        )
    study = optuna.create_study(sampler=sampler)
    for point, loss in tried:
        values = {name: _encode_value(kinds[name], value) for name, value in point.items()}
        study.add_trial(
            optuna.create_trial(
                params=values, distributions=kinds, value=round(loss, LOSS_DECIMALS)
            )
        )
    while True:
        yield _decode_point(sweep, study.ask(kinds).params)


def _draw_seed(seed: int, tried: int) -> int:
    """Return a seed for what comes after so many trials, which no other sweep's seed has."""
    return int(np.random.SeedSequence([seed, tried]).generate_state(1)[0])


def _import_optuna() -> Any:  # noqa: ANN401 - a module
    try:
        import optuna
    except ImportError as error:
        raise SecondLookError(
            f"method tpe: Optuna is not installed ({error}); `pip install 'second-look[tpe]'`, or "
            "method random"
        ) from None
    optuna.logging.set_verbosity(logging.ERROR)
    return optuna


def _make_distribution(space: Space) -> "optuna.distributions.BaseDistribution":
    from optuna import distributions

    if not isinstance(space, RangeParams):
        return distributions.CategoricalDistribution([json.dumps(value) for value in space])
    if space.is_whole:
        return distributions.IntDistribution(int(space.low), int(space.high), log=space.log)
    return distributions.FloatDistribution(space.low, space.high, log=space.log)


def _encode_value(kind: "optuna.distributions.BaseDistribution", value: object) -> object:
    from optuna.distributions import CategoricalDistribution

    return json.dumps(value) if isinstance(kind, CategoricalDistribution) else value


def _decode_point(sweep: SweepParams, asked: Mapping[str, Any]) -> Point:
    return {
        name: _round_value(asked[name], space)
        if isinstance(space, RangeParams)
        else json.loads(asked[name])
        for name, space in sweep.search.items()
    }
