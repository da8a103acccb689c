"""A training that begins from a pretrained network: the head alone, then its last blocks."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from secondlook.artifacts import files, layer_artifact
from secondlook.config.errors import DataError
from secondlook.config.params import Params
from secondlook.training import backbone, pretrained_weights
from stages import train
from tests.support.interruptions import kill_training
from tests.support.project import edit_params
from tests.support.training import (
    SILENT,
    read_history,
    read_outputs,
    shorten_backbone,
    write_backbone,
    write_noise_images,
    write_small_run_params,
)
from tests.support.weights import NAME, write_legacy_weights

SHAPE = (32, 32, 3)
TUNED: dict[str, Any] = {"epochs": 2, "learning_rate": 0.01, "blocks": 1}
# Every source of chance and of memory.
LIVELY: dict[str, Any] = {
    "early_stopping": {"monitor": "validation/loss", "patience": 1},
    "augment": {"rotation": 0.1, "shift": 0.1, "zoom": 0.1, "flip": True, "mixup": 0.3},
    "class_weight": "balanced",
    "dropout": 0.2,
    "optimizer": {"adamw": {"weight_decay": 0.01}},
    "learning_rate_schedule": {"cosine": {"warmup": 0}},
}
# Without augmentation the head learns from features; what else there is of chance and habits.
STILL: dict[str, Any] = LIVELY | {
    "augment": None,
    "precision": "mixed_bfloat16",
    "label_smoothing": 0.1,
    "loss": {"focal": {"gamma": 2.0}},
}


@pytest.fixture(autouse=True)
def weights(project: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Give a project with small colour pictures, and what a run says of a backbone's weights.

    The backbone is short: how the whole ones learn is asked in tests/training/test_backbone.py.
    """
    monkeypatch.delenv("DVC_ROOT", raising=False)
    shorten_backbone(monkeypatch)
    write_noise_images(project, SHAPE)
    edit_params(project, {"preprocess": {"height": 32, "width": 32, "channels": 3}})
    return write_backbone()


def write_params(weights: dict[str, str], **changes: Any) -> Params:  # noqa: ANN401 - of a run
    """Write one small pretrained run into params.yaml, every epoch of which is saved."""
    told = {"model": "pretrained", "backbone": weights, "epochs": 2, "learning_rate": 0.01}
    return write_small_run_params(0, **told | {"fine_tune": TUNED} | changes)


def read_run() -> dict[str, Any]:
    """Return what run.json tells of the run."""
    told: dict[str, Any] = files.read_json(files.stage_folder("train", "small") / "run.json")
    return told


def load_network(folder: Path | None = None) -> Any:  # noqa: ANN401 - Keras has no types
    """Return the network that the run left."""
    from secondlook.training.model import load_model

    return load_model(folder or files.stage_folder("train", "small"))


def get_statistics(network: Any) -> dict[str, bytes]:  # noqa: ANN401 - likewise
    """Return the moving statistics of every BatchNormalization, by name."""
    from keras.layers import BatchNormalization

    return {
        layer.name: b"".join(np.asarray(each).tobytes() for each in layer.get_weights()[-2:])
        for layer in network.layers
        if isinstance(layer, BatchNormalization)
    }


def test_two_phases_are_one_training(weights: dict[str, str]) -> None:
    """Both are in one curve; only what should learn has, and no moving statistics move."""
    from secondlook.training.model import load_model, save_model

    params = write_params(weights)
    epochs: list[int] = []
    train.run(params, "small", lambda epoch, _numbers: epochs.append(epoch))
    told = read_run()
    assert (told["epochs"], told["kept_epoch"], told["fine_tuned_after"]) == (4, 4, 2)
    assert epochs == [point["epoch"] for point in read_history()] == [1, 2, 3, 4]
    assert told["parameters"]["backbone"] == weights
    network = load_network()
    start = backbone.build_backbone(
        "mobilenet_v3_small", weights=str(pretrained_weights.get_weights_path(weights["name"]))
    )
    assert get_statistics(network) == get_statistics(start)
    Path("again").mkdir()
    save_model(network, Path("again"))
    assert get_statistics(load_model(Path("again"))) == get_statistics(start)
    same = {
        layer.name: all(
            np.array_equal(now, then)
            for now, then in zip(
                layer.get_weights(), start.get_layer(layer.name).get_weights(), strict=True
            )
        )
        for layer in backbone.list_backbone_layers(network)
    }
    learned = {name for name, equal in same.items() if not equal}
    assert "expanded_conv_2_project" in learned
    assert not [name for name in learned if not name.startswith(("expanded_conv_2", "conv_1"))]
    table = layer_artifact.load_layer_report("small")
    assert [layer.name for layer in table.layers][-4:] == [
        *(backbone.END, "pooled", "dense_1", "answer")
    ]


