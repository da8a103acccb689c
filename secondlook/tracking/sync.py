"""All of data/ into MLflow, as often as one likes: what is there already is left alone.

Runs are in one experiment, sweeps in another (sweep_runs.py says why). stamp.py tells when MLflow
need not be asked at all.
"""

import random
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from secondlook.config.params import Params
from secondlook.tracking import live
from secondlook.tracking.expected import format_experiment_name, load_expected_runs
from secondlook.tracking.location import StoreLocation, find_location
from secondlook.tracking.provenance import Provenance, read_provenance
from secondlook.tracking.run_spec import (
    EXPERIMENT_TAGS,
    MIRROR_TAG,
    VIEW,
    RunSpec,
    format_experiment_link,
)
from secondlook.tracking.stamp import describe_state, read_stamp, write_stamp
from secondlook.tracking.store import (
    PARENT_TAG,
    PATIENT_LIMITS,
    Store,
    convert_store_errors,
    find_run,
    open_store,
)
from secondlook.tracking.sweep_runs import (
    SWEEPS_TAGS,
    TRIAL_TAG,
    TRIALS_TAG,
    ExpectedSweep,
    load_expected_sweeps,
)
from secondlook.tracking.upload import ALREADY_THERE, UPDATED, is_current, reconcile_run

if TYPE_CHECKING:
    from mlflow.entities import Run

MAX_PASSES = 10  # two, unless somebody else writes at the same time
MAX_PAUSE = 2.0  # seconds at most, by chance: else two that disturb each other go on in step
Done = dict[str, str]  # what was done, by the keys of runs


@dataclass(frozen=True)
class _Part:
    """An experiment: what should be in it, and the function that brings it there.

    told: the runs that people are told of; views: where links lead to, by what they show.
    """

    experiment: str
    tags: Mapping[str, str]
    records: list[RunSpec]
    told: list[RunSpec]
    views: Mapping[str, str]
    sync: Callable[[Store, Provenance], Done]


def sync_runs(params: Params) -> None:
    """Make MLflow equal to the files, and print what that took.

    Raises DataError when a stage before `track` has not run, TrackingError when the store
    cannot be used.
    """
    where, parts = find_location(), [_plan_runs(params), *_plan_sweeps(params)]
    ids, done = read_stamp(where, {part.experiment: part.records for part in parts}), Done()
    if ids is None or live.find_abandoned_runs(where):
        ids, done = _sync_store(where, parts, stamped=True)
    _print_summary(where, parts, ids, done)


def sync_sweeps(params: Params) -> None:
    """Make MLflow equal to what came of sweeps, and print what that took.

    Runs are left alone: they may not be trained yet. Raises DataError where a sweep left what is
    not readable, TrackingError when the store cannot be used.
    """
    where, parts = find_location(), _plan_sweeps(params)
    if parts:
        _print_summary(where, parts, *_sync_store(where, parts, stamped=False))


def _plan_runs(params: Params) -> _Part:
    name, (parent, runs) = format_experiment_name(params), load_expected_runs(params)
    sync = partial(_sync_runs_once, parent, runs)
    return _Part(name, EXPERIMENT_TAGS, [parent, *runs], runs, {"look": VIEW}, sync)


def _plan_sweeps(params: Params) -> list[_Part]:
    """Return the experiment of the sweeps; none where there are no sweeps."""
    sweeps = load_expected_sweeps(params)
    if not sweeps:
        return []
    name, told = f"{format_experiment_name(params)}, sweeps", [sweep.parent for sweep in sweeps]
    records = [record for sweep in sweeps for record in (sweep.parent, *sweep.trials)]
    views = {f"look at {sweep.parent.title}": sweep.view_name for sweep in sweeps}
    sync = partial(_sync_sweeps_once, sweeps)
    return [_Part(name, SWEEPS_TAGS, records, told, views, sync)]


def _sync_store(
    where: StoreLocation, parts: list[_Part], *, stamped: bool
) -> tuple[list[str], Done]:
    """Return the ids of the experiments, and what was done."""
    with convert_store_errors(where, PATIENT_LIMITS):
        stores = [open_store(where, part.experiment, part.tags) for part in parts]
        source = read_provenance()
        if source.problem:
            print(
                "warning: what is tracked now cannot be reproduced, for its code is not known: "
                f"{source.problem}",
                file=sys.stderr,
            )

        def once() -> Done:
            done = Done()
            for store, part in zip(stores, parts, strict=True):
                done |= part.sync(store, source)
            return done

        with stores[0].hold_lock():
            done = _repeat_until_stable(where, once)
            _end_abandoned_runs(stores[0], where)
            if stamped:
                _stamp_if_current(where, parts, stores, once)
    return [store.experiment for store in stores], done


