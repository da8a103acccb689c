"""All of data/ into MLflow, as often as one likes: what is there already is left alone."""

from dataclasses import dataclass, field

from stages.core.params import Params
from stages.core.tracking import claims, local, looks
from stages.core.tracking.place import Place, place
from stages.core.tracking.provenance import provenance
from stages.core.tracking.reading import experiment, finished
from stages.core.tracking.reconciling import reconciled
from stages.core.tracking.record import Record
from stages.core.tracking.store import PATIENT, Store, open_store, told


@dataclass
class Outcome:
    """The id of the experiment, and which runs are as they are by what was done."""

    experiment: str
    runs: dict[str, list[str]] = field(default_factory=dict)


def mirror(params: Params) -> None:
    """Make MLflow equal to the files, and print what that took.

    Raises DataError when a stage before `track` has not run, TrackingError when the store
    cannot be used.
    """
    where, name = place(), experiment(params)
    parent, runs = finished(params)
    known = where.database and local.current(where.database, name, [parent, *runs])
    if known and not claims.abandoned(where):
        outcome = Outcome(known, {"already there": [run.title for run in runs]})
    else:
        outcome = _mirror(where, name, parent, runs)
    print(_summary(where, name, outcome))


def _mirror(where: Place, name: str, parent: Record, runs: list[Record]) -> Outcome:
    with told(where, PATIENT):
        store, source = open_store(where, name), provenance()
        outcome = Outcome(store.experiment)
        with store.lock:
            parent_id, _ = reconciled(store, parent, source, None)
            for run in runs:
                _, done = reconciled(store, run, source, parent_id)
                outcome.runs.setdefault(done, []).append(run.title)
            _end_abandoned(store, where)
    return outcome


def _end_abandoned(store: Store, where: Place) -> None:
    """End the runs whose training and follower died together: nobody else would."""
    for run_id, last in claims.abandoned(where).items():
        store.end(run_id, last)
        claims.forget(where, run_id)


def _summary(where: Place, name: str, outcome: Outcome) -> str:
    lines = [f'MLflow: experiment "{name}" in {where.shown}']
    lines += [f"  {done}: {', '.join(titles)}" for done, titles in outcome.runs.items()]
    if link := looks.link(where, outcome.experiment):
        lines.append(f"  look: {link}")
    return "\n".join(lines)
