"""What MLflow has of sweeps: real MLflow, a sqlite store, sweeps written by hand."""

import json
from pathlib import Path

import pytest

from secondlook.commands.sweep import track_sweeps
from secondlook.config.params import load_params
from secondlook.evaluation.sweep_results import save_sweep_results
from secondlook.tracking import provenance
from secondlook.tracking.sync import sync_sweeps
from stages import track
from tests.support.tracked_sweeps import (
    ADAMW,
    DIVERGED,
    EPOCHS,
    find_sweep,
    find_trials,
    write_sweep,
)
from tests.support.tracking import (
    DATA_DIGEST,
    find_runs,
    list_artifacts,
    make_client,
    make_epoch_row,
    read_curve,
    track_in_subprocess,
)

pytestmark = pytest.mark.usefixtures("tracking_project")

UI = "http://127.0.0.1:5000/#/experiments"
QUERY = "workflowType=machine_learning&viewStateShareKey="


def test_a_sweep_is_one_run_with_its_trials_below() -> None:
    """The sweep says what was asked and what came of it, in an experiment beside the runs'."""
    write_sweep(load_params())
    sync_sweeps(load_params())
    sweep = find_sweep()
    assert make_client().get_experiment(sweep.info.experiment_id).name == (
        "digits: 8 or not, sweeps"
    )
    assert (sweep.info.run_name, sweep.info.status) == ("sweep rates", "FINISHED")
    wanted = {"of": "unweighted", "method": "random", "metric": "log_loss", "seed": "1"}
    wanted |= {"search.dropout": "[0.0, 0.25]", "split.seed": "17"}
    assert wanted.items() <= sweep.data.params.items()
    assert sweep.data.metrics == {
        "trials": 3,
        "diverged": 1,
        "validation/log_loss": 0.2,
        "validation/accuracy": 0.3,
        "excess/log_loss": 0.03,
    }
    assert "results.json" in list_artifacts(sweep)
    parents = {run.data.tags["mlflow.parentRunId"] for run in find_trials().values()}
    assert parents == {sweep.info.run_id}
    assert sorted(find_trials()) == ["rates-01", "rates-02", "rates-03"]
    assert find_runs() == {}  # no run of their kind: reproduce and promote know none of these


def test_a_trial_has_parameters_curves_and_numbers() -> None:
    """Numbers are plain, other choices short JSON; nothing is said of test images."""
    write_sweep(load_params())
    sync_sweeps(load_params())
    found = find_trials()
    first, best = found["rates-01"], found["rates-02"]
    assert (first.data.params["train.learning_rate"], first.data.params["train.dropout"]) == (
        "0.0012",
        "0.25",
    )
    assert first.data.params["train.optimizer"] == "adam"
    assert best.data.params["train.optimizer"] == json.dumps(ADAMW)
    assert best.data.params["train.optimizer.adamw.weight_decay"] == "0.004"
    epochs = range(1, EPOCHS + 1)
    curve = [(i, make_epoch_row(i)["validation/loss"]) for i in epochs]
    assert read_curve(best, "validation/loss") == curve
    assert (best.data.metrics["validation/log_loss"], best.data.metrics["epochs"]) == (0.2, EPOCHS)
    assert [run.data.tags["second_look.best"] for run in (first, best)] == ["false", "true"]
    assert not [key for run in found.values() for key in run.data.metrics if "test" in key]
    assert first.inputs.dataset_inputs[0].dataset.digest == DATA_DIGEST[:36]


def test_a_trial_that_diverged_has_failed() -> None:
    """It has the epochs before, the reason, and none of the numbers that are compared."""
    write_sweep(load_params())
    sync_sweeps(load_params())
    failed = find_trials()["rates-03"]
    assert failed.info.status == "FAILED"
    assert failed.data.tags["second_look.diverged"] == DIVERGED
    assert read_curve(failed, "validation/loss") == [(1, 0.5)]
    assert not failed.data.metrics.keys() & {"validation/log_loss", "epochs"}


