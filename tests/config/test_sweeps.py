"""The section `sweeps`: what is refused before anything runs, and points as parameters of runs."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from secondlook.config.errors import ParamsError
from secondlook.config.params import Params, load_params
from secondlook.config.sweeps import (
    POINTS_FILE,
    RangeParams,
    apply_point,
    load_trial_params,
)
from secondlook.config.yaml_schema import validate_section
from tests.support.project import ROOT

SWEEP: dict[str, Any] = {
    "of": "weighted",
    "search": {"learning_rate": {"low": 0.0001, "high": 0.01, "log": True}, "dropout": [0.0, 0.5]},
    "trials": 24,
    "method": "tpe",
    "seed": 1,
}
BACKBONE = {"name": "mobilenet_v2", "sha256": "0" * 64}


def load_sweep(runs: dict[str, Any] | None = None, **changes: object) -> Params:
    """Return the project's parameters with a sweep, and runs besides its own."""
    whole = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    whole["runs"] |= runs or {}
    return validate_section(Params, whole | {"sweeps": {"rates": SWEEP | changes}})


def test_a_sweep_has_defaults_and_whole_numbers() -> None:
    """Log loss chooses, four points go together; a range is whole where both its ends are."""
    sweep = load_sweep(search={"epochs": {"low": 5, "high": 60}}).sweeps["rates"]
    assert (sweep.metric, sweep.round) == ("log_loss", 4)
    assert sweep.search["epochs"] == RangeParams(low=5, high=60)
    assert isinstance(sweep.search["epochs"], RangeParams)
    assert sweep.search["epochs"].is_whole
    assert not RangeParams(low=0, high=0.5).is_whole


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"of": "gone"}, ".of: no run 'gone'; expected unweighted, weighted"),
        ({"search": {}}, ".search: found {}; expected at least 1 entry"),
        ({"search": {"rate": [1]}}, ".search: found 'rate', which is no key of `train`; expected "),
        (
            {"search": {"dropout": []}},
            ".search.dropout: found []; expected a list of values in [ ]",
        ),
        ({"search": {"dropout": [0.1, 0.1]}}, "expected each value once"),
        ({"search": {"dropout": {"low": 0.1}}}, "expected a list of values in [ ], or {low"),
        (
            {"search": {"dropout": {"low": 0.3, "high": 0.1}}},
            "expected low below high, both finite",
        ),
        (
            {"search": {"dropout": {"low": 0.1, "high": 0.1}}},
            "expected low below high, both finite",
        ),
        ({"search": {"dropout": {"low": 0, "high": 1, "log": True}}}, "expected low above 0"),
        (
            {"search": {"dropout": {"low": 0, "high": 1.5}}},
            ".dropout: found 1.5; expected less tha",
        ),
        ({"search": {"filters": [[8], "many"]}}, ".filters: found 'many'; expected a list in [ ]"),
        ({"search": {"epochs": {"low": 1.5, "high": 3}}}, ".epochs: found 1.5; expected a whole"),
        (
            {"search": {"augment.rotation": [0.1]}},
            ".augment.rotation: found no keys in augment of the run that is varied; expected a map",
        ),
        (
            {"search": {"early_stopping": [None], "early_stopping.patience": [1]}},
            "found early_stopping and early_stopping.patience, which is inside of it",
        ),
        (
            {"method": "grid", "search": {"seed": {"low": 0, "high": 1_000_000_000}}},
            ".seed: found a range with method grid; expected a list",
        ),
        ({"method": "grid"}, ".learning_rate: found a range with method grid; expected a list"),
        ({"method": "best"}, ".method: found 'best'; expected 'grid', 'random' or 'tpe'"),
        ({"trials": 0}, ".trials: found 0; expected 1 or more"),
        ({"trials": 101}, ": found 101 trials in all; expected at most 100: DVC reads"),
        ({"metric": "loss"}, ".metric: found 'loss'; expected 'log_loss', 'accuracy'"),
        ({"round": 0}, ".round: found 0; expected 1 or more"),
        ({"speed": 1}, ".speed: unknown key; did you mean seed?"),
    ],
)
def test_what_makes_no_sense_is_one_line(changes: dict[str, Any], told: str) -> None:
    """Where, what was found and what was expected, before anything runs."""
    with pytest.raises(ParamsError) as refusal:
        load_sweep(**changes)
    line = str(refusal.value)
    assert line.startswith("params.yaml: sweeps")
    assert told in line
    assert "\n" not in line


