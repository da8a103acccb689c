"""The champion over time, on the page."""

from pathlib import Path

import pytest

from stages import report
from stages.core import files
from stages.core.outputs import retrainings
from stages.core.outputs.retrainings import Images, Model, Retraining
from stages.core.page import service
from stages.core.params import load
from tests.report_builder import build


def record(day: int, outcome: str, recall: float | None) -> Retraining:
    """Return a retraining of a day in June."""
    return Retraining(
        time=f"2026-06-{day:02}T03:00:00Z",
        action="retrain",
        outcome=outcome,
        reason=f"because of <day {day}>",
        service=Model(name="weighted", run="a" * 32, version=str(day)),
        data=Images(digest="d" * 64, images=1000 + day, added=day, removed=0),
        metrics={} if recall is None else {"recall": recall},
        retraining=f"{day:032}",
    )


def test_without_a_retraining_nothing_is_shown() -> None:
    """A project that is never retrained has no such section."""
    assert service.shown([]) is None


def test_lines_leave_out_what_is_not_known() -> None:
    """A failed retraining has its place on the axis, and no dot."""
    found = service.shown([record(1, "promoted", 0.0), record(2, "failed", None)])
    assert found is not None
    [line] = found.lines
    assert (line.name, line.dots) == ("recall", [(service.LEFT, service.BOTTOM)])


def test_the_last_retrainings_are_shown() -> None:
    """Of many, the newest; the best possible recall is at the top right."""
    found = service.shown([record(1 + i % 28, "promoted", 1.0) for i in range(service.LAST + 5)])
    assert found is not None
    assert (len(found.rows), found.total) == (service.LAST, service.LAST + 5)
    assert found.lines[0].dots[-1] == (service.RIGHT, service.TOP)


@pytest.mark.usefixtures("project")
def test_the_page_has_the_history() -> None:
    """Reasons are escaped; the same history gives the same bytes."""
    build(skills={"only": 1.0})
    retrainings.add([record(1, "promoted", 0.5), record(2, "kept", 0.25)])
    report.run(load())
    page = Path(files.folder("report"), "report.html")
    first = page.read_bytes()
    text = first.decode()
    assert 'href="#service"' in text
    assert "because of &lt;day 2&gt;" in text
    assert "version 1" in text
    report.run(load())
    assert page.read_bytes() == first
