"""What MLflow shows after `track`: real MLflow, a sqlite store, runs written by hand."""

import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from stages import track
from stages.core.params import load
from tests.tracking_builder import (
    DIGEST,
    RUNS,
    artifacts,
    client,
    curve,
    epoch_of,
    models,
    repaint,
    set_runs,
    tracked,
    write_run,
)


@pytest.mark.usefixtures("trackable")
def test_each_run_is_mirrored_whole() -> None:
    """Parameters, curves, the kept model's metrics, files, data set and parent are in MLflow."""
    track.run(load())
    run, (parent,) = tracked()["early_stopped"], tracked("second_look.data").values()
    assert run.info.status == "FINISHED"
    expected = {"train.epochs": "10", "train.early_stopping.patience": "5", "split.seed": "17"}
    assert expected.items() <= run.data.params.items()
    assert curve(run, "validation/loss") == [(i, 1 / (i + 1)) for i in (1, 2, 3)]
    assert (run.data.metrics["test/accuracy"], run.data.metrics["kept_epoch"]) == (0.2, 2)
    assert {"run.json", "history.csv", "metrics.json"} <= artifacts(run)
    assert artifacts(run, "pictures") == {"pictures/confusion.png"}
    assert run.inputs.dataset_inputs[0].dataset.digest == DIGEST[:36]
    assert run.data.tags["second_look.dvc.stage"] == "train@early_stopped"
    assert run.data.tags["mlflow.parentRunId"] == parent.info.run_id
    assert parent.data.tags["second_look.data"] == DIGEST
    assert {"report.html", "leaderboard.csv", "facts.json"} <= artifacts(parent)


@pytest.mark.usefixtures("trackable")
def test_the_last_value_is_the_kept_models() -> None:
    """Where an earlier epoch was kept, one more point follows; else the curve is left alone."""
    track.run(load())
    stopped, whole = tracked()["early_stopped"], tracked()["unweighted"]
    epochs = [(i, epoch_of(i)["validation/accuracy"]) for i in (1, 2, 3)]
    assert curve(whole, "validation/accuracy") == epochs
    assert curve(whole, "validation/precision") == [(2, 0.5), (3, 0.5)]
    assert curve(stopped, "validation/accuracy") == [*epochs, (4, epochs[1][1])]
    assert curve(stopped, "test/accuracy") == [(0, epochs[1][1])]  # no curve: step 0, so bars
    assert str(stopped.data.metrics["validation/precision"]) == "nan"  # metrics.json says null


def test_a_second_time_does_nothing(trackable: Path) -> None:
    """With nothing new, the database stays the same bytes, and MLflow is not even imported."""
    track.run(load())
    before = (trackable / "mlflow.db").read_bytes()
    code = "import sys; from stages.__main__ import main; sys.argv[1:] = ['track']; main();"
    code += "print({'mlflow', 'tensorflow'} & set(sys.modules))"
    command = [sys.executable, "-c", code]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == (
        'MLflow: experiment "digits: 8 or not" in mlflow.db\n'
        "  already there: unweighted, early_stopped\n"
        "  look: http://127.0.0.1:5000/#/experiments/1/runs"
        "?workflowType=machine_learning&viewStateShareKey=leaderboard\n"
        "set()\n"
    )
    assert (trackable / "mlflow.db").read_bytes() == before


def test_a_new_picture_replaces_the_old(
    trackable: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A redrawn picture is exchanged in the same run, and is in the grid once."""
    track.run(load())
    before = tracked()["unweighted"].info.run_id
    repaint("unweighted")
    track.run(load())
    assert "brought up to date: unweighted" in capsys.readouterr().out
    run = tracked()["unweighted"]
    assert run.info.run_id == before
    (shown,) = (name for name in artifacts(run, "images") if name.endswith(".png"))
    stored = trackable / "mlruns" / before / "artifacts" / shown
    assert Image.open(stored).getpixel((0, 0)) == (255, 0, 0)


@pytest.mark.usefixtures("trackable")
def test_other_numbers_make_another_run() -> None:
    """A run whose curve contradicts the file is replaced: MLflow can add, not correct."""
    track.run(load())
    before = tracked()
    write_run(load(), "unweighted", scale=0.5)
    track.run(load())
    after = tracked()
    assert after["early_stopped"].info.run_id == before["early_stopped"].info.run_id
    assert after["unweighted"].info.run_id != before["unweighted"].info.run_id
    assert curve(after["unweighted"], "train/objective")[0] == (1, 0.5)
    assert len(models()) == len(RUNS)


@pytest.mark.usefixtures("trackable")
def test_people_may_add_to_a_run() -> None:
    """A metric and a tag that somebody added neither disturb nor get lost."""
    track.run(load())
    run_id = tracked()["unweighted"].info.run_id
    client().log_metric(run_id, "my_score", 1)
    client().set_tag(run_id, "reviewed", "yes")
    repaint("unweighted")
    track.run(load())
    run = tracked()["unweighted"]
    assert (run.info.run_id, run.data.metrics["my_score"]) == (run_id, 1)
    assert run.data.tags["reviewed"] == "yes"


@pytest.mark.usefixtures("trackable")
def test_entries_that_do_not_differ_are_one_run() -> None:
    """Two names of the same parameters have one key: one MLflow run, which bears both names."""
    params = set_runs({"unweighted": {}, "early_stopped": RUNS["early_stopped"], "again": {}})
    write_run(params, "again")
    track.run(params)
    runs = tracked()
    assert sorted(runs) == ["early_stopped", "unweighted, again"]
    assert runs["unweighted, again"].data.tags["second_look.names"] == "unweighted, again"
