"""The whole pipeline under the real dvc, with two short runs."""

import csv
from pathlib import Path
from typing import NamedTuple

import pytest

from secondlook.tracking import store
from tests.support.mirror import assert_mirrored, list_epochs
from tests.support.project import copy_project, edit_params, list_stages_run, run_command

FIRST = ["split", "preprocess", "train@unweighted", "evaluate@unweighted"]
LAST = ["compare", "report", "track"]


@pytest.fixture
def project(finished_project: Path, tmp_path: Path) -> Path:
    """Give a copy of the finished project, to change."""
    return copy_project(finished_project, tmp_path)


class Changed(NamedTuple):
    """A finished project in which something was changed, and the stages that ran for it."""

    project: Path
    stages: list[str]


@pytest.fixture(scope="module")
def changed(finished_project: Path, tmp_path_factory: pytest.TempPathFactory) -> Changed:
    """Give a copy in which one run has fewer epochs and another was added, after `dvc repro`."""
    folder = copy_project(finished_project, tmp_path_factory.mktemp("changed"))
    weighted = {"class_weight": "balanced", "epochs": 1}
    edit_params(folder, {"runs": {"unweighted": {}, "weighted": weighted, "slow": {"epochs": 1}}})
    return Changed(folder, list_stages_run(run_command(folder, "dvc", "repro")))


def test_the_first_repro_runs_every_stage(finished_project: Path) -> None:
    """Each once, and those that look at all runs at the end."""
    stages = list_stages_run((finished_project.parent / "printed").read_text(encoding="utf-8"))
    assert sorted(stages) == sorted([*FIRST, "train@weighted", "evaluate@weighted", *LAST])
    assert stages[-3:] == LAST


@pytest.mark.parametrize("name", ["weighted", "slow"])
def test_a_changed_or_added_run_runs_alone(changed: Changed, name: str) -> None:
    """Fewer epochs for one run, a new entry for another: these are trained and evaluated, alone."""
    own = [f"train@{name}", f"evaluate@{name}"]
    assert [stage for stage in changed.stages if stage.endswith(f"@{name}")] == own
    assert len(changed.stages) == 2 * len(own) + len(LAST)
    assert changed.stages[-3:] == LAST


def test_outputs_hold_no_path(finished_project: Path) -> None:
    """No output of any stage names the folder it was made in."""
    for path in (finished_project / "data").rglob("*"):
        assert not path.is_file() or str(finished_project).encode() not in path.read_bytes(), path


def test_a_mistake_stops_with_one_line(project: Path) -> None:
    """A value that makes no sense is told in one line, and earlier outputs stay."""
    edit_params(project, {"train": {"epochs": -3}})
    printed = run_command(project, "dvc", "repro", fails=True)
    assert "secondlook: params.yaml: train.epochs: found -3; expected" in printed
    assert "Traceback" not in printed


def test_earlier_parameters_bring_the_earlier_run(
    project: Path, changed: Changed, tmp_path: Path
) -> None:
    """There and back, by the run cache: both runs stay, and each time the right one is current."""
    before = assert_mirrored(project)
    project = copy_project(changed.project, tmp_path / "there")
    store.relocate_artifacts(project / "mlflow.db", project / "mlruns")
    short = assert_mirrored(project)
    run_command(project, "git", "checkout", "--quiet", "params.yaml", "dvc.lock")
    stages = list_stages_run(run_command(project, "dvc", "repro"))
    assert not [stage for stage in stages if "train" in stage]
    assert assert_mirrored(project) == before
    assert short["unweighted"] == before["unweighted"]
    assert list_epochs(project) == ["1", "2"]


def test_metrics_and_plots_make_sense(changed: Changed) -> None:
    """Dvc's own views show both runs, and the difference that a change made."""
    folder = changed.project
    shown = run_command(folder, "dvc", "metrics", "show", "--md")
    assert "data/evaluate/weighted/metrics.json" in shown
    assert "test.log_loss" in shown
    assert "file://" in run_command(folder, "dvc", "plots", "show")
    difference = run_command(folder, "dvc", "metrics", "diff", "--md")
    assert "test.log_loss" in difference
    assert "data/evaluate/weighted" in difference
    assert "data/evaluate/unweighted" not in difference
    assert "file://" in run_command(folder, "dvc", "plots", "diff")


def test_experiments_are_compared(project: Path) -> None:
    """An experiment trains what it changes, and stands with its numbers beside the others."""
    setting = "+runs.weighted.epochs=1"
    printed = run_command(project, "dvc", "exp", "run", "--name", "short", "--set-param", setting)
    trained = {stage for stage in list_stages_run(printed) if stage.startswith("train")}
    assert trained == {"train@weighted"}
    rows = list(csv.DictReader(run_command(project, "dvc", "exp", "show", "--csv").splitlines()))
    epochs = [(row["Experiment"], row["runs.weighted.epochs"]) for row in rows]
    assert sorted(epochs) == [("", ""), ("", "1"), ("short", "1")]  # commit, workspace, and it
    assert all(row["data/evaluate/weighted/metrics.json:test.recall"] for row in rows)
    assert_mirrored(project)
