"""Stores as they are met: new ones, many processes at once, a real server."""

import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from secondlook.artifacts import files
from secondlook.config.errors import TrackingError
from secondlook.config.params import load_params
from secondlook.tracking.store import PARENT_TAG
from stages import track
from tests.support.servers import SECRET, find_free_port, run_mlflow_server
from tests.support.tracked_sweeps import find_sweep, find_trials, write_sweep
from tests.support.tracking import TRACKED_RUNS, find_runs, make_client, read_curve

TRACK = [sys.executable, "-m", "stages", "track"]


@pytest.mark.slow
def test_six_processes_start_at_once(tracking_project: Path) -> None:
    """On a store that is not there yet, each of six succeeds, and every run is there once."""
    (tracking_project / "mlflow.db").unlink()
    (tracking_project / "mlflow.db.partial").write_text("left by a process that was killed")
    six = [subprocess.Popen(TRACK, stdout=subprocess.DEVNULL) for _ in range(6)]
    assert [process.wait() for process in six] == [0] * 6
    assert sorted(find_runs()) == sorted(TRACKED_RUNS)
    assert len(find_runs("second_look.data")) == 1
    assert [step for step, _ in read_curve(find_runs()["unweighted"], "train/objective")] == [
        1,
        2,
        3,
    ]


@pytest.mark.server
def test_a_real_server_holds_the_runs(
    tracking_project: Path,
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Runs, pictures, models and sweeps go to the server; its password goes nowhere."""
    write_sweep(load_params())
    folder = tmp_path_factory.mktemp("server")
    (folder / "mlflow.db").write_bytes((tracking_project / "mlflow.db").read_bytes())
    with run_mlflow_server(folder, f"sqlite:///{folder / 'mlflow.db'}", find_free_port()) as there:
        monkeypatch.setenv("MLFLOW_TRACKING_URI", there.uri)
        track.run(load_params())
        run = find_runs()["unweighted"]
        picture = files.stage_folder("report", "runs", "unweighted", "confusion.png")
        Image.new("RGB", (40, 30), "red").save(picture)
        track.run(load_params())
        assert find_runs()["unweighted"].info.run_id == run.info.run_id
        images = make_client().list_artifacts(run.info.run_id, "images")
        above = find_sweep().info.run_id
        sweep = {n for n, r in find_trials().items() if r.data.tags[PARENT_TAG] == above}
        track.run(load_params())
    assert len([image for image in images if image.path.endswith(".png")]) == 1
    told = capsys.readouterr().out
    assert told.count("\n  already there: unweighted, early_stopped\n") == 1
    assert told.count("\n  already there: sweep rates\n") == 2
    assert sweep == {"rates-01", "rates-02", "rates-03"}
    stored = b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())
    assert SECRET.encode() not in stored + told.encode()
    with pytest.raises(TrackingError, match="refused"):
        track.run(load_params())


def test_a_store_that_is_no_database_is_told(tracking_project: Path) -> None:
    """A damaged mlflow.db is told in one line, without a traceback."""
    (tracking_project / "mlflow.db").write_text(
        "no database at all, but longer than its first page"
    )
    done = subprocess.run(TRACK, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line.startswith("secondlook: MLflow at mlflow.db: file is not a database; ")
