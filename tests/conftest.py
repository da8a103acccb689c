"""Fixtures that several tests share."""

import os
import shutil
import signal
from collections.abc import Iterator
from contextlib import chdir, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

if TYPE_CHECKING:
    from selenium.webdriver import Chrome

ROOT = Path(__file__).parents[1]
SHARED = Path(os.environ.get("SECOND_LOOK_SHARED", ROOT.parent / "shared")) / "data"

# A busy machine is no failure; and the same examples every time.
settings.register_profile("project", deadline=None, derandomize=True)
settings.load_profile("project")


def pytest_configure() -> None:
    """Hear the signals that tests send, also where the suite was started in the background."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


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


@contextmanager
def entered(folder: Path) -> Iterator[Path]:
    """Make a folder a project that holds params.yaml and dvc.yaml alone, and enter it."""
    for name in ("params.yaml", "dvc.yaml"):
        (folder / name).write_bytes((ROOT / name).read_bytes())
    with chdir(folder):
        yield folder


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Path]:
    """Give an empty project folder holding params.yaml and dvc.yaml, and enter it."""
    with entered(tmp_path):
        yield tmp_path


@pytest.fixture(scope="session")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> "Iterator[Chrome]":
    """Give one browser to all tests; skip where there is none."""
    from tests import browser

    if not browser.found():
        absent("there is no chromium with chromedriver")
    with browser.chromium(tmp_path_factory.mktemp("profile")) as driver:
        yield driver


@pytest.fixture(scope="session")
def pipeline(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a small project of two runs under the real dvc, finished and committed: to be copied."""
    from tests import pipeline_builder

    folder = pipeline_builder.build(tmp_path_factory.mktemp("pipeline") / "project")
    pipeline_builder.run(folder, "dvc", "repro")
    pipeline_builder.commit(folder, "Finish")
    return folder


@pytest.fixture
def own_pipeline(pipeline: Path, tmp_path: Path) -> Path:
    """Give a copy of the finished project; its MLflow store still names the folder it was in."""
    return Path(shutil.copytree(pipeline, tmp_path / "project", symlinks=True))


@pytest.fixture(scope="session")
def empty_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give an MLflow database without runs, made once: its tables take seconds to make."""
    from stages.core.tracking.store import prepare

    folder = tmp_path_factory.mktemp("mlflow")
    prepare(folder / "mlflow.db", folder / "mlruns")
    return folder / "mlflow.db"


@pytest.fixture
def trackable(project: Path, empty_store: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give a project with two runs, ready to be tracked into a store that is still empty."""
    from tests import tracking_builder

    for name in ("MLFLOW_TRACKING_URI", "DVC_ROOT", "DVC_EXP_NAME"):
        monkeypatch.delenv(name, raising=False)
    shutil.copy(empty_store, project / "mlflow.db")
    tracking_builder.build()
    return project
