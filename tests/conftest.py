"""Fixtures that several tests share."""

import gc
import os
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

from tests.support.project import (
    SHARED_DATA,
    build_finished_project,
    build_once,
    enter_project,
    read_times,
    skip_or_fail,
)

if TYPE_CHECKING:
    from selenium.webdriver import Chrome

# A busy machine is no failure; and the same examples every time.
settings.register_profile("project", deadline=None, derandomize=True)
settings.load_profile("project")

# By the real dvc, in half a minute.
FINISHED_PROJECTS = {"finished_project", "project_copy", "first_champion"}
# Files of a quarter of a minute and more, the longest first, so that no worker is left with one at
# the end; but at the start, one builds each shared project, and one waits for cron meanwhile.
LONG_FILES = (
    "test_reproduce.py",
    "test_retrain.py",
    "test_deploy.py",
    "test_server.py",
    "test_dvc_experiments.py",
    "test_retrain_killed.py",
    "test_pipeline.py",
    "test_backbone.py",
    "test_sync.py",
    "test_interrupted.py",
    "test_train_pretrained.py",
    "test_sweep.py",
    "test_repro.py",
    "test_predict.py",
    "test_train_killed.py",
    "test_train_resumed.py",
    "test_outages.py",
    "test_pretrained.py",
    "test_weights.py",
    "test_source_data.py",
    "test_store.py",
    "test_live_killed.py",
    "test_inspect.py",
    "test_environment.py",
    "test_live.py",
    "test_report_browser.py",
)


def pytest_configure() -> None:
    """Hear the signals that tests send, also where the suite was started in the background."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    os.environ["DVC_NO_ANALYTICS"] = "1"  # else dvc starts another dvc, to send what was done
    gc.set_threshold(50_000)  # as in the commands: libraries make a million objects that stay


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark tests by what they ask for, so that nobody forgets it; others mark themselves."""
    for item in items:
        asked = set(getattr(item, "fixturenames", ()))
        if asked & FINISHED_PROJECTS or "end_to_end" in item.path.parts:
            item.add_marker("slow")
        if "chromium" in asked:
            item.add_marker("browser")
    order = {name: place for place, name in enumerate(LONG_FILES)}
    items.sort(key=lambda item: order.get(item.path.name, len(order)))


def pytest_collection_finish() -> None:
    """Look for garbage among what tests make only, not among all that was collected."""
    gc.freeze()


@pytest.fixture
def shared_data() -> Path:
    """Give the folder of real data sets beside the project; skip where there is none."""
    if not SHARED_DATA.is_dir():
        skip_or_fail("the real data sets are not here")
    return SHARED_DATA


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Path]:
    """Give an empty project folder holding params.yaml and dvc.yaml, and enter it."""
    with enter_project(tmp_path):
        yield tmp_path


@pytest.fixture(scope="session")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> "Iterator[Chrome]":
    """Give one browser to all tests; skip where there is none."""
    from tests.support import browser

    if not browser.is_installed():
        skip_or_fail("there is no chromium with chromedriver")
    with browser.run_chromium(tmp_path_factory.mktemp("profile")) as driver:
        yield driver


@pytest.fixture(scope="session")
def fork_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Let stages under dvc be done by children of one process that has TensorFlow."""
    from tests.support.fork_server import share_server

    with share_server(tmp_path_factory.mktemp("server")):
        yield


@pytest.fixture(scope="session")
def finished_project(
    tmp_path_factory: pytest.TempPathFactory,
    fork_server: None,  # noqa: ARG001 - for what is done in its copies
) -> Iterator[Path]:
    """Give a small project of two runs under the real dvc, finished and committed: to be copied.

    All workers share it, so whoever writes into it is told. What dvc printed lies beside it.
    """
    folder = build_once(tmp_path_factory.getbasetemp(), "finished", build_finished_project)
    before = read_times(folder)
    yield folder
    assert read_times(folder) == before


@pytest.fixture
def project_copy(finished_project: Path, tmp_path: Path) -> Path:
    """Give a copy of the finished project; its MLflow store still names the folder it was in."""
    return Path(shutil.copytree(finished_project, tmp_path / "project", symlinks=True))


@pytest.fixture(scope="session")
def empty_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give an MLflow database without runs, made once: its tables take seconds to make."""
    from secondlook.tracking.store import prepare_sqlite

    folder = tmp_path_factory.mktemp("mlflow")
    prepare_sqlite(folder / "mlflow.db", folder / "mlruns")
    return folder / "mlflow.db"


@pytest.fixture
def tracking_project(project: Path, empty_store: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give a project with two runs, ready to be tracked into a store that is still empty."""
    from tests.support import tracking

    for name in ("MLFLOW_TRACKING_URI", "DVC_ROOT", "DVC_EXP_NAME"):
        monkeypatch.delenv(name, raising=False)
    shutil.copy(empty_store, project / "mlflow.db")
    tracking.write_trackable_project()
    return project


@pytest.fixture(scope="session")
def first_champion(
    tmp_path_factory: pytest.TempPathFactory,
    fork_server: None,  # noqa: ARG001 - for what is done in its copies
) -> Iterator[Path]:
    """Give a project whose first model is in service, shared by all workers: to be copied."""
    from tests.support.retraining import build_project_with_champion

    folder = build_once(tmp_path_factory.getbasetemp(), "champion", build_project_with_champion)
    before = read_times(folder)
    yield folder
    assert read_times(folder) == before
