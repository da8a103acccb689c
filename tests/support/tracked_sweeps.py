"""Sweeps as `secondlook sweep` leaves them, written by hand, for what makes MLflow of them."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from secondlook.artifacts import files
from secondlook.artifacts.schema import Interval
from secondlook.config.params import Params
from secondlook.config.sweeps import apply_point
from secondlook.evaluation.sweep_results import (
    RESULTS_FILE,
    SelectionExcess,
    SweepResult,
    TrialResult,
    save_sweep_results,
)
from secondlook.training.environment import compute_training_key
from tests.support.tracking import DATA_DIGEST, find_runs, make_epoch_row

if TYPE_CHECKING:
    from mlflow.entities import Run

EPOCHS = 3  # of a trial that does not diverge; the last is kept
ADAMW = {"adamw": {"weight_decay": 0.004}}
SEARCH: dict[str, Any] = {
    "learning_rate": {"low": 0.0001, "high": 0.01, "log": True},
    "dropout": [0.0, 0.25],
    "optimizer": ["adam", ADAMW],
}
POINTS: Sequence[dict[str, Any]] = (
    {"learning_rate": 0.0012, "dropout": 0.25, "optimizer": "adam"},
    {"learning_rate": 0.004, "dropout": 0.0, "optimizer": ADAMW},
    {"learning_rate": 0.009, "dropout": 0.0, "optimizer": "adam"},
)
DIVERGED = "the objective became nan in epoch 2"


def write_sweep(params: Params, trials: int = 3, **changes: Any) -> SweepResult:  # noqa: ANN401 - fields of SweepResult
    """Write results.json with the sweep `rates`, and data/trial; the third trial diverges."""
    made = [_write_trial(params, number) for number in range(1, trials + 1)]
    told: dict[str, Any] = {
        "name": "rates",
        "of": "unweighted",
        "method": "random",
        "metric": "log_loss",
        "seed": 1,
        "search": SEARCH,
        "data": DATA_DIGEST,
        "images": 4,
        "trials": made,
        "best": "rates-02" if trials > 1 else "rates-01",
        "effects": [],
        "excess": [
            SelectionExcess(
                metric="log_loss", value=0.2, excess=Interval(value=0.03, low=0.01, high=0.05)
            )
        ],
    }
    result = SweepResult.model_validate(told | changes)
    RESULTS_FILE.parent.mkdir(parents=True, exist_ok=True)
    save_sweep_results([result])
    return result


def _write_trial(params: Params, number: int) -> TrialResult:
    name, point = f"rates-{number:02d}", POINTS[number - 1]
    train = apply_point(params.run("unweighted"), point, "")
    diverged = DIVERGED if number == len(POINTS) else None
    epochs = 1 if diverged else EPOCHS
    metrics = {} if diverged else {"log_loss": 0.4 / number, "accuracy": 0.3, "precision": None}
    result = TrialResult(
        name=name,
        point=point,
        parameters=train.model_dump(),
        key=compute_training_key(train),
        epochs=epochs,
        kept_epoch=epochs,
        metrics=metrics,
        diverged=diverged,
    )
    with files.create_output("trial", name) as folder:
        rows = [{"epoch": i, **make_epoch_row(i)} for i in range(1, epochs + 1)]
        files.write_csv(folder / "history.csv", rows[0], rows)
        files.write_json(folder / "trial.json", result.model_dump())
    return result


def find_trials() -> "dict[str, Run]":
    """Return the trials that MLflow has, by name."""
    return find_runs("second_look.trial")


def find_sweep() -> "Run":
    """Return the only sweep that MLflow has."""
    (found,) = find_runs("second_look.sweep").values()
    return found
