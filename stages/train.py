"""Fit one entry of `runs:` and predict validation and test with it.

Reads data/preprocess; writes data/train/<run>: model.json and model.weights.h5, history.csv,
predictions.npz, typical.npz (how far pictures are from those of training), layers.json and
inside.npz (what is inside the network), run.json. It is the only stage that needs TensorFlow:
everything after it is a function of these files.
"""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from stages.core import engine, files
from stages.core.checkpoint import Checkpoint
from stages.core.epochs import Curves, LogEpoch
from stages.core.errors import ParamsError
from stages.core.identity import run_key
from stages.core.outputs.facts import Facts
from stages.core.outputs.facts import read as read_facts
from stages.core.params import EarlyStopping, Params, Train
from stages.core.training import Training, epochs_behind
from stages.core.typical import distance
from stages.core.validation import FILE, one_of

if TYPE_CHECKING:
    import keras

    from stages.core.dataset import Batches
    from stages.core.outputs.layers import Layers
    from stages.core.outputs.passage import Passage

Weights = dict[str, float]


def run(params: Params, name: str, log_epoch: LogEpoch) -> None:
    """Train the run `name`; `log_epoch` is given each finished epoch (from 1) and its numbers.

    Raises ParamsError for class weights that do not fit the data, TrainingError when the
    objective stops being a number; KeyboardInterrupt says what `dvc repro` will do.
    """
    train, facts = params.run(name), read_facts()
    weights = class_weights(train, facts, f"{FILE}: runs.{name}")
    key = run_key(params, name)  # before anyone edits the code meanwhile
    curves = Curves(f"{FILE}: runs.{name}", facts.positive_index, log_epoch)
    saving = Checkpoint(key, params.train.checkpoint_seconds)
    with saving as saved, files.output("train", name) as folder:
        model, kept_epoch = fit(train, facts, weights, curves, saved)
        save(model, folder)
        np.savez(folder / "predictions.npz", allow_pickle=False, **predictions(model))
        np.savez(folder / distance.FILE, allow_pickle=False, **typical(model).arrays())
        files.write_csv(folder / "history.csv", curves.history[0], curves.history)
        layers, example = inside(model, facts)
        files.write_json(folder / "layers.json", layers.model_dump())
        np.savez(folder / "inside.npz", allow_pickle=False, **example.arrays())
        told = outcome(train, model, len(curves.history), kept_epoch)
        told |= {"run": name, "key": key, "data": facts.digest, "class_weights": weights}
        told["weights_digest"] = files.digest(folder / "model.weights.h5")
        files.write_json(folder / "run.json", told)


def class_weights(train: Train, facts: Facts, where: str) -> Weights | None:
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
        check_classes(train.class_weight, classes, f"{where}.class_weight")
    return train.class_weight


def check_classes(weights: Weights, classes: list[str], where: str) -> None:
    """Raise ParamsError unless `weights` has exactly the `classes`."""
    unknown = [label for label in weights if label not in classes]
    missing = [label for label in classes if label not in weights]
    if unknown:
        raise ParamsError(f"{where}: found class {unknown[0]!r}; expected {one_of(classes)}")
    if missing:
        raise ParamsError(f"{where}: class {missing[0]!r} has no weight; give every class one")


def fit(
    train: Train, facts: Facts, weights: Weights | None, curves: Curves, saved: Checkpoint
) -> "tuple[keras.Model, int]":
    """Return the trained model and the epoch (from 1) whose weights it holds.

    The same parameters and arrays give the same weights, bit for bit, on the same machine,
    whether it trains in one go or resumes from what is saved.
    """
    engine.start()
    import tensorflow as tf

    from stages.core.model import build

    tf.config.experimental.enable_op_determinism()
    model = build(train, facts.shape, len(facts.classes))
    stopper = early_stopping(train.early_stopping)
    state = saved.read()
    data = batches(train, facts.classes, weights)
    data.epoch = epochs_behind(state, train.epochs)
    model.fit(
        data,
        initial_epoch=data.epoch,
        epochs=train.epochs,
        callbacks=Training(model, stopper, curves).callbacks(saved, state),
        shuffle=False,  # Batches shuffles, by seed and epoch alone
        verbose=1 if sys.stdout.isatty() else 0,
    )
    return model, (stopper.best_epoch + 1 if stopper else train.epochs)


def early_stopping(wanted: EarlyStopping | None) -> "keras.callbacks.EarlyStopping | None":
    """Return the callback that stops in time and brings the best epoch's weights back."""
    from keras.callbacks import EarlyStopping as Stopper

    if wanted is None:
        return None
    mode = "min" if wanted.monitor.endswith("loss") else "max"
    return Stopper(wanted.monitor, patience=wanted.patience, mode=mode, restore_best_weights=True)


def batches(train: Train, classes: list[str], weights: Weights | None) -> "Batches":
    """Return the training images, shuffled and weighted."""
    from stages.core.dataset import Batches

    by_class = np.array([weights[label] if weights else 1 for label in classes], np.float32)
    pictures, labels = files.images("train"), files.labels("train")
    return Batches(pictures, labels, by_class, train.batch_size, train.seed)


def save(model: "keras.Model", folder: Path) -> None:
    """Write the network into `folder`."""
    from stages.core.model import save as save_network

    save_network(model, folder)


def typical(model: "keras.Model") -> distance.Distance:
    """Return how far pictures are from those of training inside the network."""
    labels, places = files.labels("train"), sampled("train")
    training, validation = embeddings(model, "train"), embeddings(model, "validation")
    return distance.Distance.fit(training, labels[places], validation)


def embeddings(model: "keras.Model", split: str) -> NDArray[np.float32]:
    """Return what the network makes of some of the images before it answers, (n, D)."""
    from stages.core.dataset import Sample
    from stages.core.model import ask

    sample = Sample(files.images(split), sampled(split))
    return distance.gathered(answers.embeddings for answers in ask(model, sample))


def sampled(split: str) -> NDArray[np.int64]:
    """Return the places of images, always the same ones."""
    from stages.core.dataset import fixed_sample

    return fixed_sample(len(files.labels(split)), distance.SAMPLE)


def predictions(model: "keras.Model") -> dict[str, NDArray[np.float32]]:
    """Return the class probabilities (N, K) of validation and test."""
    from stages.core.model import predict

    return {split: predict(model, files.images(split)) for split in ("validation", "test")}


def inside(model: "keras.Model", facts: Facts) -> "tuple[Layers, Passage]":
    """Return what the layers make of validation images, and of one image of test, to be shown."""
    from stages.core.inside.follow import passage
    from stages.core.inside.layers import Network
    from stages.core.inside.table import measured
    from stages.core.outputs.passage import example

    network = Network(model)
    shown = files.images("test")[example(files.labels("test"), facts.positive_index)]
    table = measured(network, files.images("validation"), files.labels("validation"))
    return table, passage(network, shown)


def outcome(train: Train, model: "keras.Model", epochs: int, kept_epoch: int) -> dict[str, object]:
    """Return the parameters of a run and what came of them, as run.json tells it."""
    return {
        "parameters": train.model_dump(),
        "epochs": epochs,
        "kept_epoch": kept_epoch,
        "stopped_early": epochs < train.epochs,
        "parameter_count": model.count_params(),
    }
