"""Bring the pipeline up to date as `dvc repro` does, but train several runs at once.

What comes of it is the same, to the byte. A run that fails ends no other.
"""

import os
import signal
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from subprocess import TimeoutExpired
from typing import Any

import click

from secondlook.commands.command_group import RUN_STAGES, STAGES, ProjectCommand
from secondlook.config.dvc import (
    build_dvc_command,
    forget_ended_processes,
    load_dvc_status,
    name_overseer,
    run_dvc,
)
from secondlook.config.errors import SecondLookError
from secondlook.config.params import Params, load_params
from secondlook.config.processes import (
    build_environment,
    handle_signals,
    interrupt_session,
    start_command,
)
from secondlook.scheduling import jobs as scheduling
from secondlook.scheduling.cluster import (
    Home,
    check_remote,
    is_only_missing,
    push_arrays,
    take_snapshot,
)
from secondlook.scheduling.dvc_lock import (
    check_lock,
    load_lock_entries,
    name_stages,
    order_lock_entries,
)
from secondlook.scheduling.jobs import NOTES_FOLDER, Engine, Job, Slot, show_jobs
from secondlook.scheduling.local_engine import choose_slots, start_local_job
from secondlook.scheduling.ray_engine import open_ray
from secondlook.tracking.live import end_lost_trainings

LATE_STAGES = STAGES[STAGES.index("compare") :]  # they need all runs
PULL = ("pull", "--force", "--allow-missing", *RUN_STAGES)
LOG_FOLDER = NOTES_FOLDER / "jobs"  # what dvc and the stages said of runs that failed


@click.command(cls=ProjectCommand, help=__doc__)
@click.option(
    "--jobs",
    type=click.IntRange(min=1),
    metavar="N",
    help="So many runs at once; else as many as cores, memory and GPUs allow.",
)
@click.option(
    "--ray",
    "address",
    metavar="ADDRESS",
    help="Train on the nodes of a Ray cluster: auto, HOST:PORT or ray://HOST:10001.",
)
def command(*, jobs: int | None, address: str | None) -> int:
    """Reproduce the pipeline."""
    with handle_signals(_interrupt, (signal.SIGTERM, signal.SIGHUP)):
        params = load_params()
        return run(params, jobs) if address is None else run_on_cluster(params, jobs, address)


def _interrupt(_number: int, _frame: object) -> None:
    raise KeyboardInterrupt


def run(params: Params, wanted: int | None) -> int:
    """Run what is stale, several runs at once; return the exit status: 1 where a run failed.

    Raises SecondLookError where dvc fails before or after them; it has said why.
    """
    stale = _preprocess_if_stale(load_dvc_status())
    runs = [name for name in params.runs if any(f"{each}@{name}" in stale for each in RUN_STAGES)]
    if runs:
        trained = sum(f"train@{name}" in stale for name in runs)
        slots, why = choose_slots(wanted, len(runs))
        told = f"{trained or 'none'} of them to train, {len(slots)} at once ({why})"
        print(f"repro: {_count_runs(len(runs))}, {told}", flush=True)
        if failed := _run_runs(params, runs, slots, start_local_job):
            return _tell_failures(failed, len(runs))
    _run_dvc("repro")
    return 0


def _preprocess_if_stale(stale: Mapping[str, list[Any]]) -> Mapping[str, list[Any]]:
    """Run what comes before the trainings, where dvc says so; return what is stale then."""
    if not _has_before_training(stale):
        return stale
    _run_dvc("repro", "preprocess")
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
                print(f"repro: {_count_runs(len(runs))} to train on {about}", flush=True)
                with end_lost_trainings(params, home.unfinished):
                    failed = _run_runs(params, runs, slots, home.start_job)
        # The cluster is left: where its head dies, Ray ends this process.
        if runs and (status := _take_over(home, runs, failed)):
            return status
    _run_dvc("repro")
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
        print(f"repro: {_count_runs(len(missing))} trained before: to be pulled", flush=True)
        run_dvc(*PULL, capture=True)  # quietly: it names each file that is not there; it is trained
        stale = load_dvc_status()
    return [run for run in params.runs if f"train@{run}" in stale]


def _pull_runs() -> None:
    """Pull what dvc.lock tells of runs. SecondLookError where not all of it is in the remote.

    By groups: by the names of their stages forty runs take dvc minutes. What an interrupted stage
    left is overwritten, and runs that dvc.lock does not tell of are left out.
    """
    _run_dvc(*PULL)


def _run_dvc(*arguments: str) -> None:
    """Run dvc to its end; what it prints is shown. SecondLookError where it fails."""
    forget_ended_processes(Path())
    environment = build_environment(os.environ | name_overseer())
    with start_command(build_dvc_command(*arguments), environment=environment) as process:
        try:
            status = process.wait()
        except KeyboardInterrupt:
            interrupt_session(process)
            with suppress(TimeoutExpired):
                process.wait(scheduling.GRACE)
            raise
    if status:
        raise SecondLookError(f"`dvc {' '.join(arguments)}` failed: why stands above")


def _run_runs(
    params: Params, runs: Sequence[str], slots: Sequence[Slot], engine: Engine
) -> list[Job]:
    """Train and evaluate runs, several at once; return those that failed."""
    jobs, before = scheduling.make_jobs(params, runs), load_lock_entries()
    try:
        with show_jobs(jobs) as show_line:
            scheduling.run_jobs(jobs, slots, engine, show_line)
    except KeyboardInterrupt:
        raise KeyboardInterrupt(
            "what was trained is saved; the next `secondlook repro` or `dvc repro` goes on"
        ) from None
    finally:
        scheduling.note_times(jobs)
        order_lock_entries(before, name_stages(runs))
    return [job for job in jobs if job.state == "failed"]


def _count_runs(number: int) -> str:
    return "1 run" if number == 1 else f"{number} runs"


def _tell_failures(failed: Sequence[Job], number: int) -> int:
    """Say which runs failed and why, and return the exit status; the rest waits for them."""
    waiting = f"{', '.join(LATE_STAGES)} wait until none does"
    print(f"secondlook: {len(failed)} of {_count_runs(number)} failed; {waiting}", file=sys.stderr)
    LOG_FOLDER.mkdir(parents=True, exist_ok=True)
    for job in failed:
        log = LOG_FOLDER / f"{job.run}.txt"
        log.write_text("\n".join([*job.lines, ""]), encoding="utf-8")
        print(f"secondlook: run {job.run} failed: {job.reason} (more in {log})", file=sys.stderr)
    return 1
