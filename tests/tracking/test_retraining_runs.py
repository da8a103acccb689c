"""Retrainings in MLflow are found again, whatever the folder of the project is called."""

import shutil
from pathlib import Path

import pytest

from secondlook.artifacts.retraining_history import KEPT, RetrainingRecord
from secondlook.config.params import load_params
from secondlook.tracking import retraining_runs
from secondlook.tracking.registry import Registry
from tests.support.project import enter_project
from tests.support.tracking import make_client

MODEL = "digits-8-or-not"


def make_project(folder: Path, store: Path) -> Path:
    """Make a project folder with an MLflow store."""
    folder.mkdir()
    shutil.copy(store, folder / "mlflow.db")
    return folder


@pytest.mark.parametrize(
    "name", ["kate's", 'the "eights"', 'kate\'s "eights"', "a b", "élève", "a &`b;", "%s_\\"]
)
def test_a_killed_one_is_found_whatever_the_folder_is_called(
    name: str, tmp_path: Path, empty_store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Quotes, blanks and what MLflow's filters give a meaning end nothing early."""
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    with enter_project(make_project(tmp_path / name, empty_store)):
        params, registry = load_params(), Registry(MODEL)
        begun = retraining_runs.begin_retraining_run(params, "retrain", registry)
        [told] = retraining_runs.recover_killed_runs(params, registry)
        assert begun.run in told
        assert make_client().get_run(begun.run).info.status == "KILLED"
        assert retraining_runs.recover_killed_runs(params, registry) == []


def test_another_project_s_retraining_is_left_alone(
    tmp_path: Path, empty_store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two projects may share a store: what the other one is at is not ended."""
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/shared.db")
    shutil.copy(empty_store, tmp_path / "shared.db")
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    with enter_project(tmp_path / "one"):
        begun = retraining_runs.begin_retraining_run(load_params(), "retrain", Registry(MODEL))
    with enter_project(tmp_path / "two"):
        assert retraining_runs.recover_killed_runs(load_params(), Registry(MODEL)) == []
    with enter_project(tmp_path / "one"):
        [told] = retraining_runs.recover_killed_runs(load_params(), Registry(MODEL))
        assert begun.run in told


def test_more_retrainings_than_a_page_are_all_found(
    tmp_path: Path, empty_store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """MLflow answers page by page; a history of years is more than one."""
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.setattr(retraining_runs, "RUNS_PER_PAGE", 2)
    with enter_project(make_project(tmp_path / "project", empty_store)):
        params, registry = load_params(), Registry(MODEL)
        for day in range(1, 6):
            begun = retraining_runs.begin_retraining_run(params, "retrain", registry)
            begun.write_decision(make_record(day, begun.run))
        assert len(retraining_runs.recover_killed_runs(params, registry)) == 5
        found = retraining_runs.load_finished_retrainings(params, set())
        assert sorted(each.time for each in found) == [
            f"2026-06-0{day}T03:00:00Z" for day in range(1, 6)
        ]


def make_record(day: int, run: str) -> RetrainingRecord:
    """Return a retraining of a day in June that kept the champion."""
    return RetrainingRecord(
        time=f"2026-06-0{day}T03:00:00Z",
        action="retrain",
        outcome=KEPT,
        reason="no gain",
        retraining=run,
    )
