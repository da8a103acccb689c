"""What was made now against what was made then: stage by stage, the first number that differs."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from secondlook.artifacts import files
from secondlook.evaluation.metrics import Probabilities
from secondlook.reproduction.origin import SHORT_DIGEST, SOURCE_ARTIFACTS, Origin
from secondlook.reproduction.sandbox import Sandbox
from secondlook.tracking.provenance import read_training_environment
from secondlook.training import environment

DIGEST_PATTERN = re.compile(r"[0-9a-f]{32,}(\.dir)?")
OutputValue = float | str | bool | None


@dataclass(frozen=True)
class ValueDifference:
    """One value that is not the same: where it stands, what it was and what it is."""

    where: str
    then: OutputValue
    now: OutputValue

    def __str__(self) -> str:
        """Return it in words, for numbers with how far they are apart."""
        told = f"{self.where}: {_format_value(self.then)} then, {_format_value(self.now)} now"
        if _is_number(self.then) and _is_number(self.now):
            return f"{told} ({float(self.now or 0) - float(self.then or 0):+.3g})"
        return told


def find_first_difference(then: Path, now: Path) -> ValueDifference | None:
    """Return the first value that differs between two JSON, CSV or NPZ files of one name.

    JSON in the order of its keys, CSV row by row, NPZ array by array. None where no byte differs.
    """
    if not now.exists():
        return ValueDifference(then.name, "a file", "none")
    if files.hash_files(then) == files.hash_files(now):
        return None
    found = next(COMPARE_BY_SUFFIX[then.suffix](then, now), None)
    return found or ValueDifference(then.name, files.hash_files(then), files.hash_files(now))


def _compare_json(then: Path, now: Path) -> Iterator[ValueDifference]:
    old, new = (dict(_list_json_values(files.read_json(path), then.name)) for path in (then, now))
    for where in [*old, *(key for key in new if key not in old)]:
        one, other = old.get(where, "absent"), new.get(where, "absent")
        if one != other:
            yield ValueDifference(where, one, other)


def _list_json_values(tree: Any, where: str) -> Iterator[tuple[str, OutputValue]]:  # noqa: ANN401 - any JSON
    """Yield each scalar of a JSON tree, and where it stands."""
    if isinstance(tree, dict):
        for key, value in sorted(tree.items()):
            yield from _list_json_values(value, f"{where}: {key}")
    elif isinstance(tree, list):
        for number, value in enumerate(tree):
            yield from _list_json_values(value, f"{where}[{number}]")
    else:
        yield where, tree


def _compare_csv(then: Path, now: Path) -> Iterator[ValueDifference]:
    """Rows of a history are epochs."""
    rows = zip_longest(files.read_csv(then), files.read_csv(now), fillvalue=dict[str, str]())
    for number, (old, new) in enumerate(rows, start=1):
        for column in [*old, *(key for key in new if key not in old)]:
            one, other = old.get(column, "absent"), new.get(column, "absent")
            if one != other:
                yield ValueDifference(
                    f"{then.name}: row {number}: {column}", _parse_cell(one), _parse_cell(other)
                )


def _compare_archives(then: Path, now: Path) -> Iterator[ValueDifference]:
    with np.load(then) as old, np.load(now) as new:
        for name in old.files:
            if name not in new.files:
                yield ValueDifference(f"{then.name}: {name}", "an array", "none")
            else:
                yield from _compare_arrays(f"{then.name}: {name}", old[name], new[name])


def _compare_arrays(where: str, then: NDArray[Any], now: NDArray[Any]) -> Iterator[ValueDifference]:
    if then.shape != now.shape:
        yield ValueDifference(f"{where}: shape", str(then.shape), str(now.shape))
        return
    for index in np.argwhere(then != now)[:1]:
        place = tuple(int(i) for i in index)
        yield ValueDifference(f"{where}{list(place)}", float(then[place]), float(now[place]))


COMPARE_BY_SUFFIX = {".json": _compare_json, ".csv": _compare_csv, ".npz": _compare_archives}


def _parse_cell(cell: str) -> OutputValue:
    try:
        return float(cell)
    except ValueError:
        return cell or "nothing"


def _is_number(value: OutputValue) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _format_value(value: OutputValue) -> str:
    if isinstance(value, str):
        return f"{value[:12]}..." if DIGEST_PATTERN.fullmatch(value) else value
    return json.dumps(value)


# What MLflow keeps of each stage, in the order in which it is made.
TRACKED_OUTPUTS = {
    "split": (),
    "preprocess": ("facts.json",),
    "train": ("history.csv", "run.json", "predictions.npz", "layers.json"),
    "evaluate": ("metrics.json", "details.json"),
}
STAGES_PER_RUN = ("train", "evaluate")
UNKNOWN_ENVIRONMENT = (
    "the environment of that training is not known: what it made came from DVC's run cache or a "
    "remote, or was made before environments were noted"
)


@dataclass(frozen=True)
class Verification:
    """The first difference of each stage, None where there is none; and where both were made.

    `changed_deps` is code or data of the rerun that is not what the run was made with.
    """

    stages: Mapping[str, ValueDifference | None]
    weights: str
    predictions: Mapping[str, str]
    changed_deps: Sequence[str]
    then: Mapping[str, str] | None
    now: Mapping[str, str]

    @property
    def identical(self) -> bool:
        """Say whether not one byte differs."""
        return not any(self.stages.values())

    def format_lines(self) -> Iterator[str]:
        """Yield the verdict in words, line by line."""
        for stage, difference in self.stages.items():
            yield f"  {stage:<11} {difference or 'identical'}"
        if self.identical:
            splits = " and ".join(self.predictions)
            yield (
                f"bit-identical: weights {self.weights[:SHORT_DIGEST]}, predictions of "
                f"{splits}, metrics"
            )
            return
        stage = next(name for name, difference in self.stages.items() if difference)
        yield f"different, first in {stage}: {self.stages[stage]}"
        yield from (f"  predictions of {split}: {told}" for split, told in self.predictions.items())
        yield from (f"  not what the run was made with: {path}" for path in self.changed_deps)
        yield from (f"  {line}" for line in self.describe_environments())

    def describe_environments(self) -> Iterator[str]:
        """Yield what differs between the environments, or that it is not known, or nothing."""
        if self.then is None:
            yield UNKNOWN_ENVIRONMENT
            return
        found = list(environment.describe_changes(self.then, self.now))
        yield "the environment differs:" if found else "the environment is the same, as far as told"
        yield from (f"  {line}" for line in found)


def verify_rerun(origin: Origin, shop: Sandbox, strayed: Sequence[str]) -> Verification:
    """Hold what the worktree made against what MLflow and dvc.lock have of the run."""
    made = shop.project / files.stage_folder("train", origin.name)
    run = files.read_json(made / "run.json")
    return Verification(
        stages={stage: _find_stage_difference(origin, shop, stage) for stage in TRACKED_OUTPUTS},
        weights=run["weights_digest"],
        predictions=compare_predictions(
            origin.folder / "predictions.npz", made / "predictions.npz"
        ),
        changed_deps=strayed,
        then=origin.environment,
        now=read_training_environment(run["key"], run["weights_digest"], shop.project)
        or environment.describe_environment(),
    )


def _find_stage_difference(origin: Origin, shop: Sandbox, stage: str) -> ValueDifference | None:
    """Return the first number that differs; of what MLflow does not keep, the digests."""
    name = f"{stage}@{origin.name}" if stage in STAGES_PER_RUN else stage
    made = (
        files.stage_folder(stage, origin.name)
        if stage in STAGES_PER_RUN
        else files.stage_folder(stage)
    )
    for file in TRACKED_OUTPUTS[stage]:
        then = _locate_tracked_output(origin, file)
        if then.exists() and (found := find_first_difference(then, shop.project / made / file)):
            return found
    return _compare_locked_digests(origin.lock[name], shop.locked_stages[name])


def _locate_tracked_output(origin: Origin, file: str) -> Path:
    return origin.folder / (SOURCE_ARTIFACTS if file == "facts.json" else "") / file


def _compare_locked_digests(
    then: Mapping[str, Any], now: Mapping[str, Any]
) -> ValueDifference | None:
    """Return the first output of a stage whose digest in dvc.lock differs."""
    new = {out["path"]: out["md5"] for out in now["outs"]}
    for out in then["outs"]:
        if out["md5"] != new.get(out["path"]):
            return ValueDifference(f"{out['path']}: md5", out["md5"], new.get(out["path"]))
    return None


def compare_predictions(then: Path, now: Path) -> dict[str, str]:
    """Return in words, for each split, how far apart the probabilities are."""
    with np.load(then) as old, np.load(now) as new:
        both = [name for name in old.files if name in new.files]
        return {name: _describe_distance(old[name], new[name]) for name in both}


def _describe_distance(then: Probabilities, now: Probabilities) -> str:
    if then.shape != now.shape:
        return f"{len(then)} images then, {len(now)} now"
    other = int((then.argmax(axis=1) != now.argmax(axis=1)).sum())
    return (
        f"{np.abs(then - now).max():.3g} apart at most, {other} of {len(then)} answered otherwise"
    )
