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
from secondlook.config.params import Params
from secondlook.config.yaml_schema import PARAMS_FILE
from secondlook.training import embedding_distance
from secondlook.training.checkpoint import Checkpoint
from secondlook.training.environment import compute_run_key
from secondlook.training.epoch_metrics import LearningCurves, LogEpoch
from secondlook.training.pretrained_weights import check_weights
from secondlook.training.trainer import (
    compute_class_weights,
    summarize_training,
    train_network,
)

if TYPE_CHECKING:
    import keras

    from secondlook.artifacts.layer_artifact import Activations, LayerReport


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
        model, training = train_network(train, facts, weights, curves, saved)
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
        told = summarize_training(train, training) | {"parameter_count": model.count_params()}
        told |= {"run": name, "key": key, "data": facts.digest, "class_weights": weights}
        told["weights_digest"] = files.hash_files(folder / "model.weights.h5")
        files.write_json(folder / "run.json", told)


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
