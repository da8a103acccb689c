"""Runs read back, one by one and together, and the one that answers where nobody says which."""

from pathlib import Path

import pytest

from secondlook.artifacts import files
from secondlook.config.errors import DataError, ParamsError
from secondlook.config.params import Params, load_params
from secondlook.evaluation.run_artifacts import (
    Scalars,
    find_best_run,
    load_run_result,
    load_study,
    locate_trained_run,
)
from tests.support.report import write_evaluated_runs


def write_losses(losses: dict[str, float | None]) -> Params:
    """Write what makes a run one that can be asked: its weights, and its log loss."""
    for name, loss in losses.items():
        scalars = dict.fromkeys(Scalars.model_fields, 0.5) | {"log_loss": loss}
        with files.create_output("train", name) as folder:
            (folder / "model.weights.h5").touch()
        with files.create_output("evaluate", name) as folder:
            files.write_json(folder / "metrics.json", {"validation": scalars, "test": {}})
    return load_params().model_copy(update={"runs": {name: {} for name in losses}})


def test_the_lowest_validation_loss_is_best(project: Path) -> None:
    """Of equals the first; a loss that is not defined is none."""
    assert project == Path.cwd()
    assert find_best_run(write_losses({"a": 0.3, "b": 0.2, "c": 0.2, "d": None})) == "b"


def test_a_run_without_weights_or_numbers_is_not_asked(project: Path) -> None:
    """Half a run cannot answer, however good it was."""
    params = write_losses({"a": 0.3, "b": 0.1, "c": 0.2})
    (project / "data/train/b/model.weights.h5").unlink()
    (project / "data/evaluate/c/metrics.json").unlink()
    assert find_best_run(params) == "a"


def test_without_any_run_it_says_what_to_do(project: Path) -> None:
    """The empty folder is named, and `dvc repro`."""
    assert project == Path.cwd()
    with pytest.raises(DataError, match=r"data/evaluate: no run .* run `dvc repro`"):
        find_best_run(load_params())


def test_a_run_must_be_in_params_and_trained(project: Path) -> None:
    """One that is not named is a mistake in the name, one without weights is to be trained."""
    params = write_losses({"a": 0.3, "b": 0.1})
    assert locate_trained_run(params, "a") == Path("data/train/a")
    with pytest.raises(ParamsError, match="no run 'x'; expected a or b"):
        locate_trained_run(params, "x")
    (project / "data/train/b/model.weights.h5").unlink()
    with pytest.raises(DataError, match=r"train/b/model\.weights\.h5: no such file"):
        locate_trained_run(params, "b")


def test_a_study_is_not_misled_by_the_luck_of_one_run(project: Path) -> None:
    """What chance shows of one run in 125 is told of it alone, not of one of two."""
    write_evaluated_runs(skills={"lucky": 1.0, "other": 1.0})
    path = project / "data/evaluate/lucky/details.json"
    details = files.read_json(path)
    details["fitting"] |= {"kind": "overfitting", "p": 0.008}
    files.write_json(path, details)
    assert load_run_result("lucky").fitting.kind == "overfitting"
    lucky, other = load_study(load_params()).results
    assert (lucky.name, lucky.fitting.kind) == ("lucky", "settled")
    assert other == load_run_result("other")
