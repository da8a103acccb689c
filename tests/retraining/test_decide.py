"""What a decision rests on: data, code and parameters of four stages, the gate; nothing else."""

from pathlib import Path

import pytest
import yaml

from secondlook.artifacts import retraining_history
from secondlook.artifacts.retraining_history import KEPT
from secondlook.config.params import Params, load_params
from secondlook.retraining import decide
from secondlook.retraining.session import RetrainingDraft

pytestmark = pytest.mark.usefixtures("project")
LOCKED_STAGES = {
    "split": {"deps": [{"path": "data/digits", "md5": "a"}]},
    "train@weighted": {"outs": [{"path": "data/train/weighted", "md5": "b"}]},
    "report": {"deps": [{"path": "data/retrain/history.jsonl", "md5": "c"}]},
}


def change_state(**stages: object) -> str:
    """Return the state where dvc.lock has these stages changed."""
    text = yaml.safe_dump({"schema": "2.0", "stages": LOCKED_STAGES | stages})
    Path("dvc.lock").write_text(text, encoding="utf-8")
    return decide.compute_state(load_params().retrain)


def load_lenient_params() -> Params:
    """Return the parameters with a gate that asks for nothing."""
    params = load_params()
    gate = params.retrain.gate.model_copy(update={"floors": {}})
    return params.model_copy(update={"retrain": params.retrain.model_copy(update={"gate": gate})})


def test_other_images_are_another_state() -> None:
    """And so is what a training came to."""
    assert change_state() == change_state()
    assert change_state() != change_state(split={"deps": [{"path": "data/digits", "md5": "other"}]})
    assert change_state() != change_state(**{"train@weighted": {"outs": []}})
    assert change_state() != change_state(**{"train@other": {}})


def test_another_page_is_the_same_state() -> None:
    """The history is drawn on it: a retraining would otherwise be the reason for the next."""
    assert change_state() == change_state(report={"deps": []}, compare={})


def test_without_a_lock_nothing_was_made() -> None:
    """That is a state of its own."""
    nothing = decide.compute_state(load_params().retrain)
    assert nothing != change_state()


def test_another_gate_judges_again() -> None:
    """A challenger that was refused may pass the gate as it is now."""
    draft = RetrainingDraft(action="retrain", model="model", state=change_state())
    retraining_history.add_to_history(
        [draft.make_record(KEPT, "recall is 0.535, at least 0.800 is asked")]
    )
    assert decide.is_decided(load_params())
    assert not decide.is_decided(load_lenient_params())
