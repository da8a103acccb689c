"""`history` prints what came of retrainings, and why."""

import pytest

from stages.commands import history
from stages.core.outputs import retrainings
from stages.core.outputs.retrainings import Images, Model, Retraining

pytestmark = pytest.mark.usefixtures("project")


def record(day: int, outcome: str, reason: str) -> Retraining:
    """Return a retraining of a day in June that left version 3 in service."""
    return Retraining(
        time=f"2026-06-{day:02}T03:04:05Z",
        action="retrain",
        outcome=outcome,
        reason=reason,
        service=Model(name="weighted", run="a" * 32, version="3"),
        data=Images(digest="d" * 64, images=1000, added=20, removed=1),
        metrics={"recall": 0.5, "log_loss": None},
        retraining=f"{day:032}",
    )


def test_the_last_ones_are_printed(capsys: pytest.CaptureFixture[str]) -> None:
    """In order of time, whatever the order in which they came to be known; why stands below."""
    records = [
        record(3, "kept", "[not] better"),
        record(1, "failed", "old"),
        record(2, "same", "x"),
    ]
    retrainings.add(records)
    history.run(2)
    lines = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    assert lines[1] == "2026-06-02 03:04 retrain same weighted (3) 0.500 -"
    assert lines[2] == "2026-06-03 03:04 retrain kept weighted (3) 0.500 -"
    told = "2026-06-03 03:04: 1000 images, 20 new, 1 gone; [not] better"
    assert lines[-1] == told


def test_the_same_run_is_told_once() -> None:
    """What another clone recorded and what is here are put together."""
    retrainings.add([record(1, "failed", "old")])
    retrainings.add([record(1, "failed", "old"), record(2, "kept", "new")])
    assert [each.outcome for each in retrainings.read()] == ["failed", "kept"]
    assert retrainings.last_decision(retrainings.read()) == record(2, "kept", "new")


def test_without_a_retraining_it_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    """There is no table of nothing."""
    history.run(20)
    assert capsys.readouterr().out == "no retraining yet\n"
