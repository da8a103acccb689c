"""Fixtures that several tests share."""

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SHARED = Path(os.environ.get("SECOND_LOOK_SHARED", ROOT.parent / "shared")) / "data"


def absent(what: str) -> None:
    """Skip the test for want of something; where nothing may be skipped (.ci/run), fail it."""
    if os.environ.get("SECOND_LOOK_SKIPS_NOTHING"):
        pytest.fail(what)
    pytest.skip(what)


@pytest.fixture
def shared_data() -> Path:
    """Give the folder of real data sets beside the project; skip where there is none."""
    if not SHARED.is_dir():
        absent("the real data sets are not here")
    return SHARED


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give an empty project folder holding params.yaml and dvc.yaml, and enter it."""
    for name in ("params.yaml", "dvc.yaml"):
        (tmp_path / name).write_bytes((ROOT / name).read_bytes())
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(scope="session")
def empty_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give an MLflow database without runs, made once: its tables take seconds to make."""
    from stages.core.tracking.store import prepare

    folder = tmp_path_factory.mktemp("mlflow")
    prepare(folder / "mlflow.db", folder / "mlruns")
    return folder / "mlflow.db"
