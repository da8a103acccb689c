"""Print the leaderboard that `report` wrote, what `compare` says of it, and where to look next."""

import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from secondlook.artifacts import files
from secondlook.commands.command_group import ProjectCommand
from secondlook.config.errors import SecondLookError
from secondlook.config.params import Params, load_params
from secondlook.config.processes import run_git
from secondlook.config.yaml_files import parse_yaml
from secondlook.evaluation import comparison_artifacts
from secondlook.evaluation.comparison_artifacts import Verdict
from secondlook.report.leaderboard import SHOWN_METHODS

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
    rows = list(files.read_csv(path))
    shown = select_shown_rows(rows, params)
    console.print(_build_table(shown, params))
    if more := len(rows) - len(shown):
        console.print(f"and {more} more: make report, or {path}", style="dim", markup=False)
    console.print(
        format_verdicts(comparison_artifacts.load_verdicts(), min(console.width, LINE_WIDTH)),
        markup=False,
    )
    console.print("Look closer:  make ui      every run in MLflow")
    console.print(f"              make report  {path.with_name('report.html')}", markup=False)
    if reason := describe_lock_change():
        line = textwrap.fill(reason, min(console.width, LINE_WIDTH))
        console.print(f"\n{line}", style="dim", markup=False)


def select_shown_rows(rows: Sequence[dict[str, str]], params: Params) -> list[dict[str, str]]:
    """Return the best methods, the reference and the lazy baseline of leaderboard.csv, in order.

    All rows where no more than SHOWN_METHODS methods compete.
    """
    methods = [row["run"] for row in rows if row["run"] in params.runs]
    kept = {*methods[:SHOWN_METHODS], params.report.reference}
    return [row for row in rows if row["run"] in kept or row["run"] not in params.runs]


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


LOCK_FILE = Path("dvc.lock")

Stages = Mapping[str, Mapping[str, Any]]  # of dvc.lock: cmd, deps, params and outs of each


def describe_lock_change() -> str | None:
    """Return a line on the stages that computed other bits here than where dvc.lock was committed.

    None where dvc.lock is the committed one, where code, parameters or data are not, so that
    nobody wonders, or outside of git.
    """
    try:
        committed, found = run_git("show", f"HEAD:./{LOCK_FILE}"), LOCK_FILE.read_text("utf-8")
    except (SecondLookError, OSError):
        return None
    if committed == found:
        return None
    names = find_machine_differences(_read_stages(committed), _read_stages(found))
    if not names:
        return None
    others = f" and {len(names) - 1} more" if len(names) > 1 else ""
    return (
        f"git shows {LOCK_FILE} as changed: from the same code, parameters and data, "
        f"{names[0]}{others} computed other bits here than where it was committed (another "
        "processor, or other libraries). Commit it to keep these results, or leave it."
    )


def find_machine_differences(committed: Stages, found: Stages) -> list[str]:
    """Return the stages that wrote something else out of the same inputs, in dvc.lock's order.

    None are returned where a command, a parameter or a file that no stage writes has changed.
    """
    outputs = {out["path"] for stage in found.values() for out in stage.get("outs", ())}
    if any(
        _describe_inputs(committed.get(name, {}), outputs)
        != _describe_inputs(found.get(name, {}), outputs)
        for name in committed.keys() | found.keys()
    ):
        return []
    return [
        name
        for name, stage in found.items()
        if _describe_inputs(stage) == _describe_inputs(committed[name])
        and stage.get("outs") != committed[name].get("outs")
    ]


def _describe_inputs(stage: Mapping[str, Any], without: set[str] | None = None) -> list[Any]:
    """Return the command, the parameters, and the files read, but for those named `without`."""
    read = [file for file in stage.get("deps", ()) if file["path"] not in (without or ())]
    return [stage.get("cmd"), stage.get("params"), read]


def _read_stages(text: str) -> Stages:
    stages: Stages = parse_yaml(text)["stages"]
    return stages
