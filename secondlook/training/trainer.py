"""One training, from its parameters to a network: class weights, batches, network, epochs."""

from typing import TYPE_CHECKING

import numpy as np

from secondlook.artifacts import manifest
from secondlook.artifacts.dataset_card import DatasetCard
from secondlook.config.errors import ParamsError
from secondlook.config.training import TrainParams
from secondlook.config.yaml_schema import format_choices
from secondlook.training import environment
from secondlook.training.checkpoint import Checkpoint
from secondlook.training.epoch_metrics import LearningCurves
from secondlook.training.fitting import Training, list_phases
from secondlook.training.pretrained_weights import find_weights

if TYPE_CHECKING:
    import keras

    from secondlook.training.optimization import Batches

ClassWeights = dict[str, float]


def compute_class_weights(
    train: TrainParams, facts: DatasetCard, where: str
) -> ClassWeights | None:
    """Return the weight of each class, or None when all weigh the same.

    "balanced" is N / (K * count) (King & Zeng 2001, "Logistic Regression in Rare Events Data"):
    every class then weighs the same in the objective. Raises ParamsError when given weights
    name a class that does not exist, or leave one out.
    """
    classes, counts = facts.classes, facts.counts["train"]
    if train.class_weight == "balanced":
        total = sum(counts.values())
        return {label: total / (len(classes) * counts[label]) for label in classes}
    if train.class_weight is not None:
        _check_classes(train.class_weight, classes, f"{where}.class_weight")
    return train.class_weight


def _check_classes(weights: ClassWeights, classes: list[str], where: str) -> None:
    """Raise ParamsError unless `weights` has exactly the `classes`."""
    unknown = [label for label in weights if label not in classes]
    missing = [label for label in classes if label not in weights]
    if unknown:
        raise ParamsError(
            f"{where}: found class {unknown[0]!r}; expected {format_choices(classes)}"
        )
    if missing:
        raise ParamsError(f"{where}: class {missing[0]!r} has no weight; give every class one")


def build_batches(
    train: TrainParams, classes: list[str], weights: ClassWeights | None
) -> "Batches":
    """Return the training images, shuffled and weighted."""
    from secondlook.training.optimization import Batches

    by_class = np.array([weights[label] if weights else 1 for label in classes], np.float32)
    pictures, labels = manifest.load_images("train"), manifest.load_labels("train")
    batches = Batches(pictures, labels, by_class, train.batch_size, train.seed)
    batches.mixup = train.augment.mixup if train.augment else 0.0
    batches.window = train.shuffle_window
    return batches


def train_network(
    train: TrainParams,
    facts: DatasetCard,
    weights: ClassWeights | None,
    curves: LearningCurves,
    saved: Checkpoint,
) -> "tuple[keras.Model, Training]":
    """Return the trained model, and the training that made it.

    Raises ParamsError for a file of weights that is not the network's, TrainingError when the
    objective stops being a number, or where the device computes nothing the same way twice.
    """
    environment.start_tensorflow()
    import tensorflow as tf

    from secondlook.training.model import build_model

    tf.config.experimental.enable_op_determinism()
    data = build_batches(train, facts.classes, weights)
    backbone = find_weights(train.backbone.name) if train.backbone else None
    model = build_model(train, facts.shape, len(facts.classes), len(data), backbone)
    training = Training(model, train, data, curves, saved)
    training.fit()
    return model, training


def summarize_training(train: TrainParams, training: Training) -> dict[str, object]:
    """Return the parameters of a run and what came of them, as run.json tells it.

    fine_tuned_after is the last epoch of the head alone; runs of one phase do not have it.
    """
    epochs = len(training.curves.history)
    allowed = sum(phase.epochs for phase in list_phases(train))
    return {
        "parameters": train.model_dump(),
        "epochs": epochs,
        "kept_epoch": training.kept_epoch,
        "stopped_early": epochs < allowed,
    } | ({"fine_tuned_after": training.begun[1]} if train.fine_tune else {})
