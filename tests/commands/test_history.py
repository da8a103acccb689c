"""`history` prints what came of retrainings, and why."""

import pytest

from secondlook.artifacts import retraining_history
from secondlook.artifacts.retraining_history import DataChange, RetrainingRecord, ServiceModel
from secondlook.commands import history

pytestmark = pytest.mark.usefixtures("project")


def make_record(day: int, outcome: str, reason: str) -> RetrainingRecord:
    """Return a retraining of a day in June that left version 3 in service."""
    return RetrainingRecord(
        time=f"2026-06-{day:02}T03:04:05Z",
        action="retrain",
        outcome=outcome,
        reason=reason,
        service=ServiceModel(name="weighted", run="a" * 32, version="3"),
        data=DataChange(digest="d" * 64, images=1000, added=20, removed=1),
        metrics={"recall": 0.5, "log_loss": None},
        retraining=f"{day:032}",
    )


def test_the_last_ones_are_printed(capsys: pytest.CaptureFixture[str]) -> None:
    """In order of time, whatever the order in which they came to be known; why stands below."""
    records = [
        make_record(3, "kept", "[not] better"),
        make_record(1, "failed", "old"),
        make_record(2, "same", "x"),
    ]
    retraining_history.add_to_history(records)
    history.run(2)
    lines = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    assert lines[1] == "2026-06-02 03:04 retrain same weighted (3) 0.500 -"
    assert lines[2] == "2026-06-03 03:04 retrain kept weighted (3) 0.500 -"
    told = "2026-06-03 03:04: 1000 images, 20 new, 1 gone; [not] better"
    assert lines[-1] == told


def test_the_same_run_is_told_once() -> None:
    """What another clone recorded and what is here are put together."""
    retraining_history.add_to_history([make_record(1, "failed", "old")])
    retraining_history.add_to_history(
        [make_record(1, "failed", "old"), make_record(2, "kept", "new")]
    )
    assert [each.outcome for each in retraining_history.load_history()] == ["failed", "kept"]
    assert retraining_history.find_last_decision(retraining_history.load_history()) == make_record(
        2, "kept", "new"
    )


def test_without_a_retraining_it_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    """There is no table of nothing."""
    history.run(20)
    assert capsys.readouterr().out == "no retraining yet\n"
