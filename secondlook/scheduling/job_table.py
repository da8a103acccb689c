"""How far all jobs are: one table on a terminal, else lines after their names."""

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING

from secondlook.scheduling.jobs import STATES, Job, ShowLine

if TYPE_CHECKING:
    from rich.table import Table

STATE_STYLES = {"waiting": "dim", "done": "green", "failed": "red"}
ORDER = ("failed", "evaluating", "training", "starting", "waiting", "done")  # where not all fit
# Of dvc, after each of its calls; the last call gives them once for all.
HINTS = ("To ", "\tgit add", "\tdvc config", "Use `dvc push`", "Updating lock file")


@contextmanager
def show_jobs(jobs: Sequence[Job]) -> Iterator[ShowLine]:
    """Give what shows a line of a job: on a terminal one table of all, else after its name."""
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
        where = f" ({job.node})" if job.node and job.state in STATES.values() else ""
        state, *progress = format_progress(job)
        table.add_row(Text(job.run), f"{state}{where}", *progress, style=style)
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