@pytest.mark.parametrize(
    ("point", "key", "value"),
    [
        ({"learning_rate": 0.003}, "learning_rate", 0.003),
        ({"augment.rotation": 0.2}, "augment", {"rotation": 0.2, "shift": 0.1, "zoom": 0.1}),
        ({"early_stopping.patience": 3}, "early_stopping", {"patience": 3}),
        ({"optimizer": {"adamw": {"weight_decay": 0.1}}}, "optimizer", {"adamw": {}}),
        ({"learning_rate_schedule": {"cosine": {"warmup": 1}}}, "learning_rate_schedule", {}),
        ({"loss": {"focal": {"gamma": 1.0}}, "label_smoothing": 0.1}, "label_smoothing", 0.1),
    ],
)
def test_a_point_changes_what_it_names(point: dict[str, Any], key: str, value: object) -> None:
    """All else is as the run has it, inside of a section, too."""
    run = load_sweep().run("augmented")
    made = apply_point(run, point, "params.yaml: sweeps.rates.search").model_dump()
    if isinstance(value, dict):
        assert made[key].items() >= {k: v for k, v in value.items() if v != {}}.items()
    else:
        assert made[key] == value
    touched = {name.partition(".")[0] for name in point}
    assert {k: v for k, v in made.items() if k not in touched} == {
        k: v for k, v in run.model_dump().items() if k not in touched
    }


def test_classes_called_by_numbers_are_searched_by_their_names() -> None:
    """YAML reads 8 as a number; as the name of a class it is "8", in points and results alike."""
    weights = {8: 5, "not 8": 1}
    params = load_sweep(search={"class_weight": ["balanced", weights]})
    assert params.sweeps["rates"].search["class_weight"] == ["balanced", {"8": 5, "not 8": 1}]
    point = {"class_weight": {"8": 5, "not 8": 1}}
    made = apply_point(params.run("weighted"), point, "params.yaml: x")
    assert made.class_weight == {"8": 5.0, "not 8": 1.0}


def test_backbones_and_fine_tuning_can_be_searched() -> None:
    """Where the run that is varied has them."""
    tuned = {"epochs": 2, "learning_rate": 0.0001, "blocks": 2}
    pretrained = {"model": "pretrained", "backbone": BACKBONE, "fine_tune": tuned}
    whole = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    whole["runs"]["head"] = pretrained
    whole["preprocess"] |= {"height": 96, "width": 96, "channels": 3}
    search = {"fine_tune.blocks": [2, 4, "all"], "backbone": [BACKBONE]}
    whole["sweeps"] = {"rates": SWEEP | {"of": "head", "search": search}}
    params = validate_section(Params, whole)
    made = apply_point(params.run("head"), {"fine_tune.blocks": "all"}, "params.yaml: x")
    assert made.fine_tune is not None
    assert made.fine_tune.blocks == "all"


def test_a_trial_is_read_as_it_was_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that is not there, or was edited to nonsense, is told."""
    monkeypatch.chdir(tmp_path)
    params = load_params(ROOT / "params.yaml")
    POINTS_FILE.parent.mkdir(parents=True)
    trials = {"rates-01": params.run("weighted").model_dump(), "rates-02": {"epochs": 0}}
    POINTS_FILE.write_text(yaml.safe_dump({"trials": trials}), encoding="utf-8")
    assert load_trial_params("rates-01") == params.run("weighted")
    with pytest.raises(ParamsError, match="no trial 'rates-03'; expected one of the 2 that"):
        load_trial_params("rates-03")
    with pytest.raises(ParamsError, match=r"trials\.rates-02: found what no run may have"):
        load_trial_params("rates-02")
