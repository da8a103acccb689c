"""`history` prints what came of retrainings, and why."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

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


def test_images_that_judged_before_are_told(capsys: pytest.CaptureFixture[str]) -> None:
    """How often today's test images chose; never where each retraining had new ones."""
    sketches = {day: [f"{day:02}{i:010}" for i in range(64)] for day in (1, 2)}
    chosen = {1: sketches[1], 2: sketches[1], 3: sketches[1], 4: sketches[2]}
    for day, sketch in chosen.items():
        record = make_record(day, "kept", "no").model_copy(update={"test_sketch": sketch})
        retraining_history.add_to_history([record.model_copy(update={"judged": 360})])
        history.run(1)
    told = " ".join(capsys.readouterr().out.split())
    for words in ("2026-06-02 had judged 1 challenger before", "of 2026-06-03 had judged 2 chall"):
        assert f"360 test images of {words.removeprefix('of ')}" in told
    assert "06-01 had judged" not in told
    assert "06-04 had judged" not in told


@given(st.sets(st.integers(0, 10**6), min_size=1, max_size=500), st.floats(0, 1))
def test_a_sketch_tells_how_many_images_are_the_same(numbers: set[int], share: float) -> None:
    """Of small sets exactly; of large ones to a fifth."""
    digests = [hashlib.sha256(str(i).encode()).hexdigest() for i in sorted(numbers)]
    kept = digests[: round(share * len(digests))]
    others = [hashlib.sha256(f"other {i}".encode()).hexdigest() for i in range(len(digests))]
    now, then = (retraining_history.sketch_images(s) for s in (digests, [*kept, *others]))
    found = retraining_history.estimate_share_known(now, then)
    exact = len(kept) / len(digests)
    few = len(digests) + len(kept) < retraining_history.SKETCH_SIZE
    assert found == pytest.approx(exact, abs=1e-9 if few else 0.3)


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
