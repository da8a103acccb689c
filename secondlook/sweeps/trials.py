"""The trials that dvc knows of (data/sweep/points.yaml), and what came of each (data/trial)."""

import math
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from secondlook.artifacts import files
from secondlook.artifacts.files import write_atomically
from secondlook.artifacts.schema import check_artifact
from secondlook.config.params import Params
from secondlook.config.sweeps import POINTS_FILE, Point, apply_point, load_points
from secondlook.config.training import TrainParams
from secondlook.config.yaml_files import format_yaml
from secondlook.config.yaml_schema import PARAMS_FILE
from secondlook.evaluation.metrics import Probabilities
from secondlook.evaluation.selection import LOWER_IS_BETTER
from secondlook.evaluation.sweep_results import TrialResult

PIPELINE_FILE = Path("data", "sweep", "dvc.yaml")
LOCK_FILE = Path("data", "sweep", "dvc.lock")
HEADER = "# Written by `secondlook sweep`: the trials it proposed, with all their parameters.\n"


def name_trial(sweep: str, number: int) -> str:
    """Return the name of the trial with this number (from 1)."""
    return f"{sweep}-{number:02d}"


def _split(trial: str) -> tuple[str, int]:
    """Return the sweep and the number that a trial's name is made of."""
    sweep, _, number = trial.rpartition("-")
    return sweep, int(number) if number.isdecimal() else 0


def name_trial_stages(trial: str) -> list[str]:
    """Return what dvc calls the stages of a trial."""
    return [f"{PIPELINE_FILE}:trial@{trial}"]


def make_training(params: Params, sweep: str, point: Point) -> TrainParams:
    """Return the parameters of a trial at a point; ParamsError where no run may have them."""
    where = f"{PARAMS_FILE}: sweeps.{sweep}"
    made = apply_point(params.run(params.sweeps[sweep].of), point, f"{where}.search")
    params.check_training(made, where)
    return made


def write_points(
    params: Params, sweep: str, trials: Mapping[str, TrainParams], *, ended: bool
) -> list[str]:
    """Write the trials of a sweep that are known; return the names of all that stand there then.

    Other sweeps keep theirs. Those that the sweep had before go when it has ended: until then it
    may come to them again.
    """
    places = {name: place for place, name in enumerate(params.sweeps)}
    keeping = set(params.sweeps) - ({sweep} if ended else set())
    kept = {name: told for name, told in load_points().items() if _split(name)[0] in keeping}
    told = kept | {name: train.model_dump() for name, train in trials.items()}
    told = dict(
        sorted(told.items(), key=lambda each: (places[_split(each[0])[0]], _split(each[0])))
    )
    text = HEADER + format_yaml({"trials": told}, plain=True)
    if not POINTS_FILE.exists() or POINTS_FILE.read_text(encoding="utf-8") != text:
        write_atomically(POINTS_FILE, [text.encode()])
    return list(told)


def load_trial_result(trial: str, point: Point) -> TrialResult:
    """Return what came of a trial; DataError where it was not trained."""
    with check_artifact(files.stage_folder("trial", trial) / "trial.json") as path:
        return TrialResult.model_validate({**files.read_json(path), "name": trial, "point": point})


def load_trial_answers(trial: str) -> Probabilities:
    """Return the class probabilities (N, K) that a trial gave for validation."""
    with check_artifact(files.stage_folder("trial", trial) / "predictions.npz") as path:
        with np.load(path) as arrays:
            found: Probabilities = arrays["validation"]
        return found


def compute_loss(result: TrialResult, metric: str) -> float:
    """Return by what a trial is chosen: lower is better, inf where it diverged."""
    value = result.metrics.get(metric)
    if result.diverged or value is None:
        return math.inf
    return value if metric == LOWER_IS_BETTER else -value
