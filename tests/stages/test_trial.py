"""Train one trial of a sweep."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from secondlook.artifacts import files, manifest
from secondlook.config.errors import ParamsError
from secondlook.config.params import Params
from secondlook.config.sweeps import POINTS_FILE
from secondlook.config.yaml_files import format_yaml
from secondlook.evaluation.metrics import compute_scalars
from secondlook.training.checkpoint import Checkpoint
from secondlook.training.environment import compute_run_key
from stages import train, trial
from tests.support.training import SILENT, make_small_run_params, write_noise_images

pytestmark = pytest.mark.slow


@pytest.fixture
def data(project: Path) -> Path:
    """Give a project with images."""
    return write_noise_images(project)


def write_trial(**changes: Any) -> Params:  # noqa: ANN401 - whatever a run may change
    """Write the trial rates-01; return parameters in which the run `small` is the same."""
    params = make_small_run_params(**changes)
    POINTS_FILE.parent.mkdir(parents=True, exist_ok=True)
    told = {"trials": {"rates-01": params.run("small").model_dump()}}
    POINTS_FILE.write_text(format_yaml(told), encoding="utf-8")
    return params


def read_trial() -> dict[str, bytes]:
    """Return what the trial left, by the names of its files."""
    return {p.name: p.read_bytes() for p in files.stage_folder("trial", "rates-01").iterdir()}


@pytest.mark.usefixtures("data")
def test_a_trial_trains_as_a_run_does_and_sees_no_test_image() -> None:
    """The same key, curves and answers to validation; none to test, and no network."""
    augment = {"rotation": 0.1, "shift": 0.1, "zoom": 0.1, "flip": True}
    params = write_trial(augment=augment, dropout=0.5, class_weight="balanced")
    for path in files.stage_folder("preprocess").glob("test*.npy"):
        path.rename(path.with_suffix(".away"))
    trial.run(params, "rates-01", SILENT)
    left = read_trial()
    assert set(left) == {"trial.json", "history.csv", "predictions.npz"}
    for path in files.stage_folder("preprocess").glob("*.away"):
        path.rename(path.with_suffix(".npy"))
    train.run(params, "small", SILENT)
    run = files.stage_folder("train", "small")
    assert left["history.csv"] == (run / "history.csv").read_bytes()
    told = files.read_json(files.stage_folder("trial", "rates-01") / "trial.json")
    as_run = files.read_json(run / "run.json")
    assert told["key"] == as_run["key"] == compute_run_key(params, "small")
    assert all(
        told[name] == as_run[name] for name in ("parameters", "epochs", "kept_epoch", "data")
    )
    with (
        np.load(run / "predictions.npz") as of_run,
        np.load(files.stage_folder("trial", "rates-01") / "predictions.npz") as of_trial,
    ):
        assert list(of_trial) == ["validation"]
        answers = of_trial["validation"]
        assert np.array_equal(answers, of_run["validation"])
    expected = compute_scalars(manifest.load_labels("validation"), answers, 1)
    assert told["metrics"] == pytest.approx(expected)


@pytest.mark.usefixtures("data")
def test_a_trial_that_diverges_is_a_result() -> None:
    """It says why, has the epochs before, leaves no state to go on with, and is the same again."""
    params = write_trial(learning_rate=1e30, optimizer="sgd")
    trial.run(params, "rates-01", SILENT)
    left = read_trial()
    told = files.read_json(files.stage_folder("trial", "rates-01") / "trial.json")
    assert told["diverged"].startswith("the objective became ")
    assert told["metrics"] == {}
    assert "predictions.npz" not in left
    assert Checkpoint(told["key"], 0).read() is None
    trial.run(params, "rates-01", SILENT)
    assert read_trial() == left


@pytest.mark.usefixtures("data")
def test_what_does_not_fit_the_data_is_told() -> None:
    """Weights for other classes than there are, where the trial has them."""
    params = write_trial(class_weight={"left": 1, "up": 2})
    with pytest.raises(ParamsError, match=r"^data/sweep/points\.yaml: rates-01\.class_weight: fou"):
        trial.run(params, "rates-01", SILENT)
    assert not files.stage_folder("trial", "rates-01").exists()
