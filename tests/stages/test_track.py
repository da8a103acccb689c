"""What MLflow shows after `track`: real MLflow, a sqlite store, runs written by hand."""

import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from secondlook.artifacts import files
from secondlook.config.params import load_params
from stages import track
from tests.support.tracking import (
    DATA_DIGEST,
    TRACKED_RUNS,
    find_runs,
    list_artifacts,
    list_model_ids,
    make_client,
    make_epoch_row,
    read_curve,
    redraw_confusion,
    set_runs,
    write_run,
)


@pytest.mark.usefixtures("tracking_project")
def test_each_run_is_mirrored_whole() -> None:
    """Parameters, curves, the kept model's metrics, files, data set and parent are in MLflow."""
    track.run(load_params())
    run, (parent,) = find_runs()["early_stopped"], find_runs("second_look.data").values()
    assert run.info.status == "FINISHED"
    expected = {"train.epochs": "10", "train.early_stopping.patience": "5", "split.seed": "17"}
    assert expected.items() <= run.data.params.items()
    assert read_curve(run, "validation/loss") == [(i, 1 / (i + 1)) for i in (1, 2, 3)]
    assert (run.data.metrics["test/accuracy"], run.data.metrics["kept_epoch"]) == (0.2, 2)
    assert {"run.json", "history.csv", "metrics.json"} <= list_artifacts(run)
    assert list_artifacts(run, "pictures") == {"pictures/confusion.png"}
    assert run.inputs.dataset_inputs[0].dataset.digest == DATA_DIGEST[:36]
    assert run.data.tags["second_look.dvc.stage"] == "train@early_stopped"
    assert run.data.tags["mlflow.parentRunId"] == parent.info.run_id
    assert parent.data.tags["second_look.data"] == DATA_DIGEST
    assert {"report.html", "leaderboard.csv", "facts.json"} <= list_artifacts(parent)


@pytest.mark.usefixtures("tracking_project")
def test_the_last_value_is_the_kept_models() -> None:
    """Where an earlier epoch was kept, one more point follows; else the curve is left alone."""
    track.run(load_params())
    stopped, whole = find_runs()["early_stopped"], find_runs()["unweighted"]
    epochs = [(i, make_epoch_row(i)["validation/accuracy"]) for i in (1, 2, 3)]
    assert read_curve(whole, "validation/accuracy") == epochs
    assert read_curve(whole, "validation/precision") == [(2, 0.5), (3, 0.5)]
    assert read_curve(stopped, "validation/accuracy") == [*epochs, (4, epochs[1][1])]
    assert read_curve(stopped, "test/accuracy") == [(0, epochs[1][1])]  # no curve: step 0, so bars
    assert str(stopped.data.metrics["validation/precision"]) == "nan"  # metrics.json says null


@pytest.mark.usefixtures("tracking_project")
def test_runs_of_two_phases_say_where_the_second_began() -> None:
    """Beside the kept epoch; runs of one phase do not have it."""
    path = Path("data/train/early_stopped/run.json")
    files.write_json(path, files.read_json(path) | {"fine_tuned_after": 1})
    track.run(load_params())
    tuned, whole = find_runs()["early_stopped"], find_runs()["unweighted"]
    assert tuned.data.metrics["fine_tuned_after"] == 1
    assert "fine_tuned_after" not in whole.data.metrics


def test_a_second_time_does_nothing(tracking_project: Path) -> None:
    """With nothing new, the database stays the same bytes, and MLflow is not even imported."""
    track.run(load_params())
    before = (tracking_project / "mlflow.db").read_bytes()
    code = "import sys; from secondlook.commands.cli import main; sys.argv[1:] = ['track']; main();"
    code += "print({'mlflow', 'tensorflow'} & set(sys.modules))"
    command = [sys.executable, "-c", code]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == (
        'MLflow: experiment "digits: 8 or not" in mlflow.db\n'
        "  already there: unweighted, early_stopped\n"
        "  look: http://127.0.0.1:5000/#/experiments/1/runs"
        "?workflowType=machine_learning&viewStateShareKey=leaderboard\n"
        "set()\n"
    )
    assert (tracking_project / "mlflow.db").read_bytes() == before


def test_a_new_picture_replaces_the_old(
    tracking_project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A redrawn picture is exchanged in the same run, and is in the grid once."""
    track.run(load_params())
    before = find_runs()["unweighted"].info.run_id
    redraw_confusion("unweighted")
    track.run(load_params())
    told = capsys.readouterr()
    assert "brought up to date: unweighted" in told.out
    assert "warning: what is tracked now cannot be reproduced, for its code is" in told.err
    assert "not a git repository" in told.err
    run = find_runs()["unweighted"]
    assert run.info.run_id == before
    (shown,) = (name for name in list_artifacts(run, "images") if name.endswith(".png"))
    stored = tracking_project / "mlruns" / before / "artifacts" / shown
    assert Image.open(stored).getpixel((0, 0)) == (255, 0, 0)


@pytest.mark.usefixtures("tracking_project")
def test_other_numbers_make_another_run() -> None:
    """A run whose curve contradicts the file is replaced: MLflow can add, not correct."""
    track.run(load_params())
    before = find_runs()
    write_run(load_params(), "unweighted", scale=0.5)
    track.run(load_params())
    after = find_runs()
    assert after["early_stopped"].info.run_id == before["early_stopped"].info.run_id
    assert after["unweighted"].info.run_id != before["unweighted"].info.run_id
    assert read_curve(after["unweighted"], "train/objective")[0] == (1, 0.5)
    assert len(list_model_ids()) == len(TRACKED_RUNS)


@pytest.mark.usefixtures("tracking_project")
def test_people_may_add_to_a_run() -> None:
    """A metric and a tag that somebody added neither disturb nor get lost."""
    track.run(load_params())
    run_id = find_runs()["unweighted"].info.run_id
    make_client().log_metric(run_id, "my_score", 1)
    make_client().set_tag(run_id, "reviewed", "yes")
    redraw_confusion("unweighted")
    track.run(load_params())
    run = find_runs()["unweighted"]
    assert (run.info.run_id, run.data.metrics["my_score"]) == (run_id, 1)
    assert run.data.tags["reviewed"] == "yes"


@pytest.mark.usefixtures("tracking_project")
def test_entries_that_do_not_differ_are_one_run() -> None:
    """Two names of the same parameters have one key: one MLflow run, which bears both names."""
    params = set_runs(
        {"unweighted": {}, "early_stopped": TRACKED_RUNS["early_stopped"], "again": {}}
    )
    write_run(params, "again")
    track.run(params)
    runs = find_runs()
    assert sorted(runs) == ["early_stopped", "unweighted, again"]
    assert runs["unweighted, again"].data.tags["second_look.names"] == "unweighted, again"
