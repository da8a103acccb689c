"""Which run of the workspace answers, where nobody says which."""

import math
from pathlib import Path

from stages.core import files
from stages.core.errors import DataError
from stages.core.outputs.records import read_from
from stages.core.outputs.results import Scalars
from stages.core.params import Params


def best_run(params: Params) -> str:
    """Return the trained run with the lowest log loss on validation, the first of equals.

    Raises DataError when no run of params.yaml has been trained and evaluated.
    """
    losses = {name: _loss(name) for name in params.runs if _is_there(name)}
    found = {name: loss for name, loss in losses.items() if math.isfinite(loss)}
    if not found:
        where = files.folder("evaluate")
        raise DataError(f"{where}: no run has been trained and evaluated; run `dvc repro`")
    return min(found, key=found.__getitem__)


def trained(params: Params, name: str) -> Path:
    """Return the folder of a run that is in params.yaml and has been trained.

    Raises ParamsError when there is no such run, DataError when it was never trained.
    """
    params.run(name)
    with read_from(files.folder("train", name) / "model.weights.h5") as path:
        return path.parent


def _is_there(name: str) -> bool:
    return (files.folder("train", name) / "model.weights.h5").exists() and _metrics(name).exists()


def _loss(name: str) -> float:
    with read_from(_metrics(name)) as path:
        found = Scalars.model_validate(files.read_json(path)["validation"]).log_loss
        return math.inf if found is None else found


def _metrics(name: str) -> Path:
    return files.folder("evaluate", name) / "metrics.json"
