"""All of data/ into MLflow, as often as one likes: what is there already is left alone."""

from stages.core.params import Params
from stages.core.tracking import local
from stages.core.tracking.place import Place, place
from stages.core.tracking.provenance import provenance
from stages.core.tracking.reading import experiment, finished
from stages.core.tracking.reconciling import reconciled
from stages.core.tracking.record import Record
from stages.core.tracking.store import PATIENT, open_store, told

Outcome = dict[str, list[str]]


def mirror(params: Params) -> None:
    """Make MLflow equal to the files, and print what that took.

    Raises DataError when a stage before `track` has not run, TrackingError when the store
    cannot be used.
    """
    where, name = place(), experiment(params)
    parent, runs = finished(params)
    if where.database and local.is_current(where.database, name, [parent, *runs]):
        done = {"already there": [run.title for run in runs]}
    else:
        done = _mirror(where, name, parent, runs)
    print(_summary(where, name, done))


def _mirror(where: Place, name: str, parent: Record, runs: list[Record]) -> Outcome:
    done: Outcome = {}
    with told(where, PATIENT):
        store, source = open_store(where, name), provenance()
        with store.lock:
            parent_id, _ = reconciled(store, parent, source, None)
            for run in runs:
                _, outcome = reconciled(store, run, source, parent_id)
                done.setdefault(outcome, []).append(run.title)
    return done


def _summary(where: Place, name: str, done: Outcome) -> str:
    lines = [f'MLflow: experiment "{name}" in {where.shown}']
    lines += [f"  {outcome}: {', '.join(titles)}" for outcome, titles in done.items()]
    return "\n".join(lines)
