"""The record of a retraining as people read it."""

from secondlook.artifacts.retraining_history import (
    KEPT,
    ConditionCheck,
    DataChange,
    RetrainingRecord,
    ServiceModel,
)
from secondlook.retraining import log

CHAMPION, CHALLENGER = "c" * 32, "0" * 32
FLOOR = ConditionCheck(name="floor", found=0.5, limit=0.8, passed=False, told="recall is 0.500")
RECORD = RetrainingRecord(
    time="2026-01-01T00:00:00Z",
    action="retrain",
    outcome=KEPT,
    reason="weighted is not better",
    service=ServiceModel(name="dense", run=CHAMPION, version="3"),
    before=ServiceModel(name="dense", run=CHAMPION, version="3"),
    challenger=ServiceModel(name="weighted", run=CHALLENGER),
    data=DataChange(digest="d", images=20, added=2, removed=1),
    gate=[FLOOR],
)


def test_the_record_is_told_line_by_line() -> None:
    """What came of it and why, who is in service, who wanted to be, the data, each condition."""
    assert list(log.format_record(RECORD)) == [
        "retrain: kept: weighted is not better",
        f"  in service: dense (version 3, run {CHAMPION})",
        f"  challenger: weighted (run {CHALLENGER})",
        "  data: 20 images, 2 new, 1 gone",
        "  FAILED  recall is 0.500",
    ]


def test_who_went_into_service_is_named_once() -> None:
    """The challenger is the champion then; who was it before is told beside it."""
    found = ServiceModel(name="weighted", run=CHALLENGER, version="4")
    told = list(
        log.format_record(RECORD.model_copy(update={"service": found, "challenger": found}))
    )
    assert told[1] == (
        f"  in service: weighted (version 4, run {CHALLENGER}); "
        f"before: dense (version 3, run {CHAMPION})"
    )
    assert not [line for line in told if "challenger" in line]


def test_the_note_in_mlflow_leads_to_both_runs() -> None:
    """Their ids are links that MLflow's UI opens."""
    note = log.format_note(RECORD)
    assert note.startswith("**retrain: kept: weighted is not better**\n\n- in service: ")
    for run in (CHAMPION, CHALLENGER):
        assert f"run [{run}](#/runs/{run})" in note
