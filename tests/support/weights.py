"""`secondlook weights`, and files of weights as Keras writes them, and as Keras 2 wrote them."""

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from secondlook.config.training import BackboneName
from secondlook.training.pretrained_weights import get_weights_path
from tests.support.commands import refuse_secondlook, run_secondlook

if TYPE_CHECKING:
    import keras

NAME: BackboneName = "mobilenet_v3_small"  # 4 MB
TARGET = get_weights_path(NAME)


def write_keras_weights(network: "keras.Model", path: Path) -> Path:
    """Write a .weights.h5."""
    network.save_weights(path)
    return path


def write_legacy_weights(network: "keras.Model", path: Path) -> Path:
    """Write a file of the form that keras.applications downloads."""
    import h5py
    from keras.src.legacy.saving import legacy_h5_format

    with h5py.File(path, "w") as file:
        legacy_h5_format.save_weights_to_hdf5_group(file, network)
    return path


def get_weights(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> None:
    """Run `secondlook weights` in the current folder."""
    run_secondlook(monkeypatch, "weights", *arguments)


def refuse_weights(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *arguments: str
) -> str:
    """Run one that fails, and return its one line."""
    return refuse_secondlook(monkeypatch, capsys, "weights", *arguments)
