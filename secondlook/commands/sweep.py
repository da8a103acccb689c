"""Vary a run in some parameters, and choose the best of many trials on validation.

SWEEP is an entry of `sweeps:` in params.yaml. Trials that are there already are not trained again;
a sweep that was interrupted goes on. No trial is asked about test images: what is adopted becomes
ordinary runs, whose numbers on test can be believed.
"""

import signal
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import click

from secondlook.artifacts.dataset_card import load_dataset_card
from secondlook.commands.command_group import ProjectCommand, jobs_option, ray_option
from secondlook.config.dvc import (
    load_dvc_status,
    raise_interrupt,
    run_dvc,
    tells_only_missing,
)
from secondlook.config.errors import ParamsError, TrackingError
from secondlook.config.params import Params, load_params
from secondlook.config.processes import handle_signals, hold_lock
from secondlook.config.sweeps import POINTS_FILE, Point, load_points
from secondlook.config.training import TrainParams
from secondlook.config.yaml_schema import PARAMS_FILE, format_choices
from secondlook.evaluation.formatting import format_count
from secondlook.evaluation.sweep_results import SweepResult, TrialResult, load_sweep_results
from secondlook.report.sweep_view import describe_sweep, format_value
from secondlook.scheduling.batch import run_batch, run_shown_dvc, tell_failures
from secondlook.scheduling.cluster import Home, check_remote, push_arrays, take_snapshot
from secondlook.scheduling.dvc_lock import arrange_lock_entries, check_lock
from secondlook.scheduling.fork_server import ForkServer
from secondlook.scheduling.jobs import NOTES_FOLDER, Job, make_jobs
from secondlook.scheduling.local_engine import choose_slots, start_local_job
from secondlook.scheduling.ray_engine import Submit, open_ray
from secondlook.sweeps.adoption import add_runs, make_entries
from secondlook.sweeps.outcome import keep_result, summarize_sweep
from secondlook.sweeps.search import propose_round
from secondlook.sweeps.trials import (
    LOCK_FILE,
    PIPELINE_FILE,
    compute_loss,
    load_trial_result,
    make_training,
    name_trial,
    name_trial_stages,
    write_points,
)
from secondlook.tracking.sync import sync_sweeps

Train = Callable[[Mapping[str, TrainParams]], list[Job]]  # trials, several at once; those failed


@click.command(cls=ProjectCommand, help=__doc__)
@click.argument("name", metavar="SWEEP")
@jobs_option
@ray_option
@click.option(
    "--adopt", is_flag=True, help="Write the best trial into params.yaml, as runs of three seeds."
)
def command(*, name: str, jobs: int | None, address: str | None, adopt: bool) -> int:
    """Run a sweep to its end."""
    with handle_signals(raise_interrupt, (signal.SIGTERM, signal.SIGHUP)):
        params = load_params()
        _check_sweep(params, name)
        NOTES_FOLDER.mkdir(parents=True, exist_ok=True)
        with hold_lock(NOTES_FOLDER / "sweep.lock", refuse=_refuse):
            _preprocess()
            if address is None:
                with ForkServer() as server:
                    train = partial(_train_here, server, jobs)
                    result = run(params, name, train, _find_current())
            else:
                check_lock(LOCK_FILE)
                remote = check_remote()
                with open_ray(address, params.cluster) as (submit, about):
                    push_arrays(remote)
                    print(f"sweep {name}: on {about}", flush=True)
                    train = partial(_train_on_nodes, params, jobs, submit)
                    result = run(params, name, train, _find_current())
            return _finish(params, result, adopt=adopt)


def _refuse(_: str) -> str:
    return f"{POINTS_FILE}: another `secondlook sweep` is at work in this project; wait for it"


def _check_sweep(params: Params, name: str) -> None:
    """Raise SecondLookError, before anything runs, where there is no sweep or no point to try."""
    if name not in params.sweeps:
        told = format_choices(params.sweeps) if params.sweeps else "an entry: docs/sweeps.md"
        raise ParamsError(f"{PARAMS_FILE}: sweeps: no sweep {name!r}; expected {told}")
    _propose_points(params, name, [])
    load_sweep_results()  # what it cannot be added to is told before hours of training


def _preprocess() -> None:
    if load_dvc_status("--with-deps", "preprocess"):
        run_shown_dvc("repro", "preprocess")


def run(params: Params, name: str, train: Train, current: Mapping[str, Any]) -> SweepResult | None:
    """Train all trials, round after round; return what the sweep comes to, None where one failed.

    current: the parameters of trials that dvc has as they would come out again, by their names.
    Which points come next depends on the rounds before alone. Raises ParamsError where the space
    has no point that a run may have.
    """
    sweep, results = params.sweeps[name], list[TrialResult]()
    trials: dict[str, TrainParams] = {}
    while points := _propose_points(params, name, results):
        new = {
            name_trial(name, number): make_training(params, name, point)
            for number, point in enumerate(points, start=len(trials) + 1)
        }
        trials |= new
        write_points(params, name, trials, ended=False)
        to_train = {
            trial: made for trial, made in new.items() if current.get(trial) != made.model_dump()
        }
        if to_train and not _train_round(name, to_train, f"{len(trials)} of {sweep.trials}", train):
            return None
        results += map(load_trial_result, new, points)
    known = write_points(params, name, trials, ended=True)
    arrange_lock_entries(_name_entries(known), LOCK_FILE)
    if len(results) < sweep.trials:
        print(f"sweep {name}: {format_count(len(results), 'point')} found in this space, no more")
    return summarize_sweep(name, sweep, results, load_dataset_card())


