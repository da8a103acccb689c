"""Print what came of the last retrainings, the newest last, and why."""

import textwrap
from collections.abc import Sequence

import click
from rich.console import Console
from rich.table import Table

from secondlook.artifacts import retraining_history
from secondlook.artifacts.retraining_history import RetrainingRecord
from secondlook.commands.command_group import ProjectCommand
from secondlook.config.retraining import LOSS_METRIC
from secondlook.evaluation.formatting import format_count
from secondlook.retraining import log

TABLE_COLUMNS = ("when (UTC)", "what", "came of it", "in service", "recall", "log loss")
LINE_WIDTH = 88  # characters of a line that reads well


@click.command(cls=ProjectCommand, help=__doc__)
@click.option(
    "--last",
    type=click.IntRange(min=1, clamp=True),
    default=20,
    metavar="N",
    show_default=True,
    help="So many of them.",
)
def command(last: int) -> None:
    """Print the history."""
    run(last)


def run(last: int) -> None:
    """Print the last so many lines of data/retrain/history.jsonl, at least one."""
    listed = retraining_history.load_history()[-max(1, last) :]
    if not listed:
        print("no retraining yet")
        return
    console = Console(highlight=False, soft_wrap=True, markup=False, emoji=False)
    console.print(_build_table(listed))
    console.print(_format_reasons(listed, min(console.width, LINE_WIDTH)))
    if told := describe_earlier_trials(retraining_history.load_history()):
        console.print(textwrap.fill(told, min(console.width, LINE_WIDTH)))


def describe_earlier_trials(listed: Sequence[RetrainingRecord]) -> str:
    """Return how often today's test images have judged before; nothing where they have not."""
    times = round(retraining_history.count_earlier_trials(listed))
    if not times:
        return ""
    last = next(each for each in reversed(listed) if each.test_sketch)
    return (
        f"The {format_count(last.judged or 0, 'test image')} of {_format_time(last)[:10]} had "
        f"judged {format_count(times, 'challenger')} before: the champion was partly chosen by "
        "them, so its numbers on them are rather too good. Only new images tell by how much."
    )


def _build_table(listed: Sequence[RetrainingRecord]) -> Table:
    """Return the retrainings as a table; numbers are the champion's on that day's test images."""
    found = Table(*TABLE_COLUMNS, box=None, pad_edge=False, header_style="dim")
    for each in listed:
        found.add_row(*_format_row(each))
    return found


def _format_row(record: RetrainingRecord) -> list[str]:
    """Return one retraining as the cells of a row; a dash where nothing is known."""
    service = record.service
    return [
        _format_time(record),
        record.action,
        record.outcome,
        f"{service.name} ({service.version})" if service else "-",
        *(_format_number(record.metrics.get(name)) for name in ("recall", LOSS_METRIC)),
    ]


def _format_reasons(listed: Sequence[RetrainingRecord], width: int) -> str:
    """Return why, one below the other, wrapped at so many characters."""
    wrapper = textwrap.TextWrapper(width, subsequent_indent="  ", break_on_hyphens=False)
    told = ("; ".join(filter(None, [log.format_data_counts(each), each.reason])) for each in listed)
    lines = (f"{_format_time(each)}: {why}" for each, why in zip(listed, told, strict=True))
    return "\n".join(["", *(wrapper.fill(line) for line in lines)])


def _format_time(record: RetrainingRecord) -> str:
    """Return when it ended, to the minute, in UTC."""
    return record.time[:16].replace("T", " ")


def _format_number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"