def test_a_view_shows_what_was_searched() -> None:
    """The link opens the trials of this sweep, the best first, and charts of what was searched."""
    write_sweep(load_params())
    sync_sweeps(load_params())
    sweep = find_sweep()
    tags = make_client().get_experiment(sweep.info.experiment_id).tags
    saved = tags["mlflow.sharedViewState.sweep-rates"]
    assert len(saved) < 5000  # characters that MLflow takes
    state = json.loads(json.loads(saved)["state"])
    shown = make_client().search_runs([sweep.info.experiment_id], state["searchFilter"])
    assert {run.info.run_name for run in shown} == find_trials().keys()
    assert (state["orderByKey"], state["orderByAsc"]) == ("metrics.`validation/log_loss`", True)
    parallel, contour = state["compareRunCharts"]
    names = {"train.learning_rate", "train.dropout", "train.optimizer"}
    assert set(parallel["selectedParams"]) == names
    axes = {contour["xaxis"]["key"], contour["yaxis"]["key"]}
    assert axes == {"train.learning_rate", "train.dropout"}


def test_without_sweeps_nothing_is_made(capsys: pytest.CaptureFixture[str]) -> None:
    """An empty results.json leaves MLflow and what is printed as they are without one."""
    track.run(load_params())
    told, database = capsys.readouterr().out, Path("mlflow.db").read_bytes()
    Path("data/sweep").mkdir(exist_ok=True)
    save_sweep_results([])
    track.run(load_params())
    sync_sweeps(load_params())
    assert capsys.readouterr().out == told.replace("logged", "already there")
    assert Path("mlflow.db").read_bytes() == database


@pytest.mark.slow
def test_track_mirrors_sweeps_once() -> None:
    """`track` brings runs and sweeps; a second time reads nothing but the stamp."""
    write_sweep(load_params())
    track.run(load_params())
    before = Path("mlflow.db").read_bytes()
    made = {name: run.info.run_id for name, run in find_trials().items()}
    assert track_in_subprocess() == [
        'MLflow: experiment "digits: 8 or not" in mlflow.db',
        "  already there: unweighted, early_stopped",
        f"  look: {UI}/1/runs?{QUERY}leaderboard",
        'MLflow: experiment "digits: 8 or not, sweeps" in mlflow.db',
        "  already there: sweep rates",
        f"  look at sweep rates: {UI}/2/runs?{QUERY}sweep-rates&compareRunsMode=CHART",
    ]
    assert Path("mlflow.db").read_bytes() == before
    assert {name: run.info.run_id for name, run in find_trials().items()} == made


def test_a_sweep_on_images_of_before_says_no_more_than_is_known() -> None:
    """Its digest is told; how these images were made is not that of the present ones."""
    write_sweep(load_params(), 1, data="e" * 64)
    sync_sweeps(load_params())
    sweep = find_sweep()
    assert sweep.inputs.dataset_inputs[0].dataset.digest == "e" * 36
    assert "split.seed" not in sweep.data.params


def test_when_a_trial_ran_is_told() -> None:
    """A note beside the project has begin and end; the sweep lasts from the first to the last."""
    first, second = write_sweep(load_params(), 2).trials
    with provenance.note_training_times(first.key):
        pass
    sync_sweeps(load_params())
    noted = provenance.read_training_times(first.key, Path("params.yaml"))
    info = find_trials()["rates-01"].info
    assert (info.start_time, info.end_time) == noted
    other, sweep = find_trials()["rates-02"].info, find_sweep().info
    assert sweep.start_time == min(info.start_time, other.start_time)
    assert sweep.end_time == max(info.end_time, other.end_time)
    assert second.key != first.key


def test_a_store_that_cannot_be_used_ends_no_sweep(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """At the end of `secondlook sweep` it is a warning: the results are there."""
    write_sweep(load_params(), 1)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    track_sweeps(load_params())
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("secondlook: warning: not tracked: MLflow at http://127.0.0.1:9")
