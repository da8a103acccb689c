"""Print what came of the last retrainings, the newest last, and why."""

import textwrap
from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from stages.core.outputs import retrainings
from stages.core.outputs.retrainings import Retraining
from stages.core.policy import LOSS
from stages.core.retraining import wording

COLUMNS = ("when (UTC)", "what", "came of it", "in service", "recall", "log loss")
WIDE = 88  # characters of a line that reads well


def run(last: int) -> None:
    """Print the last so many lines of data/retrain/history.jsonl, at least one."""
    listed = retrainings.read()[-max(1, last) :]
    if not listed:
        print("no retraining yet")
        return
    console = Console(highlight=False, soft_wrap=True, markup=False, emoji=False)
    console.print(table(listed))
    console.print(reasons(listed, min(console.width, WIDE)))


def table(listed: Sequence[Retraining]) -> Table:
    """Return the retrainings as a table; numbers are the champion's on that day's test images."""
    found = Table(*COLUMNS, box=None, pad_edge=False, header_style="dim")
    for each in listed:
        found.add_row(*row(each))
    return found


def row(record: Retraining) -> list[str]:
    """Return one retraining as the cells of a row; a dash where nothing is known."""
    service = record.service
    return [
        when(record),
        record.action,
        record.outcome,
        f"{service.name} ({service.version})" if service else "-",
        *(_number(record.metrics.get(name)) for name in ("recall", LOSS)),
    ]


def reasons(listed: Sequence[Retraining], width: int) -> str:
    """Return why, one below the other, wrapped at so many characters."""
    wrapper = textwrap.TextWrapper(width, subsequent_indent="  ", break_on_hyphens=False)
    told = ("; ".join(filter(None, [wording.data(each), each.reason])) for each in listed)
    lines = (f"{when(each)}: {why}" for each, why in zip(listed, told, strict=True))
    return "\n".join(["", *(wrapper.fill(line) for line in lines)])


def when(record: Retraining) -> str:
    """Return when it ended, to the minute, in UTC."""
    return record.time[:16].replace("T", " ")


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"