def _propose_points(params: Params, name: str, results: Sequence[TrialResult]) -> list[Point]:
    sweep = params.sweeps[name]
    tried = [(result.point, compute_loss(result, sweep.metric)) for result in results]
    return propose_round(sweep, partial(make_training, params, name), tried)


def _find_current() -> dict[str, Any]:
    """Return the trials that dvc has as they would come out again; a look costs it seconds.

    Those that only data/ lacks are pulled, if a remote has them.
    """
    if not LOCK_FILE.exists():
        return {}
    stale = load_dvc_status(str(PIPELINE_FILE))
    if missing := [stage for stage, told in stale.items() if tells_only_missing(told)]:
        run_dvc("pull", "--force", "--allow-missing", *missing, capture=True)  # quietly
        stale = load_dvc_status(str(PIPELINE_FILE))
    names = {stage.rpartition("@")[2] for stage in stale}
    return {name: told for name, told in load_points().items() if name not in names}


def _train_round(name: str, trials: Mapping[str, TrainParams], proposed: str, train: Train) -> bool:
    """Train some trials and say so; tell which failed, and whether none did."""
    print(f"sweep {name}: {len(trials)} to train, {proposed} proposed", flush=True)
    try:
        failed = train(trials)
    except KeyboardInterrupt:
        raise KeyboardInterrupt(
            f"what was trained is saved; `secondlook sweep {name}` goes on"
        ) from None
    if failed:
        told = f"`secondlook sweep {name}` goes on once all can be trained"
        tell_failures(failed, "trial", format_count(len(trials), "trial"), told)
    return not failed


def _train_here(
    server: ForkServer, wanted: int | None, trials: Mapping[str, TrainParams]
) -> list[Job]:
    if len(trials) > 1:
        server.start()
    slots, _ = choose_slots(wanted, len(trials))
    jobs = make_jobs(trials, name_trial_stages)
    return run_batch(jobs, slots, start_local_job, _name_entries(trials), LOCK_FILE)


def _train_on_nodes(
    params: Params, wanted: int | None, submit: Submit, trials: Mapping[str, TrainParams]
) -> list[Job]:
    home = Home(params, take_snapshot(params.data.path), submit)
    jobs, slots = make_jobs(trials, name_trial_stages), [dict[str, str]() for _ in trials]
    order = _name_entries(trials)
    failed = run_batch(jobs, slots[:wanted], home.start_job, order, LOCK_FILE)
    stages = [stage for job in jobs if job not in failed for stage in job.stages]
    if stages:  # without any, dvc would pull all there is
        run_shown_dvc("pull", "--force", *stages)
    return failed


def _name_entries(trials: Iterable[str]) -> list[str]:
    return [f"trial@{trial}" for trial in trials]


def track_sweeps(params: Params) -> None:
    """Show it in MLflow at once; what stands in the way of that is said, and ends no sweep."""
    try:
        sync_sweeps(params)
    except TrackingError as error:
        print(f"secondlook: warning: not tracked: {error}", file=sys.stderr)


def _finish(params: Params, result: SweepResult | None, *, adopt: bool) -> int:
    """Keep what the sweep came to and tell it; return the exit status."""
    if result is None:
        return 1
    keep_result(params, result)
    print("\n".join(_describe_result(result)))
    track_sweeps(params)
    if result.best is None:
        return 1
    entries = make_entries(params, result)
    if not adopt:
        print(f"`secondlook sweep {result.name} --adopt` makes runs of it: {', '.join(entries)}")
        print("`dvc repro` puts the sweep on the page")
        return 0
    told = f"best of {len(result.trials)} trials of the sweep {result.name}, by {result.metric}"
    if added := add_runs(entries, told):
        print(f"{PARAMS_FILE}: added {', '.join(added)}; `secondlook repro` trains them")
    else:
        print(f"{PARAMS_FILE}: {', '.join(entries)} are there already")
    return 0


def _describe_result(result: SweepResult) -> Iterator[str]:
    """Yield what the page says of a sweep, and where its best trial is."""
    yield f"sweep {result.name}:"
    yield from (f"  {sentence}" for sentence in describe_sweep(result, result.data))
    for trial in result.trials:
        if trial.name == result.best:
            point = (f"{name} {format_value(value, 60)}" for name, value in trial.point.items())
            yield f"  {trial.name}: {', '.join(point)}"
