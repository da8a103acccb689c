"""Bring the pipeline up to date as `dvc repro` does, but train several runs at once.

What comes of it is the same, to the byte. A run that fails ends no other.
"""

import os
import re
import signal
import sys
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from subprocess import TimeoutExpired
from typing import TYPE_CHECKING

import click

from secondlook.artifacts.files import write_atomically
from secondlook.commands.command_group import RUN_STAGES, STAGES, ProjectCommand
from secondlook.config.dvc import (
    build_dvc_command,
    forget_ended_processes,
    load_dvc_status,
    name_overseer,
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
from secondlook.scheduling.jobs import NOTES_FOLDER, Job

if TYPE_CHECKING:
    from rich.table import Table

LATE_STAGES = STAGES[STAGES.index("compare") :]  # they need all runs
LOCK_FILE = Path("dvc.lock")
LOG_FOLDER = NOTES_FOLDER / "jobs"  # what dvc and the stages said of runs that failed
STATE_STYLES = {"waiting": "dim", "done": "green", "failed": "red"}
ORDER = ("failed", "evaluating", "training", "starting", "waiting", "done")  # where not all fit
# Of dvc, after each of its calls; the last call gives them once for all.
HINTS = ("To ", "\tgit add", "\tdvc config", "Use `dvc push`", "Updating lock file")
ShowLine = Callable[[Job, str], None]


@click.command(cls=ProjectCommand, help=__doc__)
@click.option(
    "--jobs",
    type=click.IntRange(min=1),
    metavar="N",
    help="So many runs at once; else as many as cores, memory and GPUs allow.",
)
def command(*, jobs: int | None) -> int:
    """Reproduce the pipeline."""
    with handle_signals(_interrupt, (signal.SIGTERM, signal.SIGHUP)):
        return run(load_params(), jobs)


def _interrupt(_number: int, _frame: object) -> None:
    raise KeyboardInterrupt


def run(params: Params, jobs: int | None) -> int:
    """Run what is stale, several runs at once; return the exit status: 1 where a run failed.

    Raises SecondLookError where dvc fails before or after them; it has said why.
    """
    stale = load_dvc_status()
    if any(name.partition("@")[0] not in {*RUN_STAGES, *LATE_STAGES} for name in stale):
        _run_dvc("repro", "preprocess")
        stale = load_dvc_status()
    runs = [name for name in params.runs if any(f"{each}@{name}" in stale for each in RUN_STAGES)]
    trained = sum(f"train@{name}" in stale for name in runs)
    told = f"{_count_runs(len(runs))}, {trained or 'none'} of them to train"
    if runs and (failed := _run_runs(params, runs, jobs, told)):
        return _tell_failures(failed, len(runs))
    _run_dvc("repro")
    return 0


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


def _run_runs(params: Params, runs: Sequence[str], wanted: int | None, told: str) -> list[Job]:
    """Train and evaluate runs, several at once; return those that failed."""
    slots, why = scheduling.choose_slots(wanted, len(runs))
    print(f"repro: {told}, {len(slots)} at once ({why})", flush=True)
    jobs, before = scheduling.make_jobs(params, runs), _list_lock_entries()
    try:
        with _show_jobs(jobs) as show_line:
            scheduling.run_jobs(jobs, slots, show_line)
    except KeyboardInterrupt:
        raise KeyboardInterrupt(
            "what was trained is saved; the next `secondlook repro` or `dvc repro` goes on"
        ) from None
    finally:
        scheduling.note_times(jobs)
        order_lock_entries(before, runs)
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


@contextmanager
def _show_jobs(jobs: Sequence[Job]) -> Iterator[ShowLine]:
    """Show one table of all jobs on a terminal, elsewhere what each says with its name before."""
    if not sys.stdout.isatty():
        yield _print_line
        return
    from rich.console import Console
    from rich.live import Live

    console = Console(highlight=False)

    def draw() -> "Table":
        return build_table(jobs, console.height - 4)

    with Live(get_renderable=draw, console=console):
        yield lambda _job, _line: None


def _print_line(job: Job, line: str) -> None:
    if line.strip() and not line.startswith(HINTS):
        print(f"{job.run}: {line}", flush=True)


def build_table(jobs: Sequence[Job], rows: int) -> "Table":
    """Return how far each job is; where they are more than rows, those at work first."""
    from rich.table import Table
    from rich.text import Text

    table = Table("run", "state", "epoch", "loss", "time left", box=None, header_style="dim")
    for column in table.columns[2:]:
        column.justify = "right"
    by_state = jobs if len(jobs) <= rows else sorted(jobs, key=lambda job: ORDER.index(job.state))
    for job in by_state[: max(1, rows)]:
        style = STATE_STYLES.get(job.state, "")
        table.add_row(Text(job.run), *format_progress(job), style=style)
    if more := len(jobs) - max(1, rows):
        table.caption = f"and {more} more" if more > 0 else None
    return table


def format_progress(job: Job) -> tuple[str, str, str, str]:
    """Return state, epoch of those allowed, validation loss and time left at most, as text."""
    left = job.seconds_left
    return (
        job.state,
        f"{job.epoch}/{job.epochs}" if job.epoch else "",
        "" if job.loss is None else f"{job.loss:.4f}",
        "" if left is None else f"at most {timedelta(seconds=round(left))}",
    )


def _list_lock_entries() -> list[str]:
    """Return the stages that dvc.lock tells of, in its order."""
    with suppress(FileNotFoundError):
        return [name for name, _ in _split_lock()[1]]
    return []


def _split_lock() -> tuple[str, list[tuple[str, str]]]:
    """Return the head of dvc.lock, and its entries by name as the text that they are."""
    head, *entries = re.split(r"(?m)^(?=  \S)", LOCK_FILE.read_text(encoding="utf-8"))
    return head, [(entry.partition(":\n")[0].strip(), entry) for entry in entries]


def order_lock_entries(before: Collection[str], runs: Sequence[str]) -> None:
    """Let what is new in dvc.lock stand in the order in which one `dvc repro` writes it.

    That is all trainings, then all evaluations, as params.yaml has them. `before` names the
    entries that were there: they keep their places.
    """
    if not LOCK_FILE.exists():
        return
    head, entries = _split_lock()
    order = {f"{stage}@{run}": None for stage in RUN_STAGES for run in runs}
    found = dict(entries)
    new = [name for name in order if name in found and name not in before]
    names = [*(name for name in found if name not in new), *new]
    whole = not re.search(r"(?m)^\S", "".join(found.values()))  # nothing but stages comes after
    if names != list(found) and whole:
        text = head + "".join(found[name] for name in names)
        write_atomically(LOCK_FILE, [text.encode()])
