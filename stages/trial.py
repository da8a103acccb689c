"""Train one trial of a sweep, and ask it about validation alone.

Reads data/preprocess and the entry of data/sweep/points.yaml; writes data/trial/<trial>: trial.json
(its parameters and what came of them), history.csv, and predictions.npz of validation. It keeps no
network, and nothing of test is computed: there is nothing to peek at. A training that diverges is a
result, too. Its pipeline is data/sweep/dvc.yaml.
"""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from secondlook.artifacts import files, manifest
from secondlook.artifacts.dataset_card import DatasetCard, load_dataset_card
from secondlook.config.errors import DivergenceError
from secondlook.config.params import Params
from secondlook.config.sweeps import POINTS_FILE, load_trial_params
from secondlook.config.training import TrainParams
from secondlook.evaluation.metrics import compute_scalars
from secondlook.training.checkpoint import Checkpoint
from secondlook.training.environment import compute_training_key
from secondlook.training.epoch_metrics import LearningCurves, LogEpoch
from secondlook.training.pretrained_weights import check_weights
from secondlook.training.trainer import (
    compute_class_weights,
    summarize_training,
    train_network,
)

if TYPE_CHECKING:
    import keras


def run(params: Params, name: str, log_epoch: LogEpoch) -> None:
    """Train the trial `name`; `log_epoch` is given each finished epoch (from 1) and its numbers.

    Raises ParamsError where there is no such trial or it does not fit the data, TrainingError
    where the device cannot train it; KeyboardInterrupt says what comes next.
    """
    train, facts, where = load_trial_params(name), load_dataset_card(), f"{POINTS_FILE}: {name}"
    weights = compute_class_weights(train, facts, where)
    key = compute_training_key(train)
    if train.backbone:
        check_weights(train.backbone, where)
    curves = LearningCurves(where, facts.positive_index, log_epoch)
    saving = Checkpoint(key, params.train.checkpoint_seconds)
    with saving as saved, files.create_output("trial", name) as folder:
        told: dict[str, object] = {"key": key, "data": facts.digest}
        try:
            model, training = train_network(train, facts, weights, curves, saved)
        except DivergenceError as error:
            told |= _summarize_failure(train, curves, str(error).removeprefix(f"{where}: "))
        else:
            told |= summarize_training(train, training) | _measure_validation(model, facts, folder)
        if curves.history:
            files.write_csv(folder / "history.csv", curves.history[0], curves.history)
        files.write_json(folder / "trial.json", told)


def _summarize_failure(train: TrainParams, curves: LearningCurves, why: str) -> dict[str, object]:
    """Return what trial.json says of a training that diverged."""
    return {
        "parameters": train.model_dump(),
        "epochs": len(curves.history),
        "kept_epoch": len(curves.history),
        "stopped_early": False,
        "metrics": {},
        "diverged": why.partition(";")[0],
    }


def _measure_validation(
    model: "keras.Model", facts: DatasetCard, folder: Path
) -> dict[str, object]:
    """Write what the network answers to the images of validation; return its metrics there."""
    from secondlook.training.model import predict_probabilities

    found = predict_probabilities(model, manifest.load_images("validation"))
    if not np.isfinite(found).all():  # by its last step, after the objective was measured
        return {"metrics": {}, "diverged": "the network answers with what is no number"}
    np.savez(folder / "predictions.npz", allow_pickle=False, validation=found)
    numbers = compute_scalars(manifest.load_labels("validation"), found, facts.positive_index)
    defined = {name: value if np.isfinite(value) else None for name, value in numbers.items()}
    return {"metrics": defined}
