"""Bring the pipeline up to date as `dvc repro` does, but train several runs at once.

What comes of it is the same, to the byte. A run that fails ends no other.
"""

import signal
from collections.abc import Mapping, Sequence
from typing import Any

import click

from secondlook.commands.command_group import (
    RUN_STAGES,
    STAGES,
    ProjectCommand,
    jobs_option,
    ray_option,
)
from secondlook.config.dvc import load_dvc_status, raise_interrupt, run_dvc
from secondlook.config.errors import SecondLookError
from secondlook.config.params import Params, load_params
from secondlook.config.processes import handle_signals
from secondlook.evaluation.formatting import format_count
from secondlook.scheduling.batch import run_batch, run_shown_dvc, tell_failures
from secondlook.scheduling.cluster import (
    Home,
    check_remote,
    is_only_missing,
    push_arrays,
    take_snapshot,
)
from secondlook.scheduling.dvc_lock import check_lock, name_stages
from secondlook.scheduling.fork_server import ForkServer
from secondlook.scheduling.jobs import Engine, Job, Slot, make_jobs
from secondlook.scheduling.local_engine import choose_slots, start_local_job
from secondlook.scheduling.ray_engine import open_ray
from secondlook.tracking.live import end_lost_trainings

LATE_STAGES = STAGES[STAGES.index("compare") :]  # they need all runs
PULL = ("pull", "--force", "--allow-missing", *RUN_STAGES)


@click.command(cls=ProjectCommand, help=__doc__)
@jobs_option
@ray_option
def command(*, jobs: int | None, address: str | None) -> int:
    """Reproduce the pipeline."""
    with handle_signals(raise_interrupt, (signal.SIGTERM, signal.SIGHUP)):
        params = load_params()
        return run(params, jobs) if address is None else run_on_cluster(params, jobs, address)


def run(params: Params, wanted: int | None) -> int:
    """Run what is stale, several runs at once; return the exit status: 1 where a run failed.

    Raises SecondLookError where dvc fails before or after them; it has said why.
    """
    stale = load_dvc_status()
    with ForkServer() as server:
        if _count_run_stages(params, stale) > 1 or _has_before_training(stale):
            server.start()
        if status := _run_stale(params, wanted, _preprocess_if_stale(stale)):
            return status
        server.prepare_late_stages()
        run_shown_dvc("repro")
    return 0


def _count_run_stages(params: Params, stale: Mapping[str, list[Any]]) -> int:
    return sum(f"{stage}@{run}" in stale for stage in RUN_STAGES for run in params.runs)


def _run_stale(params: Params, wanted: int | None, stale: Mapping[str, list[Any]]) -> int:
    """Train and evaluate what is stale, several runs at once; return the exit status."""
    runs = [name for name in params.runs if any(f"{each}@{name}" in stale for each in RUN_STAGES)]
    if runs:
        trained = sum(f"train@{name}" in stale for name in runs)
        slots, why = choose_slots(wanted, len(runs))
        told = f"{trained or 'none'} of them to train, {len(slots)} at once ({why})"
        print(f"repro: {format_count(len(runs), 'run')}, {told}", flush=True)
        if failed := _run_runs(params, runs, slots, start_local_job):
            return _tell_failures(failed, len(runs))
    return 0


def _preprocess_if_stale(stale: Mapping[str, list[Any]]) -> Mapping[str, list[Any]]:
    """Run what comes before the trainings, where dvc says so; return what is stale then."""
    if not _has_before_training(stale):
        return stale
    run_shown_dvc("repro", "preprocess")
    return load_dvc_status()


def _has_before_training(stale: Mapping[str, list[Any]]) -> bool:
    return any(name.partition("@")[0] not in {*RUN_STAGES, *LATE_STAGES} for name in stale)


def run_on_cluster(params: Params, wanted: int | None, address: str) -> int:
    """Train what is stale on the nodes of a cluster, and do the rest here; return as `run` does.

    Raises SecondLookError where the cluster or DVC's remote does not answer, besides.
    """
    remote = check_remote()
    stale: Mapping[str, list[Any]] = load_dvc_status()
    check_lock()
    if _has_before_training(stale) or any(f"train@{run}" in stale for run in params.runs):
        with open_ray(address, params.cluster) as (submit, about):
            stale = _preprocess_if_stale(stale)
            push_arrays(remote)
            runs = _restore_runs(params, stale)
            home = Home(params, take_snapshot(params.data.path), submit)
            slots: list[Slot] = [{} for _ in range(min(wanted or len(runs), len(runs)))]
            failed: list[Job] = []
            if runs:
                print(f"repro: {format_count(len(runs), 'run')} to train on {about}", flush=True)
                with end_lost_trainings(params, home.unfinished):
                    failed = _run_runs(params, runs, slots, home.start_job)
        # The cluster is left: where its head dies, Ray ends this process.
        if runs and (status := _take_over(home, runs, failed)):
            return status
    run_shown_dvc("repro")
    return 0


def _take_over(home: Home, runs: Sequence[str], failed: Sequence[Job]) -> int:
    """Pull what nodes trained; return the exit status: 1 where a run failed.

    Raises SecondLookError where it is not what would be trained here.
    """
    status = _tell_failures(failed, len(runs)) if failed else 0
    _pull_runs()
    for line in home.list_differences():
        print(f"repro: {line}; the last digits may be others", flush=True)
    stale, lost = load_dvc_status(), {job.run for job in failed}
    if others := [run for run in runs if run not in lost and f"train@{run}" in stale]:
        raise SecondLookError(
            f"{', '.join(others)}: trained on nodes, and changed here all the same "
            f"(dvc status: {stale[f'train@{others[0]}']}); expected what nodes were given: "
            "were some edited since, or left out by .gitignore? `dvc repro` trains them here"
        )
    return status


def _restore_runs(params: Params, stale: Mapping[str, list[Any]]) -> list[str]:
    """Pull what dvc.lock tells of and only data/ lacks; return the runs that are to be trained."""
    missing = [run for run in params.runs if is_only_missing(run, stale)]
    if missing:
        print(
            f"repro: {format_count(len(missing), 'run')} trained before: to be pulled", flush=True
        )
        run_dvc(*PULL, capture=True)  # quietly: it names each file that is not there; it is trained
        stale = load_dvc_status()
    return [run for run in params.runs if f"train@{run}" in stale]


def _pull_runs() -> None:
    """Pull what dvc.lock tells of runs. SecondLookError where not all of it is in the remote.

    By groups: by the names of their stages forty runs take dvc minutes. What an interrupted stage
    left is overwritten, and runs that dvc.lock does not tell of are left out.
    """
    run_shown_dvc(*PULL)


def _run_runs(
    params: Params, runs: Sequence[str], slots: Sequence[Slot], engine: Engine
) -> list[Job]:
    """Train and evaluate runs, several at once; return those that failed."""
    jobs = make_jobs({run: params.run(run) for run in runs})
    try:
        return run_batch(jobs, slots, engine, name_stages(runs))
    except KeyboardInterrupt:
        raise KeyboardInterrupt(
            "what was trained is saved; the next `secondlook repro` or `dvc repro` goes on"
        ) from None


def _tell_failures(failed: Sequence[Job], number: int) -> int:
    """Say which runs failed and why, and return the exit status; the rest waits for them."""
    waiting = f"{', '.join(LATE_STAGES)} wait until none does"
    tell_failures(failed, "run", format_count(number, "run"), waiting)
    return 1
