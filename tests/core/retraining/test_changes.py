"""What determines the runs: data, code and parameters of four stages, and nothing else."""

from pathlib import Path

import pytest
import yaml

from stages.core.retraining import changes

pytestmark = pytest.mark.usefixtures("project")
STAGES = {
    "split": {"deps": [{"path": "data/digits", "md5": "a"}]},
    "train@weighted": {"outs": [{"path": "data/train/weighted", "md5": "b"}]},
    "report": {"deps": [{"path": "data/retrain/history.jsonl", "md5": "c"}]},
}


def state(**stages: object) -> str:
    """Return the state where dvc.lock has these stages changed."""
    text = yaml.safe_dump({"schema": "2.0", "stages": STAGES | stages})
    Path("dvc.lock").write_text(text, encoding="utf-8")
    return changes.state()


def test_other_images_are_another_state() -> None:
    """And so is what a training came to."""
    assert state() == state()
    assert state() != state(split={"deps": [{"path": "data/digits", "md5": "other"}]})
    assert state() != state(**{"train@weighted": {"outs": []}})
    assert state() != state(**{"train@other": {}})


def test_another_page_is_the_same_state() -> None:
    """The history is drawn on it: a retraining would otherwise be the reason for the next."""
    assert state() == state(report={"deps": []}, compare={})


def test_without_a_lock_nothing_was_made() -> None:
    """That is a state of its own."""
    nothing = changes.state()
    assert nothing != state()
