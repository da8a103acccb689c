"""A page added to a run in MLflow, beside what mirrors the files."""

from pathlib import Path

from stages.core import files
from stages.core.errors import TrackingError
from stages.core.outputs.records import read_from
from stages.core.params import Params
from stages.core.tracking.place import place
from stages.core.tracking.reading import experiment
from stages.core.tracking.record import KEY
from stages.core.tracking.store import PATIENT, open_store, told

FOLDER = "inspect"  # `track` leaves it alone


def attach(params: Params, run: str, page: Path) -> None:
    """Keep a file among the artifacts of the run `run`, under its own name in the folder inspect.

    Raises TrackingError when there is no store, the store cannot be used, or the run, as it lies
    in data/train, was never tracked.
    """
    where = place()
    if where.database is not None and not where.database.exists():
        raise TrackingError(f"MLflow at {where.shown}: no such file; `secondlook track` makes it")
    with read_from(files.folder("train", run) / "run.json") as path:
        key = files.read_json(path)["key"]
    with told(where, PATIENT):
        store = open_store(where, experiment(params))
        found = store.client.search_runs([store.experiment], f"tags.`{KEY}` = '{key}'")
        if not found:
            raise TrackingError(
                f"MLflow at {where.shown}: {run} is not there; `secondlook track` brings it"
            )
        store.client.log_artifact(found[-1].info.run_id, str(page), FOLDER)
