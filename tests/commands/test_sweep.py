"""`secondlook sweep` without trainings: its rounds, what is trained again, what is refused."""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from secondlook.artifacts import files, manifest
from secondlook.commands import sweep
from secondlook.config.params import Params, load_params
from secondlook.config.processes import hold_lock
from secondlook.config.sweeps import POINTS_FILE, load_points
from secondlook.config.training import TrainParams
from secondlook.evaluation.metrics import compute_scalars
from secondlook.evaluation.sweep_results import RESULTS_FILE, load_sweep_results
from secondlook.scheduling.jobs import NOTES_FOLDER, Job
from secondlook.training.environment import compute_training_key
from tests.support.project import edit_params, run_in_process
from tests.support.training import write_noise_images

SWEEP: dict[str, Any] = {
    "of": "weighted",
    "search": {"learning_rate": {"low": 0.0001, "high": 0.01, "log": True}},
    "trials": 6,
    "method": "tpe",
    "seed": 1,
    "round": 2,
}


class Trainer:
    """Writes what trials leave, in a moment; `fails`: those that fail, `diverges`: all do."""

    def __init__(self, *fails: str, diverges: bool = False) -> None:
        self.fails, self.diverges = fails, diverges
        self.rounds: list[list[str]] = []

    def __call__(self, trials: Mapping[str, TrainParams]) -> list[Job]:
        """Train a round of trials; return those that failed."""
        self.rounds.append(list(trials))
        for name, train in trials.items():
            if name not in self.fails:
                self._write(name, train)
        return [Job(name, 1, state="failed", reason="so") for name in trials if name in self.fails]

    def _write(self, name: str, train: TrainParams) -> None:
        folder, labels = files.stage_folder("trial", name), manifest.load_labels("validation")
        folder.mkdir(parents=True, exist_ok=True)
        sure = 1 / (1 + abs(math.log(train.learning_rate / 0.001)))
        right = np.where(labels == 1, 0.5 + sure / 2.1, 0.5 - sure / 2.1)
        answers = np.stack([1 - right, right], axis=1).astype(np.float32)
        np.savez(folder / "predictions.npz", validation=answers)
        told: dict[str, Any] = {"parameters": train.model_dump(), "epochs": 1, "kept_epoch": 1}
        told |= {"key": compute_training_key(train)}
        told["metrics"] = {} if self.diverges else compute_scalars(labels, answers, 1)
        told["diverged"] = "the objective became nan in epoch 1" if self.diverges else None
        files.write_json(folder / "trial.json", told)


@pytest.fixture
def params(project: Path) -> Params:
    """Give the parameters of a project with images and a sweep, and enter it."""
    (project / "data/sweep").mkdir(parents=True)
    POINTS_FILE.write_text("trials: {}\n", encoding="utf-8")
    write_noise_images(project)
    edit_params(project, {"sweeps": {"rates": SWEEP}})
    return load_params()


def test_it_goes_on_where_it_was_and_comes_to_the_same(params: Params) -> None:
    """A round after the other; what is there is not trained again, what is gone or stale is."""
    first, again, partly = Trainer(), Trainer(), Trainer()
    result = sweep.run(params, "rates", first, {})
    assert first.rounds == [[f"rates-0{n}", f"rates-0{n + 1}"] for n in (1, 3, 5)]
    current = load_points()
    assert sweep.run(params, "rates", again, current) == result
    assert again.rounds == []
    del current["rates-04"]
    current["rates-02"] = current["rates-02"] | {"epochs": 99}
    assert sweep.run(params, "rates", partly, current) == result
    assert partly.rounds == [["rates-02"], ["rates-04"]]


def test_one_that_fails_ends_the_sweep(params: Params, capsys: pytest.CaptureFixture[str]) -> None:
    """The others of its round are there, no other round begins, and nothing is chosen."""
    failing, mended = Trainer("rates-03"), Trainer()
    assert sweep.run(params, "rates", failing, {}) is None
    assert failing.rounds == [["rates-01", "rates-02"], ["rates-03", "rates-04"]]
    assert "1 of 2 trials failed; `secondlook sweep rates` goes" in capsys.readouterr().err
    assert load_sweep_results() == []
    known = {name: told for name, told in load_points().items() if name != "rates-03"}
    sweep.run(params, "rates", mended, known)
    assert mended.rounds == [["rates-03"], ["rates-05", "rates-06"]]


