"""Fit one entry of `runs:` and predict validation and test with it.

Reads data/preprocess; writes data/train/<run>: model.json and model.weights.h5, history.csv,
predictions.npz, typical.npz (how far pictures are from those of training), layers.json and
inside.npz (what is inside the network), run.json. It is the only stage that needs TensorFlow:
everything after it is a function of these files.
"""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from secondlook.artifacts import files, manifest
from secondlook.artifacts.dataset_card import DatasetCard, load_dataset_card
from secondlook.config.errors import ParamsError
from secondlook.config.params import Params
from secondlook.config.training import TrainParams
from secondlook.config.yaml_schema import PARAMS_FILE, format_choices
from secondlook.training import embedding_distance, environment
from secondlook.training.checkpoint import Checkpoint
from secondlook.training.environment import compute_run_key
from secondlook.training.epoch_metrics import LearningCurves, LogEpoch
from secondlook.training.fitting import Training, list_phases
from secondlook.training.pretrained_weights import check_weights, find_weights

if TYPE_CHECKING:
    import keras

    from secondlook.artifacts.layer_artifact import Activations, LayerReport
    from secondlook.training.optimization import Batches

ClassWeights = dict[str, float]


def run(params: Params, name: str, log_epoch: LogEpoch) -> None:
    """Train the run `name`; `log_epoch` is given each finished epoch (from 1) and its numbers.

    Raises ParamsError for class weights that do not fit the data, TrainingError when the
    objective stops being a number; KeyboardInterrupt says what `dvc repro` will do.
    """
    train, facts = params.run(name), load_dataset_card()
    weights = compute_class_weights(train, facts, f"{PARAMS_FILE}: runs.{name}")
    key = compute_run_key(params, name)  # before anyone edits the code meanwhile
    if train.backbone:
        check_weights(train.backbone, f"{PARAMS_FILE}: runs.{name}")
    curves = LearningCurves(f"{PARAMS_FILE}: runs.{name}", facts.positive_index, log_epoch)
    saving = Checkpoint(key, params.train.checkpoint_seconds)
    with saving as saved, files.create_output("train", name) as folder:
        model, training = _fit_model(train, facts, weights, curves, saved)
        _save_model(model, folder)
        np.savez(folder / "predictions.npz", allow_pickle=False, **_predict_splits(model))
        np.savez(
            folder / embedding_distance.DISTANCE_FILE,
            allow_pickle=False,
            **_fit_distance(model).to_arrays(),
        )
        files.write_csv(folder / "history.csv", curves.history[0], curves.history)
        layers, example = _inspect_layers(model, facts)
        files.write_json(folder / "layers.json", layers.model_dump())
        np.savez(folder / "inside.npz", allow_pickle=False, **example.to_arrays())
        told = _summarize_run(train, model, training)
        told |= {"run": name, "key": key, "data": facts.digest, "class_weights": weights}
        told["weights_digest"] = files.hash_files(folder / "model.weights.h5")
        files.write_json(folder / "run.json", told)


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


def _fit_model(
    train: TrainParams,
    facts: DatasetCard,
    weights: ClassWeights | None,
    curves: LearningCurves,
    saved: Checkpoint,
) -> "tuple[keras.Model, Training]":
    """Return the trained model, and the training that made it."""
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


def build_batches(
    train: TrainParams, classes: list[str], weights: ClassWeights | None
) -> "Batches":
    """Return the training images, shuffled and weighted."""
    from secondlook.training.optimization import Batches

    by_class = np.array([weights[label] if weights else 1 for label in classes], np.float32)
    pictures, labels = manifest.load_images("train"), manifest.load_labels("train")
    batches = Batches(pictures, labels, by_class, train.batch_size, train.seed)
    batches.mixup = train.augment.mixup if train.augment else 0.0
    return batches


def _save_model(model: "keras.Model", folder: Path) -> None:
    """Write the network into `folder`."""
    from secondlook.training.model import save_model

    save_model(model, folder)


def _fit_distance(model: "keras.Model") -> embedding_distance.EmbeddingDistance:
    """Return how far pictures are from those of training inside the network."""
    labels, places = manifest.load_labels("train"), _draw_sample("train")
    training, validation = (
        _compute_embeddings(model, "train"),
        _compute_embeddings(model, "validation"),
    )
    return embedding_distance.EmbeddingDistance.fit(training, labels[places], validation)


def _compute_embeddings(model: "keras.Model", split: str) -> NDArray[np.float32]:
    """Return what the network makes of some of the images before it answers, (n, D)."""
    from secondlook.training.model import predict_batches

    sample = manifest.ImageSubset(manifest.load_images(split), _draw_sample(split))
    return embedding_distance.collect_embeddings(
        answers.embeddings for answers in predict_batches(model, sample)
    )


def _draw_sample(split: str) -> NDArray[np.int64]:
    """Return the places of images, always the same ones."""
    return manifest.draw_fixed_sample(
        len(manifest.load_labels(split)), embedding_distance.SAMPLE_SIZE
    )


def _predict_splits(model: "keras.Model") -> dict[str, NDArray[np.float32]]:
    """Return the class probabilities (N, K) of validation and test."""
    from secondlook.training.model import predict_probabilities

    return {
        split: predict_probabilities(model, manifest.load_images(split))
        for split in manifest.EVALUATED_SPLITS
    }


def _inspect_layers(model: "keras.Model", facts: DatasetCard) -> "tuple[LayerReport, Activations]":
    """Return what the layers make of validation images, and of one image of test, to be shown."""
    from secondlook.artifacts.layer_artifact import find_example
    from secondlook.training.layer_outputs import LayeredNetwork, compute_activations
    from secondlook.training.linear_probe import measure_layers

    network = LayeredNetwork(model)
    shown = manifest.load_images("test")[
        find_example(manifest.load_labels("test"), facts.positive_index)
    ]
    table = measure_layers(
        network, manifest.load_images("validation"), manifest.load_labels("validation")
    )
    return table, compute_activations(network, shown)


def _summarize_run(
    train: TrainParams, model: "keras.Model", training: Training
) -> dict[str, object]:
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
        "parameter_count": model.count_params(),
    } | ({"fine_tuned_after": training.begun[1]} if train.fine_tune else {})
