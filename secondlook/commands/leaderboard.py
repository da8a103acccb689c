"""Print the leaderboard that `report` wrote, what `compare` says of it, and where to look next."""

import textwrap
from collections.abc import Mapping, Sequence

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from secondlook.artifacts import files
from secondlook.commands.project_command import ProjectCommand
from secondlook.config.params import Params, load_params
from secondlook.evaluation import comparison_artifacts
from secondlook.evaluation.comparison_artifacts import Verdict
from secondlook.reproduction.lock_file import describe_lock_change

TABLE_COLUMNS = {
    "validation/f1": "F1 on\nvalidation",
    "test/f1": "F1\non test",
    "test/precision": "precision",
    "test/recall": "recall",
    "test/accuracy": "accuracy",
    "test/log_loss": "log loss",
}
LINE_WIDTH = 88  # characters of a line that reads well


@click.command(cls=ProjectCommand, help=__doc__)
def command() -> None:
    """Print the leaderboard."""
    run(load_params())


def run(params: Params) -> None:
    """Print all runs beside the lazy baseline, and in words what is known of them.

    Raises DataError when there is no report, or nothing was compared.
    """
    path = files.check_present(files.stage_folder("report") / "leaderboard.csv")
    console = Console(highlight=False, soft_wrap=True)
    console.print(_build_table(list(files.read_csv(path)), params))
    console.print(
        format_verdicts(comparison_artifacts.load_verdicts(), min(console.width, LINE_WIDTH)),
        markup=False,
    )
    console.print("Look closer:  make ui      every run in MLflow")
    console.print(f"              make report  {path.with_name('report.html')}", markup=False)
    if reason := describe_lock_change():
        line = textwrap.fill(reason, min(console.width, LINE_WIDTH))
        console.print(f"\n{line}", style="dim", markup=False)


def _build_table(rows: list[dict[str, str]], params: Params) -> Table:
    """Return the rows of leaderboard.csv as a table; what is no run is the lazy baseline."""
    found = Table(box=None, pad_edge=False, header_style="dim", title_justify="left")
    found.add_column("run", vertical="bottom")
    for title in TABLE_COLUMNS.values():
        found.add_column(title, justify="right", vertical="bottom")
    for row in rows:
        style = "" if row["run"] in params.runs else "dim"
        found.add_row(Text(format_name(row)), *format_cells(row), style=style)
    return found


def format_verdicts(found: Sequence[Verdict], width: int) -> str:
    """Return verdicts one below the other, wrapped at so many characters."""
    wrapper = textwrap.TextWrapper(width, subsequent_indent="  ", break_on_hyphens=False)
    return "\n".join(["", *(wrapper.fill(f"· {verdict.text}") for verdict in found), ""])


def format_name(row: Mapping[str, str]) -> str:
    """Return the name of a row, and how many seeds it is the mean of, where there are several."""
    return f"{row['run']}\n{row['seeds']} seeds" if int(row["seeds"]) > 1 else row["run"]


def format_cells(row: Mapping[str, str]) -> list[str]:
    """Return the numbers of one row to three digits; a dash where one is not defined.

    Several seeds also have their standard deviation.
    """
    return [_format_cell(row[column], row[f"{column}/deviation"]) for column in TABLE_COLUMNS]


def _format_cell(value: str, deviation: str) -> str:
    spread = f"\n±{float(deviation):.3f}" if deviation else ""
    return f"{float(value):.3f}{spread}" if value else "-"
