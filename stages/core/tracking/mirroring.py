"""All of data/ into MLflow, as often as one likes: what is there already is left alone."""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from stages.core.params import Params
from stages.core.tracking import claims, local, looks
from stages.core.tracking.place import Place, place
from stages.core.tracking.provenance import Provenance, provenance
from stages.core.tracking.reading import experiment, finished
from stages.core.tracking.reconciling import THERE, reconciled
from stages.core.tracking.record import Record
from stages.core.tracking.store import PATIENT, Store, open_store, told

PASSES = 10  # two, unless somebody else writes at the same time
PAUSE = 2.0  # seconds at most, by chance: else two that disturb each other go on in step


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
    known = _known(where, name, [parent, *runs])
    if known and not claims.abandoned(where):
        outcome = Outcome(known, {THERE: [run.title for run in runs]})
    else:
        outcome = _mirror(where, name, parent, runs)
    print(_summary(where, name, outcome))


def _known(where: Place, name: str, records: list[Record]) -> str | None:
    """Return the experiment's id if a glance at the project's own store shows that all is there."""
    if where.database is None or where.artifacts is None:
        return None
    return local.current(where.database, where.artifacts, name, records)


def _mirror(where: Place, name: str, parent: Record, runs: list[Record]) -> Outcome:
    with told(where, PATIENT):
        store, source = open_store(where, name), provenance()
        with store.lock:
            done = _settled(where, lambda: _pass(store, parent, runs, source))
            _end_abandoned(store, where)
    outcome = Outcome(store.experiment)
    for run in runs:
        outcome.runs.setdefault(done[run.key], []).append(run.title)
    return outcome


def _settled(where: Place, once: Callable[[], dict[str, str]]) -> dict[str, str]:
    """Return what was done to each record, by its key, in as many passes as it takes.

    The lock keeps no other project away that writes the same runs to the same server: two may
    make one run at once, and one of them then loses it. A second look finds what is left to do.
    """
    from mlflow.exceptions import MlflowException

    done: dict[str, str] = {}
    for left in reversed(range(PASSES if where.database is None else 1)):
        try:
            now = once()
        except MlflowException:
            if not left:
                raise
            where.check()
            time.sleep(random.uniform(0, PAUSE))  # noqa: S311 - no secret
            continue
        done = {key: done.get(key, what) if what == THERE else what for key, what in now.items()}
        if set(now.values()) == {THERE}:
            break
    return done


def _pass(store: Store, parent: Record, runs: list[Record], source: Provenance) -> dict[str, str]:
    parent_id, done = reconciled(store, parent, source, None)
    made = {run.key: reconciled(store, run, source, parent_id)[1] for run in runs}
    return {parent.key: done, **made}


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
