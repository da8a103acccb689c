"""A project to bring weights to, and files of weights, made once for all tests of a worker."""

import shutil
from collections.abc import Iterator
from contextlib import chdir
from pathlib import Path

import pytest

from tests.support.project import ROOT, run_command
from tests.support.weights import NAME, write_keras_weights, write_legacy_weights


@pytest.fixture(scope="session")
def weights_files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Give random weights in both forms, one named as a browser does that has it already."""
    from secondlook.training import environment
    from secondlook.training.backbone import build_backbone

    environment.start_tensorflow()
    network, folder = build_backbone(NAME), tmp_path_factory.mktemp("given")
    return {
        "keras": write_keras_weights(network, folder / "w.weights.h5").rename(folder / "w (1).h5"),
        "legacy": write_legacy_weights(network, folder / "no_top.h5"),
    }


@pytest.fixture(scope="session")
def empty_project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a project in git and DVC without data."""
    folder = tmp_path_factory.mktemp("empty")
    for name in ("dvc.yaml", "params.yaml"):
        shutil.copy(ROOT / name, folder)
    for command in (["git", "init", "--quiet"], ["dvc", "init", "--quiet"]):
        run_command(folder, *command)
    return folder


@pytest.fixture
def weights_project(empty_project: Path, tmp_path: Path) -> Iterator[Path]:
    """Give a copy of it to be changed, and enter it."""
    folder = Path(shutil.copytree(empty_project, tmp_path / "project"))
    with chdir(folder):
        yield folder
