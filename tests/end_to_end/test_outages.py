"""Servers that are not there, stop, freeze and come back: real ones, and no training waits."""

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from secondlook.tracking import live
from secondlook.tracking.live import LONGEST_WAIT
from secondlook.tracking.live_worker import RETRY_SECONDS
from tests.support.mirror import assert_mirrored, find_runs_by_tag, list_steps, make_client
from tests.support.project import list_stages_run, run_command
from tests.support.servers import SECRET, find_free_port, make_tracking_uri, run_mlflow_server
from tests.support.tracking import make_epoch_numbers, set_live_after, write_run

if TYPE_CHECKING:
    from mlflow.entities import Run

MARGIN = 0.5  # seconds that a busy machine may take for what takes none
SECONDLOOK = str(Path(sys.executable).with_name("secondlook"))


def seconds(action: Callable[[], object]) -> float:
    """Return how long an action takes."""
    start = time.monotonic()
    action()
    return time.monotonic() - start


def live_run(folder: Path, uri: str, key: str, epochs: list[int]) -> "Run":
    """Return the run once the server shows it with these epochs."""
    deadline, asked = time.monotonic() + 60, make_client(folder, uri)
    while time.monotonic() < deadline:
        found = find_runs_by_tag(asked).get(key)
        if found and list_steps(asked, found, "train/objective") == epochs:
            return found
        time.sleep(0.2)
    return pytest.fail("the server never showed it")


def track() -> str:
    """Return what `secondlook track` prints, both streams together."""
    command = [SECONDLOOK, "track"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return done.stdout + done.stderr


def test_a_server_that_comes_freezes_and_comes_back(
    tracking_project: Path,
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """Away when a training starts, frozen when it ends: 5 s are lost at most, and no epoch."""
    folder, port = tmp_path_factory.mktemp("server"), find_free_port()
    (folder / "mlflow.db").write_bytes((tracking_project / "mlflow.db").read_bytes())
    monkeypatch.setenv("MLFLOW_TRACKING_URI", make_tracking_uri(port))
    params = set_live_after(0)
    write_run(params, "unweighted", epochs=4)
    training = live.follow_training(params, "unweighted")
    lost = seconds(lambda: training.log_epoch(1, make_epoch_numbers(1)))
    refused = time.monotonic()
    with run_mlflow_server(folder, f"sqlite:///{folder / 'mlflow.db'}", port) as there:
        time.sleep(max(0.0, refused + RETRY_SECONDS + 2 - time.monotonic()))
        lost += seconds(lambda: training.log_epoch(2, make_epoch_numbers(2)))
        assert (
            live_run(tracking_project, there.uri, training.record.key, [1, 2]).info.status
            == "RUNNING"
        )
        there.freeze()
        lost += seconds(lambda: training.log_epoch(3, make_epoch_numbers(3)))
        lost += seconds(lambda: training.log_epoch(4, make_epoch_numbers(4)))
        lost += seconds(lambda: training.__exit__(None, None, None))
        there.thaw()
        warned, told = capfd.readouterr().err, [track(), track()]
        assert_mirrored(tracking_project, there.uri)
    assert lost < LONGEST_WAIT + MARGIN
    assert warned.startswith("secondlook: warning: run unweighted is not all in MLflow yet, ")
    assert warned.endswith("`dvc repro` or `secondlook track` brings it up to date\n")
    assert "brought up to date: unweighted" in told[0]
    assert "already there: unweighted, early_stopped" in told[1]
    assert SECRET not in warned + told[0] + told[1]


def test_dvc_goes_on_without_a_server(project_copy: Path) -> None:
    """A pipeline ends well, an experiment keeps its results, and what to do is told."""
    away = make_tracking_uri(find_free_port())
    printed = run_command(project_copy, "dvc", "repro", MLFLOW_TRACKING_URI=away)
    assert list_stages_run(printed) == ["track"]
    assert "secondlook: warning: not tracked: MLflow at http://127.0.0.1:" in printed
    assert "`dvc repro` or `secondlook track` brings it up to date" in printed
    setting = ("--set-param", "evaluate.curve_points=50")
    offline = run_command(
        project_copy,
        "dvc",
        "exp",
        "run",
        "--temp",
        "--name",
        "offline",
        *setting,
        MLFLOW_TRACKING_URI=away,
    )
    assert "`dvc exp apply offline` and then `secondlook track` log it" in offline
    run_command(project_copy, "dvc", "exp", "apply", "offline")
    run_command(project_copy, "python", "-m", "stages", "track")
    assert_mirrored(project_copy)
    assert SECRET not in printed + offline
