"""Learning curves: which lines, marks and limits a panel has."""

from pathlib import Path

import pytest

from secondlook.config.params import load_params
from secondlook.evaluation import run_artifacts
from secondlook.evaluation.run_artifacts import RunResult, Study
from secondlook.report import learning_curves
from secondlook.report.theme import assign_styles
from tests.support.report import EPOCHS, write_evaluated_runs


@pytest.fixture
def eights(project: Path) -> Study:
    """Give two runs that ask whether it is an eight."""
    write_evaluated_runs(skills={"unweighted": 1.0, "weighted": 2.0})
    assert project == Path.cwd()
    return run_artifacts.load_study(load_params())


def with_loss(result: RunResult, epoch: int, loss: float | None) -> RunResult:
    """Return a result whose validation loss of one epoch is another."""
    history = [dict(row) for row in result.history]
    history[epoch - 1]["validation/loss"] = loss
    return result.model_copy(update={"history": history})


def test_one_run_shows_training_beside_validation(eights: Study) -> None:
    """Training is the faint line; the kept epoch is marked on validation."""
    (result, look), *_ = assign_styles(eights)
    train, validation = learning_curves.build_run_panel(eights, result, look, "loss").lines
    assert (train.faint, train.mark) == (True, None)
    kept = result.history[EPOCHS - 2]
    assert validation.mark == (EPOCHS - 1, kept["validation/loss"])
    assert validation.x == list(range(1, EPOCHS + 1))
    assert train.y == [row["train/loss"] for row in result.history]


def test_the_switch_of_phases_is_marked_beside_the_turn(eights: Study) -> None:
    """Between two epochs, in loss and accuracy; the turn of an overfitted loss stays."""
    (result, look), *_ = assign_styles(eights)
    turned = result.fitting.model_copy(update={"kind": "overfitting", "turned": 5})
    training = result.training.model_copy(update={"fine_tuned_after": 3})
    tuned = result.model_copy(update={"fitting": turned, "training": training})
    marks = {
        metric: learning_curves.build_run_panel(eights, tuned, look, metric).verticals
        for metric in ("loss", "accuracy")
    }
    assert marks == {"loss": [(3.5, "fine-tuning"), (5, "")], "accuracy": [(3.5, "fine-tuning")]}
    assert not learning_curves.build_run_panel(eights, result, look, "accuracy").verticals


def test_all_runs_show_validation_alone(eights: Study) -> None:
    """One line a run, each in its own look."""
    lines = learning_curves.build_study_panel(eights, "accuracy").lines
    assert [(line.run, line.style.index) for line in lines] == [("unweighted", 0), ("weighted", 1)]


def test_one_bad_epoch_does_not_flatten_the_others(eights: Study) -> None:
    """The axis of the loss ends at twice the lazy baseline's at the latest."""
    bad = Study(eights.facts, [with_loss(eights.results[0], 1, 1000.0), eights.results[1]])
    lazy = eights.results[0].details["validation"].lazy.log_loss or 0
    assert learning_curves.compute_axis_limits(bad, "loss")[1] == pytest.approx(2 * lazy * 1.04)


def test_undefined_numbers_leave_the_limits_alone(eights: Study) -> None:
    """A missing value does not count, and the lazy level is drawn only where it is in sight."""
    gap = Study(eights.facts, [with_loss(eights.results[0], 1, None), eights.results[1]])
    low, high = learning_curves.compute_axis_limits(gap, "loss")
    assert 0 == low < high < 2
    panel = learning_curves.build_study_panel(gap, "loss")
    lazy = eights.results[0].details["validation"].lazy.log_loss or 0
    assert panel.base == (lazy if lazy <= high else None)


@pytest.mark.parametrize("metric", ["loss", "accuracy"])
def test_limits_where_no_run_has_a_number(eights: Study, metric: str) -> None:
    """The axis ends as far beyond the lazy baseline as perfection is before it."""
    keys = ("train/loss", "validation/loss", "train/accuracy", "validation/accuracy")
    undefined = [
        result.model_copy(update={"history": [row | dict.fromkeys(keys) for row in result.history]})
        for result in eights.results
    ]
    low, high = learning_curves.compute_axis_limits(Study(eights.facts, undefined), metric)
    lazy = eights.results[0].details["validation"].lazy
    base = (lazy.log_loss if metric == "loss" else lazy.accuracy) or 0.0
    assert low < 2 * base - (metric == "accuracy") < high


def test_records_are_long(eights: Study) -> None:
    """Every run, series and epoch is one row."""
    records = list(learning_curves.list_epoch_rows(eights))
    assert len(records) == 2 * 2 * EPOCHS
    assert tuple(records[0]) == learning_curves.CSV_FIELDS
    assert {record["series"] for record in records} == {"train", "validation"}
