"""The leaderboard in the terminal."""

from pathlib import Path

import pytest

from secondlook.artifacts import files
from secondlook.commands import leaderboard as commands_leaderboard
from secondlook.config.errors import DataError
from secondlook.config.params import load_params
from secondlook.evaluation.comparison_artifacts import Verdict
from secondlook.report import leaderboard as report_leaderboard
from tests.support.project import edit_params

VERDICT = Verdict(rule="best", text="[red] " * 30, evidence="data", runs=[], weight=1)
ROW = dict.fromkeys(report_leaderboard.METRIC_COLUMNS, "0.5") | {"seeds": "1"}


def test_runs_and_the_lazy_baseline_are_printed(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Numbers come with three digits, undefined ones as a dash, and a word on what to do next."""
    lazy = ROW | {"run": 'always "[red]"', "test/precision": ""}
    with files.create_output("report") as folder:
        files.write_csv(
            folder / "leaderboard.csv",
            report_leaderboard.CSV_FIELDS,
            [ROW | {"run": "dense"}, lazy],
        )
    with files.create_output("compare") as folder:
        files.write_json(folder / "verdicts.json", [VERDICT.model_dump()])
    commands_leaderboard.run(load_params())
    printed = capsys.readouterr().out
    assert project == Path.cwd()
    assert "dense" in printed
    assert "0.500" in printed
    (line,) = [line for line in printed.splitlines() if line.startswith('always "[red]"')]
    assert " - " in line
    assert "· [red] [red]" in printed
    assert "make ui" in printed
    assert "data/report/report.html" in printed


@pytest.mark.parametrize(("count", "more"), [(10, 0), (12, 1), (40, 29)])
def test_of_many_runs_the_best_are_printed(
    project: Path, capsys: pytest.CaptureFixture[str], count: int, more: int
) -> None:
    """Ten of them, the reference, which is the worst here, and the lazy baseline; how many more."""
    names = [f"trial-{i}" for i in range(count)]
    edit_params(project, {"runs": {n: {} for n in names}, "report": {"reference": names[-1]}})
    with files.create_output("report") as folder:
        rows = [ROW | {"run": name} for name in [*names, "lazy"]]
        files.write_csv(folder / "leaderboard.csv", report_leaderboard.CSV_FIELDS, rows)
    with files.create_output("compare") as folder:
        files.write_json(folder / "verdicts.json", [])
    commands_leaderboard.run(load_params())
    printed = capsys.readouterr().out
    listed = [line.split()[0] for line in printed.splitlines() if "0.500" in line]
    assert listed == [*names[:10], *names[10:][-1:], "lazy"]
    assert (f"and {more} more: make report, or data/report/leaderboard.csv" in printed) == (
        more > 0
    )


def test_several_seeds_have_a_spread() -> None:
    """The name says how many there are, each number how far they lie apart."""
    several = ROW | {
        f"{column}/deviation": "0.0125" for column in report_leaderboard.METRIC_COLUMNS
    }
    several |= {"run": "dense", "seeds": "3"}
    assert commands_leaderboard.format_name(several) == "dense\n3 seeds"
    assert set(commands_leaderboard.format_cells(several)) == {"0.500\n±0.013"}


def test_verdicts_are_wrapped() -> None:
    """No line is longer than the terminal, and a number keeps its percent sign."""
    text = "It is right for 95.5\N{NO-BREAK SPACE}% of images."
    found = VERDICT.model_copy(update={"text": text})
    lines = commands_leaderboard.format_verdicts([found, found], 22).splitlines()
    assert lines[1:3] == ["· It is right for", "  95.5\N{NO-BREAK SPACE}% of images."]
    assert [line[0] for line in lines if line] == ["·", " "] * 2


def test_without_a_report_it_says_what_makes_one(project: Path) -> None:
    """The missing file is named, and `dvc repro`."""
    assert project == Path.cwd()
    with pytest.raises(DataError, match=r"leaderboard\.csv: no such file; run `dvc repro`"):
        commands_leaderboard.run(load_params())
