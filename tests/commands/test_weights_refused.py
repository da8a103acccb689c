"""What is not the weights of the network that was asked for is refused, and nothing is written."""

import shutil
from pathlib import Path

import h5py
import numpy as np
import pytest

from secondlook.training import environment
from tests.support.weights import (
    NAME,
    TARGET,
    get_weights,
    refuse_weights,
    write_keras_weights,
    write_legacy_weights,
)


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (None, "no such file"),
        ("folder", "is a folder"),
        (b"<!DOCTYPE html><html>", "found a web page (HTML)"),
        (b"version https://git-lfs.github.com/spec/v1\n", "found a git-lfs pointer ("),
        (b"", "found the bytes (none)"),
        (b"PK\3\4", "found the bytes 50 4b 03 04"),
        ("truncated", "is not whole ("),
    ],
)
def test_what_is_no_file_of_weights_is_told_before_keras_is_there(
    weights_project: Path,
    content: bytes | str | None,
    found: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """In one line that says what to do; nothing is written."""
    monkeypatch.setattr(environment, "start_tensorflow", pytest.fail)
    path = weights_project / "w.h5"
    if content == "folder":
        path.mkdir()
    elif content == "truncated":
        with h5py.File(path, "w") as file:
            file["kernel"] = np.zeros(9000)
        path.write_bytes(path.read_bytes()[:5000])
    elif isinstance(content, bytes):
        path.write_bytes(content)
    line = refuse_weights(monkeypatch, capsys, NAME, "--from", path.name)
    assert f"{path}: {found}" in line
    assert "; expected weights of MobileNetV3Small without its top; name a .weights.h5, or" in line
    assert not Path("data").exists()


def test_a_damaged_file_that_lies_there_is_told(
    weights_project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nobody is given the digest of what is no file of weights."""
    TARGET.parent.mkdir(parents=True)
    TARGET.write_bytes(b"<html>")
    line = refuse_weights(monkeypatch, capsys, NAME)
    assert f"{TARGET}: found a web page (HTML), which is no HDF5; expected weights of" in line
    TARGET.unlink()
    TARGET.mkdir()
    assert "is a folder; move it away" in refuse_weights(monkeypatch, capsys, NAME, "--replace")
    assert weights_project.is_dir()


def test_an_unknown_network_is_told_with_the_known(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """As wrong usage, before anything is imported."""
    with pytest.raises(SystemExit) as left:
        get_weights(monkeypatch, "vgg16")
    said = capsys.readouterr().err
    assert left.value.code == 2
    assert "'vgg16' is not one of 'mobilenet_v2', 'mobilenet_v3_small'," in said


def write_small_network(path: Path) -> None:
    """Write weights of another network."""
    import keras

    small = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)])
    write = write_legacy_weights if path.name == "legacy.h5" else write_keras_weights
    write(small, path)


def spoil_kernel(source: Path, path: Path, value: float) -> None:
    """Copy a file of weights with the first kernel of one value."""
    shutil.copy(source, path)
    with h5py.File(path, "r+") as file:
        file["layers/conv2d/vars/0"][...] = value


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "found"),
    [
        ("legacy.h5", "cannot take its weights from it (Layer count mismatch"),
        ("other.weights.h5", "cannot take its weights from it (A total of "),
        ("nothing.h5", "cannot take its weights from it ("),
        ("damaged.weights.h5", "cannot take its weights from it ("),
        ("nan.weights.h5", "conv/kernel holds values that are no numbers"),
        ("gap.weights.h5", "conv/kernel is 0 throughout"),
    ],
)
def test_weights_that_are_not_the_networks_are_refused(  # noqa: PLR0913, PLR0917 - two ask, two tell
    weights_project: Path,
    weights_files: dict[str, Path],
    kind: str,
    found: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Of another network, or damaged inside: one line, nothing beside it, an older file stays."""
    TARGET.parent.mkdir(parents=True)
    TARGET.write_bytes(b"older")
    path = weights_project / kind
    if kind in {"legacy.h5", "other.weights.h5"}:
        write_small_network(path)
    elif kind == "nothing.h5":
        h5py.File(path, "w").close()
    elif kind == "damaged.weights.h5":
        content = bytearray(weights_files["keras"].read_bytes())
        content[100_000:1_000_000] = bytes(900_000)
        path.write_bytes(content)
    else:
        spoil_kernel(
            weights_files["keras"], path, {"nan.weights.h5": np.nan, "gap.weights.h5": 0}[kind]
        )
    line = refuse_weights(monkeypatch, capsys, NAME, "--from", str(path), "--replace")
    assert str(path) in line
    assert found in line
    assert [each.read_bytes() for each in TARGET.parent.iterdir()] == [b"older"]
