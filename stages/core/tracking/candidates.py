"""Tracked runs that could go into service: each with the model that was logged with it."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from stages.core.errors import TrackingError
from stages.core.outputs.retrainings import Model
from stages.core.tracking.models import WEIGHTS
from stages.core.tracking.place import place
from stages.core.tracking.record import KEY
from stages.core.tracking.store import PATIENT, told

if TYPE_CHECKING:
    from mlflow import MlflowClient

NAMES = "second_look.names"


@dataclass(frozen=True)
class Candidate:
    """A run's id, its entries of `runs:`, the digest of its weights, its logged model and files."""

    run: str
    names: str
    weights: str
    model_id: str | None
    source: str

    @property
    def model(self) -> Model:
        """Return which model this is, as the record of a retraining tells it."""
        return Model(name=self.names, run=self.run)


def by_key(key: str, weights: str) -> Candidate:
    """Return the tracked run of that key, with the model of those weights.

    Raises TrackingError where MLflow has no such run or model.
    """
    where = place()
    with told(where, PATIENT):
        from mlflow import MlflowClient

        client = MlflowClient(where.uri)
        ids = [each.experiment_id for each in client.search_experiments()]
        found = client.search_runs(ids, f"tags.`{KEY}` = '{key}'")
        models = [each for run in found if (each := _with_model(client, run.info.run_id, weights))]
    if not models:
        raise where.error("the challenger is not there as it was trained here")
    return models[0]


def by_id(run_id: str) -> Candidate:
    """Return the tracked run with that id; TrackingError where it has no model."""
    where = place()
    with told(where, PATIENT):
        from mlflow import MlflowClient

        found = _with_model(MlflowClient(where.uri), run_id, None)
    if found is None:
        raise TrackingError(
            f"MLflow at {where.shown}: the run {run_id} has no model; `secondlook track` adds that "
            "of a run in data/"
        )
    return found


def _with_model(client: "MlflowClient", run_id: str, weights: str | None) -> Candidate | None:
    """Return the run and the model it has with these weights, or with any; None without one."""
    run = client.get_run(run_id)
    query = f"source_run_id = '{run_id}'"
    for model in client.search_logged_models([run.info.experiment_id], query):
        digest = model.tags.get(WEIGHTS)
        if digest and weights in (None, digest) and model.status == "READY":
            names = run.data.tags.get(NAMES, run.info.run_name)
            return Candidate(run_id, names, digest, model.model_id, model.artifact_location)
    return None