def _repeat_until_stable(where: StoreLocation, once: Callable[[], Done]) -> Done:
    """Return what was done to each record, by its key, in as many passes as it takes.

    The lock keeps no other project away that writes the same runs to the same server: two may
    make one run at once, and one of them then loses it. A second look finds what is left to do.
    """
    from mlflow.exceptions import MlflowException

    done = Done()
    for left in reversed(range(MAX_PASSES if where.database is None else 1)):
        try:
            now = once()
        except MlflowException:
            if not left:
                raise
            where.check()
            time.sleep(random.uniform(0, MAX_PAUSE))  # noqa: S311 - no secret
            continue
        done = {
            key: done.get(key, what) if what == ALREADY_THERE else what for key, what in now.items()
        }
        if set(now.values()) == {ALREADY_THERE}:
            break
    return done


def _stamp_if_current(
    where: StoreLocation, parts: list[_Part], stores: list[Store], once: Callable[[], Done]
) -> None:
    expected = {part.experiment: part.records for part in parts}
    before = describe_state(where, expected)
    if before is not None and set(once().values()) == {ALREADY_THERE}:
        write_stamp(where, stores, expected, before)


def _sync_runs_once(parent: RunSpec, runs: list[RunSpec], store: Store, source: Provenance) -> Done:
    parent_id, done = reconcile_run(store, parent, source, None)
    made = {run.key: reconcile_run(store, run, source, parent_id)[1] for run in runs}
    return {parent.key: done, **made}


def _sync_sweeps_once(sweeps: list[ExpectedSweep], store: Store, source: Provenance) -> Done:
    return {sweep.parent.key: _sync_sweep(sweep, store, source) for sweep in sweeps}


def _sync_sweep(sweep: ExpectedSweep, store: Store, source: Provenance) -> str:
    """Return what was done to a sweep as a whole; one request asks for all of its trials."""
    parent, done = reconcile_run(store, sweep.parent, source, None)
    known: dict[str, list[Run]] = defaultdict(list)
    for run in store.find_by_tag(TRIALS_TAG, sweep.parent.key):
        known[run.data.tags.get(TRIAL_TAG, "")].append(run)
    changed = False
    for record in sweep.trials:
        found = known.pop(record.key, [])
        if len(found) == 1 and is_current(store, found[0], record, parent):
            continue
        if record.key in sweep.lost and found and MIRROR_TAG in found[0].data.tags:
            if found[0].data.tags.get(PARENT_TAG) != parent:
                store.client.set_tag(found[0].info.run_id, PARENT_TAG, parent)
            continue
        reconcile_run(store, record, source, parent)
        changed = True
    for surplus in known.values():  # of a time when the sweep had more trials
        for run in surplus:
            store.retire(run)
    _show_view(sweep, store)
    return UPDATED if done == ALREADY_THERE and (changed or known) else done


def _show_view(sweep: ExpectedSweep, store: Store) -> None:
    key = f"mlflow.sharedViewState.{sweep.view_name}"
    if store.client.get_experiment(store.experiment).tags.get(key) != sweep.view:
        store.client.set_experiment_tag(store.experiment, key, sweep.view)


def _end_abandoned_runs(store: Store, where: StoreLocation) -> None:
    """End the runs whose training and follower died together: nobody else would."""
    for run_id, last in live.find_abandoned_runs(where).items():
        run = find_run(store.client, run_id)
        if run and (run.info.status, run.info.lifecycle_stage) == ("RUNNING", "active"):
            store.client.set_terminated(run_id, "KILLED", last)
        live.remove_abandoned_lock(where, run_id)


def _print_summary(where: StoreLocation, parts: list[_Part], ids: list[str], done: Done) -> None:
    """Print of each experiment what was done, and where to look."""
    for part, experiment in zip(parts, ids, strict=True):
        print(f'MLflow: experiment "{part.experiment}" in {where.display_name}')
        runs: dict[str, list[str]] = defaultdict(list)
        for run in part.told:
            runs[done.get(run.key, ALREADY_THERE)].append(run.title)
        for what, titles in runs.items():
            print(f"  {what}: {', '.join(titles)}")
        for label, view in part.views.items():
            if link := format_experiment_link(where, experiment, view, charts=view != VIEW):
                print(f"  {label}: {link}")