def test_where_all_diverge_nothing_is_adopted(
    params: Params, capsys: pytest.CaptureFixture[str]
) -> None:
    """Twelve trials that each come to no number are twelve results, told; the status is 1."""
    edit_params(Path(), {"sweeps": {"rates": SWEEP | {"trials": 12}}})
    params = load_params()
    result = sweep.run(params, "rates", Trainer(diverges=True), {})
    text = Path("params.yaml").read_text(encoding="utf-8")
    assert sweep._finish(params, result, adopt=True) == 1  # noqa: SLF001 - its end, without dvc
    printed = capsys.readouterr().out
    assert "12 diverged, and count as the worst: rates-01, rates-02, " in printed
    assert "No trial came to a number" in printed
    assert len(load_sweep_results()[0].trials) == 12
    assert Path("params.yaml").read_text(encoding="utf-8") == text


def test_a_space_that_ends_before_the_trials_do_is_told(
    params: Params, capsys: pytest.CaptureFixture[str]
) -> None:
    """Three values are three trials, however many were asked for; fewer later go from the list."""
    few = SWEEP | {"search": {"epochs": [1, 2, 3]}, "trials": 5}
    edit_params(Path(), {"sweeps": {"rates": few}})
    params = load_params()
    sweep.run(params, "rates", Trainer(), {})
    assert "3 points found in this space, no more" in capsys.readouterr().out
    edit_params(Path(), {"sweeps": {"rates": few | {"trials": 2}}})
    sweep.run(load_params(), "rates", Trainer(), {})
    assert "rates-03" not in POINTS_FILE.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"method": "grid", "search": {"epochs": [1, 2, 3]}, "trials": 2}, "too few for a grid of"),
        ({"search": {"filters": [[8] * 9, [9] * 9]}}, "pixels are too few for sweeps.rates"),
    ],
)
@pytest.mark.usefixtures("params")
def test_what_has_no_point_to_try_is_told_before_anything_runs(
    changes: dict[str, Any], told: str
) -> None:
    """In one line; neither dvc nor a training is begun."""
    edit_params(Path(), {"sweeps": {"rates": SWEEP | changes}})
    done = run_in_process(Path(), "sweep", "rates")
    assert (done.returncode, done.stdout) == (1, "")
    assert told in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.usefixtures("params")
def test_an_unknown_sweep_is_told_with_the_known() -> None:
    """Or where one is made."""
    done = run_in_process(Path(), "sweep", "rate")
    assert done.stderr == "secondlook: params.yaml: sweeps: no sweep 'rate'; expected rates\n"
    edit_params(Path(), {"sweeps": {}})
    text = Path("params.yaml").read_text(encoding="utf-8")
    Path("params.yaml").write_text(text.split("sweeps:")[0], encoding="utf-8")
    assert "expected an entry: docs/sweeps.md" in run_in_process(Path(), "sweep", "rate").stderr


@pytest.mark.usefixtures("params")
def test_two_sweeps_at_once_are_refused() -> None:
    """They would write the same list of points."""
    NOTES_FOLDER.mkdir(parents=True)
    with hold_lock(NOTES_FOLDER / "sweep.lock"):
        done = run_in_process(Path(), "sweep", "rates")
    assert done.returncode == 1
    assert "another `secondlook sweep` is at work in this project; wait for it" in done.stderr


@pytest.mark.usefixtures("params")
def test_results_that_cannot_be_added_to_are_told_before_hours_of_training() -> None:
    """Such as both sides of a merge that nobody decided."""
    RESULTS_FILE.write_text("<<<<<<<< ours\n[]\n", encoding="utf-8")
    done = run_in_process(Path(), "sweep", "rates")
    assert (done.returncode, done.stdout) == (1, "")
    assert "`git checkout data/sweep/results.json`, or write [] into it" in done.stderr
