"""The champion over time, on the page."""

from pathlib import Path

import pytest

from secondlook.artifacts import files, retraining_history
from secondlook.artifacts.retraining_history import DataChange, RetrainingRecord, ServiceModel
from secondlook.config.params import load_params
from secondlook.report import tables
from stages import report
from tests.support.report import write_evaluated_runs


def record(day: int, outcome: str, recall: float | None) -> RetrainingRecord:
    """Return a retraining of a day in June."""
    return RetrainingRecord(
        time=f"2026-06-{day:02}T03:00:00Z",
        action="retrain",
        outcome=outcome,
        reason=f"because of <day {day}>",
        service=ServiceModel(name="weighted", run="a" * 32, version=str(day)),
        data=DataChange(digest="d" * 64, images=1000 + day, added=day, removed=0),
        metrics={} if recall is None else {"recall": recall},
        retraining=f"{day:032}",
    )


def test_without_a_retraining_nothing_is_shown() -> None:
    """A project that is never retrained has no such section."""
    assert tables.build_champion_history([]) is None


def test_lines_leave_out_what_is_not_known() -> None:
    """A failed retraining has its place on the axis, and no dot."""
    found = tables.build_champion_history([record(1, "promoted", 0.0), record(2, "failed", None)])
    assert found is not None
    [line] = found.lines
    assert (line.name, line.dots) == (
        "recall",
        [(tables.CHART_LEFT, tables.CHART_BOTTOM)],
    )


def test_the_last_retrainings_are_shown() -> None:
    """Of many, the newest; the best possible recall is at the top right."""
    found = tables.build_champion_history(
        [record(1 + i % 28, "promoted", 1.0) for i in range(tables.MAX_RETRAININGS + 5)]
    )
    assert found is not None
    assert (len(found.rows), found.total) == (
        tables.MAX_RETRAININGS,
        tables.MAX_RETRAININGS + 5,
    )
    assert found.lines[0].dots[-1] == (tables.CHART_RIGHT, tables.CHART_TOP)


@pytest.mark.usefixtures("project")
def test_the_page_has_the_history() -> None:
    """Reasons are escaped; the same history gives the same bytes."""
    write_evaluated_runs(skills={"only": 1.0})
    retraining_history.add_to_history([record(1, "promoted", 0.5), record(2, "kept", 0.25)])
    report.run(load_params())
    page = Path(files.stage_folder("report"), "report.html")
    first = page.read_bytes()
    text = first.decode()
    assert 'href="#service"' in text
    assert "because of &lt;day 2&gt;" in text
    assert "version 1" in text
    report.run(load_params())
    assert page.read_bytes() == first
