"""The params.yaml of a rerun."""

from pathlib import Path
from typing import Any

import yaml

from secondlook.config.params import load_params
from secondlook.reproduction import origin
from tests.support.project import ROOT

NOW = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))


def make_earlier_params(**sections: dict[str, Any]) -> dict[str, Any]:
    """Return params.yaml as it was, with other values."""
    changed = {name: NOW[name] | values for name, values in sections.items()}
    return {**NOW, **changed}


def test_the_runs_own_values_win() -> None:
    """Today's file takes the values that the run had, and holds that run alone."""
    old = make_earlier_params(train={"epochs": 3}, data={"positive": "7"}) | {
        "runs": {"mine": {"seed": 5}}
    }
    found = origin.merge_params(old, NOW, "mine")
    assert (found["train"]["epochs"], found["data"]["positive"]) == (3, "7")
    assert (found["runs"], found["report"]["reference"]) == ({"mine": {"seed": 5}}, "mine")
    assert found["compare"] == NOW["compare"]


def test_keys_that_came_and_went() -> None:
    """A key that is new keeps today's value; one that is gone is left out, and told."""
    old = make_earlier_params(train={"momentum": 0.9}, split={})
    del old["split"]["seed"]
    found = origin.merge_params(old, NOW, "dense")
    assert found["split"]["seed"] == NOW["split"]["seed"]
    assert "momentum" not in found["train"]
    assert origin.list_unknown_params(old, NOW) == ["train.momentum"]


def test_what_is_written_is_a_params_file(tmp_path: Path) -> None:
    """It loads as params.yaml does, with nothing followed live."""
    origin.write_params(NOW, tmp_path)
    written = load_params(tmp_path / "params.yaml")
    assert written.track.live_after == origin.NEVER_LIVE
    assert written.model_copy(update={"track": None}) == load_params(
        ROOT / "params.yaml"
    ).model_copy(update={"track": None})
    assert origin.read_params(tmp_path)["runs"] == NOW["runs"]
