"""The section `sweeps` of params.yaml: which run is varied, in what, and how points are chosen."""

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from secondlook.config.errors import ParamsError
from secondlook.config.training import TrainParams
from secondlook.config.yaml_files import load_yaml
from secondlook.config.yaml_schema import (
    PARAMS_FILE,
    NonEmptyText,
    ParamsSection,
    PositiveCount,
    Seed,
    format_choices,
    make_optional,
    validate_section,
)

POINTS_FILE = Path("data", "sweep", "points.yaml")
MAX_TRIALS = 100  # of all sweeps: DVC reads its whole lock file for each
Point = dict[str, Any]  # dotted names of `train` and their values
Metric = Literal[
    "log_loss", "accuracy", "balanced_accuracy", "precision", "recall", "f1", "macro_f1"
]
# No - first, as of a run; with the number of a trial or a seed it is the name of one.
SweepName = Annotated[str, Field(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_-]*$", max_length=80)]
SPACE = "a list of values in [ ], or {low: number, high: a larger one}, with log: true if need be"


class RangeParams(ParamsSection):
    """Numbers from low to high, both included; whole ones where both ends are.

    log: as many between 0.001 and 0.01 as between 0.01 and 0.1.
    """

    low: int | float
    high: int | float
    log: bool = make_optional(False)

    @property
    def is_whole(self) -> bool:
        """Tell whether only whole numbers are in it."""
        return isinstance(self.low, int) and isinstance(self.high, int)


def _parse_space(value: object) -> object:
    """Accept a list of values, or the ends of a range."""
    if isinstance(value, list) and value:
        return _parse_choices(value)
    if not isinstance(value, dict) or not {"low", "high"} <= value.keys() <= {"low", "high", "log"}:
        raise ValueError(SPACE)
    low, high, log = value["low"], value["high"], value.get("log", False)
    if not all(type(end) in (int, float) for end in (low, high)) or type(log) is not bool:
        raise ValueError(SPACE)
    if not float("-inf") < low < high < float("inf"):
        raise ValueError("low below high, both finite")
    if log and low <= 0:
        raise ValueError("low above 0, with log: true")
    return RangeParams(low=low, high=high, log=log)


def _parse_choices(values: list[Any]) -> list[Any]:
    """Return the values as JSON has them: the class 8 of `class_weight` is "8" there as well."""
    try:
        parsed: list[Any] = json.loads(json.dumps(values, allow_nan=False))
    except (TypeError, ValueError):
        raise ValueError("numbers, text, true, false, null, lists and mappings") from None
    if any(parsed.count(one) > 1 for one in parsed):
        raise ValueError("each value once")
    return parsed


Space = Annotated[RangeParams | list[Any], BeforeValidator(_parse_space)]


class SweepParams(ParamsSection):
    """A search: `of` is the entry of `runs` whose parameters are varied, `search` says which.

    metric: of validation, by which the best trial is chosen; seed: of the points proposed, not of
    trainings; round: so many trials are proposed together, which know nothing of each other.
    """

    of: NonEmptyText
    search: Annotated[dict[NonEmptyText, Space], Field(min_length=1)]
    trials: PositiveCount
    method: Literal["grid", "random", "tpe"]
    seed: Seed
    metric: Metric = make_optional("log_loss")
    round: PositiveCount = make_optional(4)


def apply_point(run: TrainParams, point: Mapping[str, Any], where: str) -> TrainParams:
    """Return the parameters of a run with those of a point in the place of its own.

    Raises ParamsError where a name leads nowhere, or params.yaml would refuse the values.
    """
    changed = run.model_dump()
    for name in sorted(point):
        *path, key = name.split(".")
        section = changed
        for depth, part in enumerate(path, start=1):
            found = section.get(part)
            if not isinstance(found, dict):
                inner = ".".join(path[:depth])
                raise ParamsError(
                    f"{where}.{name}: found no keys in {inner} of the run that is varied; expected "
                    f"a mapping there: give that run one, or search {inner} as a whole"
                )
            section[part] = section = dict(found)
        section[key] = point[name]
    return validate_section(TrainParams, changed, prefix=(where.removeprefix(f"{PARAMS_FILE}: "),))


def check_search(sweep: SweepParams, run: TrainParams, where: str) -> None:
    """Refuse names that no run has, one inside another, and ends or values that a run refuses."""
    for name, space in sweep.search.items():
        if name.split(".")[0] not in TrainParams.model_fields:
            raise ParamsError(
                f"{where}: found {name!r}, which is no key of `train`; expected "
                f"{format_choices(TrainParams.model_fields)}"
            )
        if outer := next((o for o in sweep.search if name.startswith(f"{o}.")), None):
            raise ParamsError(
                f"{where}: found {outer} and {name}, which is inside of it; expected one of them"
            )
        for value in _list_extremes(space):
            apply_point(run, {name: value}, where)
    if sweep.method == "grid":
        _check_grid(sweep, where)


def check_trial_count(sweeps: Iterable[SweepParams]) -> None:
    """Raise ParamsError where all sweeps together have more trials than DVC can bear."""
    if (trials := sum(sweep.trials for sweep in sweeps)) > MAX_TRIALS:
        raise ParamsError(
            f"{PARAMS_FILE}: sweeps: found {trials} trials in all; expected at most {MAX_TRIALS}: "
            "DVC reads what it keeps of all of them for each; take out a sweep that is adopted"
        )


def _list_extremes(space: RangeParams | list[Any]) -> Iterator[Any]:
    if isinstance(space, RangeParams):
        yield from (space.low, space.high)
    else:
        yield from space


def _check_grid(sweep: SweepParams, where: str) -> None:
    """Refuse ranges, of which a grid does not know which points it has."""
    for name, space in sweep.search.items():
        if isinstance(space, RangeParams) and not _is_countable(space):
            raise ParamsError(
                f"{where}.{name}: found a range with method grid; expected a list of values, or "
                "method random or tpe"
            )


def _is_countable(space: RangeParams) -> bool:
    """Tell whether a range is a list of whole numbers that a grid may have."""
    return space.is_whole and not space.log and space.high - space.low < MAX_TRIALS


def load_trial_params(name: str) -> TrainParams:
    """Return the parameters of a trial, as `secondlook sweep` wrote them.

    Raises ParamsError where there is no such trial, or it says what no run may have.
    """
    known = load_points()
    if name not in known:
        raise ParamsError(
            f"{POINTS_FILE}: no trial {name!r}; expected one of the {len(known)} that "
            "`secondlook sweep` wrote there"
        )
    try:
        return TrainParams.model_validate(known[name])
    except ValueError as error:
        raise ParamsError(
            f"{POINTS_FILE}: trials.{name}: found what no run may have; expected what `secondlook "
            "sweep` wrote: run it again"
        ) from error


def load_points() -> dict[str, Any]:
    """Return the parameters of all trials by their names, as they stand there.

    Raises ParamsError where the file is not what `secondlook sweep` writes.
    """
    if not POINTS_FILE.exists():
        return {}
    told = load_yaml(POINTS_FILE, spelled=True) or {}
    known = (told.get("trials") or {}) if isinstance(told, dict) else None
    if not isinstance(known, dict):
        raise ParamsError(
            f"{POINTS_FILE}: found another form than `secondlook sweep` writes; expected that: "
            f"`git checkout {POINTS_FILE}`"
        )
    return known
