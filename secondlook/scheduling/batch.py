"""Many jobs to their end: the order of dvc.lock, what is noted, and what is told of failures."""

import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from subprocess import TimeoutExpired

from secondlook.config.dvc import build_dvc_command, forget_ended_processes, name_overseer
from secondlook.config.errors import SecondLookError
from secondlook.config.processes import build_environment, interrupt_session, start_command
from secondlook.scheduling import jobs as scheduling
from secondlook.scheduling.dvc_lock import LOCK_FILE, load_lock_entries, order_lock_entries
from secondlook.scheduling.job_table import show_jobs
from secondlook.scheduling.jobs import GRACE, NOTES_FOLDER, Engine, Job, Slot

LOG_FOLDER = NOTES_FOLDER / "jobs"  # what dvc and the stages said of jobs that failed


def run_batch(
    jobs: Sequence[Job],
    slots: Sequence[Slot],
    engine: Engine,
    order: Sequence[str],
    lock: Path = LOCK_FILE,
) -> list[Job]:
    """Run jobs, several at once; return those that failed.

    order: the stages that are new in the lock file, as one dvc would write them.
    """
    before = load_lock_entries(lock)
    try:
        with show_jobs(jobs) as show_line:
            scheduling.run_jobs(jobs, slots, engine, show_line)
    finally:
        scheduling.note_times(jobs)
        order_lock_entries(before, order, lock)
    return [job for job in jobs if job.state == "failed"]


def tell_failures(failed: Sequence[Job], noun: str, total: str, outlook: str) -> None:
    """Say which jobs failed and why; total: of how many, in words; outlook: what waits for them."""
    print(f"secondlook: {len(failed)} of {total} failed; {outlook}", file=sys.stderr)
    LOG_FOLDER.mkdir(parents=True, exist_ok=True)
    for job in failed:
        log = LOG_FOLDER / f"{job.run}.txt"
        log.write_text("\n".join([*job.lines, ""]), encoding="utf-8")
        print(f"secondlook: {noun} {job.run} failed: {job.reason} (more in {log})", file=sys.stderr)


def run_shown_dvc(*arguments: str) -> None:
    """Run dvc to its end; what it prints is shown. SecondLookError where it fails."""
    forget_ended_processes(Path())
    environment = build_environment(os.environ | name_overseer())
    with start_command(build_dvc_command(*arguments), environment=environment) as process:
        try:
            status = process.wait()
        except KeyboardInterrupt:
            interrupt_session(process)
            with suppress(TimeoutExpired):
                process.wait(GRACE)
            raise
    if status:
        raise SecondLookError(f"`dvc {' '.join(arguments)}` failed: why stands above")
