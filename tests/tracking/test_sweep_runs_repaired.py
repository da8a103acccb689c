"""Sweeps in a store that is not as it should be, and sweeps that changed: real MLflow, sqlite."""

import json
import shutil
from collections.abc import Callable

import pytest

from secondlook.config.params import load_params
from secondlook.tracking.sync import sync_sweeps
from tests.support.tracked_sweeps import EPOCHS, find_sweep, find_trials, write_sweep
from tests.support.tracking import list_artifacts, make_client, read_curve

pytestmark = pytest.mark.usefixtures("tracking_project")


def delete_experiment() -> None:
    """Delete the experiment as a person does in the UI."""
    make_client().delete_experiment(find_sweep().info.experiment_id)


def lose_artifacts() -> None:
    """Remove the artifacts alone; the database says that all is there."""
    shutil.rmtree("mlruns")


def delete_trial() -> None:
    """Delete a trial as a person does in the UI."""
    make_client().delete_run(find_trials()["rates-01"].info.run_id)


def double_trial() -> None:
    """Make a second run of the same trial, as two computers do that start at once."""
    run = find_trials()["rates-02"]
    keys = ("second_look.trial", "second_look.trial.sweep")
    tags = {key: run.data.tags[key] for key in keys}
    make_client().create_run(run.info.experiment_id, tags=tags, run_name="twin")


def end_otherwise() -> None:
    """Let a trial that diverged look as one that ended well."""
    make_client().set_terminated(find_trials()["rates-03"].info.run_id, "FINISHED")


@pytest.mark.parametrize(
    "harm", [delete_experiment, lose_artifacts, delete_trial, double_trial, end_otherwise]
)
def test_what_is_wrong_is_put_right(
    harm: Callable[[], None], capsys: pytest.CaptureFixture[str]
) -> None:
    """Whatever happened to the store, one more time has every trial there, once and below one."""
    write_sweep(load_params())
    sync_sweeps(load_params())
    harm()
    sync_sweeps(load_params())
    capsys.readouterr()
    sync_sweeps(load_params())
    assert "  already there: sweep rates\n" in capsys.readouterr().out
    trials, sweep = find_trials(), find_sweep()
    assert sorted(trials) == ["rates-01", "rates-02", "rates-03"]
    assert trials["rates-03"].info.status == "FAILED"
    assert read_curve(trials["rates-01"], "validation/loss")[0] == (1, 0.5)
    assert {run.data.tags["mlflow.parentRunId"] for run in trials.values()} == {sweep.info.run_id}
    assert "results.json" in list_artifacts(sweep)


def test_a_sweep_that_goes_on_stays_one() -> None:
    """More trials, then fewer: one sweep, and below it those that results.json has."""
    params = load_params()
    for trials in (2, 3, 1):
        result = write_sweep(params, trials)
        sync_sweeps(params)
        assert sorted(find_trials()) == [trial.name for trial in result.trials]
        assert find_sweep().data.metrics["trials"] == trials
        (best,) = (r for r in find_trials().values() if r.data.tags["second_look.best"] == "true")
        assert best.info.run_name == result.best


def test_another_definition_is_another_sweep() -> None:
    """What the sweep came to before stays, as runs of earlier keys do; the view shows the new."""
    write_sweep(load_params(), 1)
    sync_sweeps(load_params())
    before, trial = find_sweep(), find_trials()["rates-01"]
    write_sweep(load_params(), 1, metric="accuracy")
    sync_sweeps(load_params())
    asked, experiment = make_client(), before.info.experiment_id
    found = asked.search_runs([experiment], "attributes.run_name = 'sweep rates'")
    assert before.info.run_id in {run.info.run_id for run in found}
    assert len(found) == 2
    view = asked.get_experiment(experiment).tags["mlflow.sharedViewState.sweep-rates"]
    shown = asked.search_runs([experiment], json.loads(json.loads(view)["state"])["searchFilter"])
    assert len(shown) == 1
    assert shown[0].info.run_id != trial.info.run_id


def test_curves_stay_where_the_trials_are_not_here() -> None:
    """Another clone has results.json alone: it takes nothing away, and brings what is missing."""
    write_sweep(load_params(), 2)
    sync_sweeps(load_params())
    before = find_trials()["rates-01"]
    make_client().delete_run(find_trials()["rates-02"].info.run_id)
    shutil.rmtree("data/trial")
    sync_sweeps(load_params())
    first, second = (find_trials()[name] for name in ("rates-01", "rates-02"))
    assert first.info.run_id == before.info.run_id
    assert len(read_curve(first, "validation/loss")) == EPOCHS
    assert second.data.metrics["validation/log_loss"] == 0.2
    assert read_curve(second, "validation/loss") == []
