"""What came of each sweep: data/sweep/results.json, which git keeps and the report draws.

A trial has no numbers of test: there is nothing to peek at.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from secondlook.artifacts import files
from secondlook.artifacts.schema import Interval, NullableFloat, Record
from secondlook.config.errors import DataError

RESULTS_FILE = Path("data", "sweep", "results.json")


class ParameterEffect(Record):
    """How much of the losses' order goes with one parameter that was searched.

    share: of the variance of the trials' ranks, 0..1, None where it cannot be told; p: how often
    chance alone shows as much, adjusted for all parameters searched.
    """

    name: str
    share: Interval
    p: NullableFloat


class SelectionExcess(Record):
    """How much too good a validation number of the best trial is, for it was chosen by luck too.

    value: as validation has it; excess: in the same unit, above 0 where it flatters, with the ends
    of its 95 % interval.
    """

    metric: str
    value: NullableFloat
    excess: Interval


class TrialResult(Record):
    """One trial: where in the space it is, and what validation says of it.

    point: the parameters searched, by dotted names of `train`; parameters: all of them, as a run
    has them; key: its run key; epochs, kept_epoch: 0 where it diverged in the first; metrics: of
    validation, by the names of evaluation/metrics.py; diverged: why it came to no number, or None.
    """

    name: str
    point: dict[str, Any]
    parameters: dict[str, Any]
    key: str
    epochs: int
    kept_epoch: int
    metrics: dict[str, NullableFloat]
    diverged: str | None = None


class SweepResult(Record):
    """A sweep that has ended: what was asked, its trials as they were proposed, and the best.

    search: as params.yaml has it; metric: what the best is chosen by, on the `images` of
    validation; data: the digest of facts.json; best: the name of a trial, None where all diverged.
    """

    name: str
    of: str
    method: str
    metric: str
    seed: int
    search: dict[str, Any]
    data: str
    images: int
    trials: list[TrialResult]
    best: str | None
    effects: list[ParameterEffect]
    excess: list[SelectionExcess]


def load_sweep_results() -> list[SweepResult]:
    """Return all sweeps that have ended, in the order of their names; none where there is no file.

    Raises DataError where the file has another shape.
    """
    if not RESULTS_FILE.exists():
        return []
    try:
        return [SweepResult.model_validate(each) for each in files.read_json(RESULTS_FILE)]
    except (TypeError, ValueError) as error:
        raise DataError(
            f"{RESULTS_FILE}: found another shape than `secondlook sweep` writes; expected that: "
            f"`git checkout {RESULTS_FILE}`, or write [] into it and run the sweep again"
        ) from error


def save_sweep_results(results: Sequence[SweepResult]) -> None:
    """Write all sweeps, whole or not at all."""
    told = [each.model_dump() for each in sorted(results, key=lambda each: each.name)]
    text = json.dumps(told, indent=2, sort_keys=True, ensure_ascii=False, allow_nan=False)
    files.write_atomically(RESULTS_FILE, [f"{text}\n".encode()])
