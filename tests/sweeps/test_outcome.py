"""What a sweep comes to: the best trial, how much it flatters, what is kept."""

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from secondlook.artifacts import files, manifest
from secondlook.artifacts.dataset_card import load_dataset_card
from secondlook.config.params import load_params
from secondlook.config.sweeps import SweepParams
from secondlook.config.yaml_schema import validate_section
from secondlook.evaluation.metrics import compute_scalars
from secondlook.evaluation.sweep_results import SweepResult, TrialResult, load_sweep_results
from secondlook.sweeps.outcome import keep_result, summarize_sweep
from secondlook.sweeps.trials import load_trial_result
from tests.support.project import edit_params
from tests.support.training import write_noise_images

SWEEP: dict[str, Any] = {
    "of": "weighted",
    "search": {"dropout": {"low": 0.0, "high": 0.5}},
    "trials": 8,
    "method": "random",
    "seed": 1,
}


@pytest.fixture
def data(project: Path) -> Path:
    """Give a project with images and a folder for results."""
    (project / "data/sweep").mkdir(parents=True)
    return write_noise_images(project)


def write_trial(number: int, shift: float | None) -> TrialResult:
    """Write a trial that is surer of the right class the larger `shift` is; None: it diverged."""
    name, labels = f"rates-{number:02}", manifest.load_labels("validation")
    folder = files.stage_folder("trial", name)
    folder.mkdir(parents=True)
    told: dict[str, Any] = {"parameters": {"seed": 1}, "key": f"k{number}", "epochs": 1}
    told |= {"kept_epoch": 1, "metrics": {}, "diverged": "the objective became nan in epoch 1"}
    if shift is not None:
        scores = np.random.default_rng(number).normal((2 * labels - 1) * shift)
        right = 1 / (1 + np.exp(-scores))
        answers = np.stack([1 - right, right], axis=1).astype(np.float32)
        np.savez(folder / "predictions.npz", validation=answers)
        told |= {"metrics": compute_scalars(labels, answers, 1), "diverged": None}
    files.write_json(folder / "trial.json", told)
    return load_trial_result(name, {"dropout": number / 20})


def summarize(trials: list[TrialResult], name: str = "rates", **changes: Any) -> SweepResult:  # noqa: ANN401
    """Return what the trials come to."""
    sweep = validate_section(SweepParams, SWEEP | changes)
    return summarize_sweep(name, sweep, trials, load_dataset_card())


@pytest.mark.usefixtures("data")
def test_the_best_is_chosen_by_the_metric_asked_for() -> None:
    """The lowest log loss or the highest accuracy; what diverged is the worst, and is told."""
    trials = [write_trial(n, s) for n, s in enumerate([0.5, None, 2.0, 1.0, 0.7, 0.2, 0.9], 1)]
    result = summarize(trials)
    assert result.best == "rates-03"
    assert [each.metric for each in result.excess] == ["log_loss", "accuracy", "f1"]
    assert result.excess[0].value == pytest.approx(trials[2].metrics["log_loss"])
    assert [effect.name for effect in result.effects] == ["dropout"]
    assert result.effects[0].p is not None
    by_accuracy = summarize(trials, metric="accuracy")
    best = max(
        (trial for trial in trials if not trial.diverged), key=lambda t: t.metrics["accuracy"] or 0
    )
    assert by_accuracy.best == best.name


@pytest.mark.usefixtures("data")
def test_of_one_trial_nothing_was_chosen() -> None:
    """Its numbers are told without any excess."""
    result = summarize([write_trial(1, 1.0)])
    assert result.best == "rates-01"
    assert math.isnan(result.excess[0].excess.floats[1])


@pytest.mark.usefixtures("data")
def test_where_all_diverged_none_is_the_best() -> None:
    """There are no answers to look at, and that is told."""
    result = summarize([write_trial(number, None) for number in (1, 2)])
    assert (result.best, result.excess) == (None, [])


@pytest.mark.usefixtures("data")
def test_results_of_other_sweeps_are_kept_while_params_have_them() -> None:
    """In the order of their names, and the same bytes each time."""
    edit_params(Path(), {"sweeps": {"rates": SWEEP, "again": SWEEP}})
    first = summarize([write_trial(1, 1.0)])
    keep_result(load_params(), first)
    keep_result(load_params(), first.model_copy(update={"name": "again"}))
    assert [each.name for each in load_sweep_results()] == ["again", "rates"]
    assert load_sweep_results()[1] == first
    params = load_params()
    fewer = params.model_copy(update={"sweeps": {"rates": params.sweeps["rates"]}})
    keep_result(fewer, first)
    assert [each.name for each in load_sweep_results()] == ["rates"]
