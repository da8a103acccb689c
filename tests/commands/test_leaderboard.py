"""The leaderboard in the terminal."""

from pathlib import Path

import pytest

from stages.commands import leaderboard
from stages.core import files
from stages.core.errors import DataError
from stages.core.page import leaderboard as board
from stages.core.params import load
from stages.core.rules.case import Verdict

VERDICT = Verdict(rule="best", text="[red] " * 30, evidence="data", runs=[], weight=1)
ROW = dict.fromkeys(board.COLUMNS, "0.5") | {"seeds": "1"}


def test_runs_and_the_lazy_baseline_are_printed(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Numbers come with three digits, undefined ones as a dash, and a word on what to do next."""
    lazy = ROW | {"run": 'always "[red]"', "test/precision": ""}
    with files.output("report") as folder:
        files.write_csv(folder / "leaderboard.csv", board.FIELDS, [ROW | {"run": "dense"}, lazy])
    with files.output("compare") as folder:
        files.write_json(folder / "verdicts.json", [VERDICT.model_dump()])
    leaderboard.run(load())
    printed = capsys.readouterr().out
    assert project == Path.cwd()
    assert "dense" in printed
    assert "0.500" in printed
    (line,) = [line for line in printed.splitlines() if line.startswith('always "[red]"')]
    assert " - " in line
    assert "· [red] [red]" in printed
    assert "make ui" in printed
    assert "data/report/report.html" in printed


def test_several_seeds_have_a_spread() -> None:
    """The name says how many there are, each number how far they lie apart."""
    several = ROW | {f"{column}/deviation": "0.0125" for column in board.COLUMNS}
    several |= {"run": "dense", "seeds": "3"}
    assert leaderboard.named(several) == "dense\n3 seeds"
    assert set(leaderboard.cells(several)) == {"0.500\n±0.013"}


def test_verdicts_are_wrapped() -> None:
    """No line is longer than the terminal, and a number keeps its percent sign."""
    text = "It is right for 95.5\N{NO-BREAK SPACE}% of images."
    found = VERDICT.model_copy(update={"text": text})
    lines = leaderboard.sentences([found, found], 22).splitlines()
    assert lines[1:3] == ["· It is right for", "  95.5\N{NO-BREAK SPACE}% of images."]
    assert [line[0] for line in lines if line] == ["·", " "] * 2


def test_without_a_report_it_says_what_makes_one(project: Path) -> None:
    """The missing file is named, and `dvc repro`."""
    assert project == Path.cwd()
    with pytest.raises(DataError, match=r"leaderboard\.csv: no such file; run `dvc repro`"):
        leaderboard.run(load())
