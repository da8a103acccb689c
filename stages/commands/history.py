"""Print what came of the last retrainings, the newest last."""

from rich.console import Console
from rich.table import Table

from stages.core.outputs import retrainings
from stages.core.outputs.retrainings import Retraining
from stages.core.policy import LOSS
from stages.core.retraining import wording

COLUMNS = ("when (UTC)", "what", "came of it", "in service", "data", "recall", "log loss", "why")


def run(last: int) -> None:
    """Print the last so many lines of data/retrain/history.jsonl as a table."""
    listed = retrainings.read()
    console = Console(highlight=False, soft_wrap=True, markup=False, emoji=False)
    console.print(table(listed[-last:] if last > 0 else []) if listed else "no retraining yet")


def table(listed: list[Retraining]) -> Table:
    """Return the retrainings as a table; numbers are the champion's on that day's test images."""
    found = Table(*COLUMNS, box=None, pad_edge=False, header_style="dim")
    for each in listed:
        found.add_row(*row(each))
    return found


def row(record: Retraining) -> list[str]:
    """Return one retraining as the cells of a row; a dash where nothing is known."""
    version = record.service.version if record.service else None
    told = [
        record.time.removesuffix("Z").replace("T", " "),
        record.action,
        record.outcome,
        f"{version}: {record.service.name}" if version and record.service else "-",
        wording.data(record) or "-",
        *(_number(record.metrics.get(name)) for name in ("recall", LOSS)),
    ]
    return [*told, record.reason]


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"
