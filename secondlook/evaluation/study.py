"""All runs of params.yaml on the same data: what the report is about, and which is best."""

import math
from dataclasses import dataclass
from pathlib import Path

from secondlook.artifacts import dataset_card, files
from secondlook.artifacts.dataset_card import DatasetCard
from secondlook.artifacts.schema import check_artifact
from secondlook.config.errors import DataError
from secondlook.config.params import Params
from secondlook.evaluation import run_artifacts
from secondlook.evaluation.curves import MICRO_AVERAGE
from secondlook.evaluation.run_artifacts import RunResult, Scalars


@dataclass(frozen=True)
class Study:
    """The data and the results of all runs, the reference first."""

    facts: DatasetCard
    results: list[RunResult]

    @property
    def headline(self) -> str:
        """Return the name of the curve that stands for a run: the positive class's or all's."""
        return self.facts.positive or MICRO_AVERAGE


def load_study(params: Params) -> Study:
    """Return what stands in data/ of every run in params.yaml.

    Raises DataError when a file is missing.
    """
    reference = params.report.reference
    names = [reference, *(name for name in params.runs if name != reference)]
    return Study(
        dataset_card.load_dataset_card(), [run_artifacts.load_run_result(name) for name in names]
    )


def find_best_run(params: Params) -> str:
    """Return the trained run with the lowest log loss on validation, the first of equals.

    Raises DataError when no run of params.yaml has been trained and evaluated, or all ran away.
    """
    losses = {name: _load_validation_loss(name) for name in params.runs if _is_evaluated(name)}
    where, best = files.stage_folder("evaluate"), min(losses, key=losses.__getitem__, default=None)
    if best is None:
        raise DataError(f"{where}: no run has been trained and evaluated; run `dvc repro`")
    if math.isinf(losses[best]):
        raise DataError(
            f"{where}: no run has a log loss that is a number; lower train.learning_rate in "
            "params.yaml, then run `dvc repro`"
        )
    return best


def locate_trained_run(params: Params, name: str) -> Path:
    """Return the folder of a run that is in params.yaml and has been trained.

    Raises ParamsError when there is no such run, DataError when it was never trained.
    """
    params.run(name)
    with check_artifact(files.stage_folder("train", name) / "model.weights.h5") as path:
        return path.parent


def _is_evaluated(name: str) -> bool:
    return (files.stage_folder("train", name) / "model.weights.h5").exists() and _locate_metrics(
        name
    ).exists()


def _load_validation_loss(name: str) -> float:
    with check_artifact(_locate_metrics(name)) as path:
        found = Scalars.model_validate(files.read_json(path)["validation"]).log_loss
        return math.inf if found is None else found


def _locate_metrics(name: str) -> Path:
    return files.stage_folder("evaluate", name) / "metrics.json"