@pytest.mark.parametrize("habits", [LIVELY, STILL], ids=["from images", "from features"])
def test_interrupted_in_either_phase_or_between(
    habits: dict[str, Any], weights: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    """Stopped after each epoch in turn, it ends with the bytes of one go."""
    params = write_params(weights, **habits)
    train.run(params, "small", SILENT)
    whole, epochs, switched = read_outputs(), read_run()["epochs"], read_run()["fine_tuned_after"]
    files.stage_folder("train", "small").rename("made")
    assert 0 < switched < epochs
    for epoch in range(1, epochs):
        state = kill_training(params, epoch + 1, 0)
        assert state.begun == ([0] if epoch <= switched else [0, switched])
    train.run(params, "small", SILENT)
    assert read_outputs() == whole
    said = capsys.readouterr().out
    assert f"resuming after epoch {switched}, the last before fine-tuning" in said


def test_patience_counts_anew_and_the_best_of_both_is_kept(weights: dict[str, str]) -> None:
    """The head stops early, fine-tuning begins; where that only harms, the head alone is kept."""
    stopping = {"monitor": "validation/loss", "patience": 2}
    tuned = TUNED | {"epochs": 9, "learning_rate": 30.0}
    params = write_params(
        weights, epochs=30, learning_rate=1.0, early_stopping=stopping, fine_tune=tuned
    )
    train.run(params, "small", SILENT)
    told, history = read_run(), read_history()
    switched = told["fine_tuned_after"]
    assert switched < 30
    assert told["epochs"] == switched + 2
    assert told["stopped_early"]
    assert told["kept_epoch"] == switched - 2
    best = min(history, key=lambda point: point["validation/loss"])
    assert told["kept_epoch"] == best["epoch"]
    with np.load(files.stage_folder("train", "small") / "predictions.npz") as saved:
        accuracy = (
            saved["validation"].argmax(axis=1)
            == np.load(files.stage_folder("preprocess", "validation.labels.npy"))
        ).mean()
    assert accuracy == pytest.approx(best["validation/accuracy"])


def test_other_weights_are_told_before_anything_runs(weights: dict[str, str]) -> None:
    """A run of another digest trains nothing and leaves nothing."""
    params = write_params(weights | {"sha256": "0" * 64})
    with pytest.raises(DataError, match=r"found sha256 \w+; params.yaml: runs.small.backbone exp"):
        train.run(params, "small", SILENT)
    assert not files.stage_folder("train").exists()


@pytest.mark.parametrize(
    ("kind", "found"),
    [
        ("page", "found a web page (HTML), which is no HDF5; expected weights of MobileNetV3Small"),
        ("network", "MobileNetV3Small cannot take its weights from it (A total of "),
    ],
)
def test_a_file_that_is_not_the_networks_is_one_line(kind: str, found: str) -> None:
    """Whoever puts one there by hand, with its digest, is told so; nothing is left of the run."""
    path = pretrained_weights.get_weights_path("mobilenet_v3_small")
    if kind == "page":
        path.write_bytes(b"<!DOCTYPE html><html>")
    else:
        backbone.build_backbone("mobilenet_v2").save_weights(path)
    params = write_params({"name": "mobilenet_v3_small", "sha256": files.hash_file(path)})
    with pytest.raises(DataError) as caught:
        train.run(params, "small", SILENT)
    assert str(caught.value).startswith(f"{path}: {found}")
    assert "\n" not in str(caught.value)
    assert not files.stage_folder("train", "small").exists()


def test_weights_as_keras_downloads_them_will_do(weights: dict[str, str]) -> None:
    """The older form of file that somebody puts there: a run begins with the same numbers."""
    from secondlook.training.model import build_model, copy_variables

    path = pretrained_weights.get_weights_path(weights["name"])
    network = backbone.build_backbone(NAME)
    network.load_weights(path)
    legacy = write_legacy_weights(network, Path("legacy.h5"))
    run = write_params(weights).run("small")
    first, second = (
        copy_variables(build_model(run, SHAPE, 2, weights=each)) for each in (path, legacy)
    )
    for now, then in zip(second, first, strict=True):
        assert now.tobytes() == then.tobytes()
