"""What a decision rests on: data, code and parameters of four stages, the gate; nothing else."""

from pathlib import Path

import pytest
import yaml

from stages.commands import retrain
from stages.core.outputs import retrainings
from stages.core.outputs.retrainings import KEPT
from stages.core.params import Params, load
from stages.core.retraining import changes
from stages.core.retraining.draft import Draft

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
    return changes.state(load().retrain)


def lenient() -> Params:
    """Return the parameters with a gate that asks for nothing."""
    params = load()
    gate = params.retrain.gate.model_copy(update={"floors": {}})
    return params.model_copy(update={"retrain": params.retrain.model_copy(update={"gate": gate})})


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
    nothing = changes.state(load().retrain)
    assert nothing != state()


def test_another_gate_judges_again() -> None:
    """A challenger that was refused may pass the gate as it is now."""
    draft = Draft("retrain", "model", state=state())
    retrainings.add([draft.ended(KEPT, "recall is 0.535, at least 0.800 is asked")])
    assert retrain.decided(load())
    assert not retrain.decided(lenient())
