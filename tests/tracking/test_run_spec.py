"""Parameters as MLflow shows them."""

import re

from secondlook.config.params import Params, load_params
from secondlook.tracking.run_spec import LONGEST_VALUE, flatten_section, format_data_parameters
from tests.support.project import ROOT


def params() -> Params:
    """Return the default parameters."""
    return load_params(ROOT / "params.yaml")


def test_names_are_those_of_dvc_exp_run() -> None:
    """A nested key is its path in params.yaml; what is no text is JSON."""
    told = flatten_section(params().run("augmented"), "train.")
    assert told["train.augment.rotation"] == "0.05"
    assert "train.augment.brightness" not in told  # not asked for: as runs of before
    assert told["train.augment.flip"] == "false"
    assert told["train.filters"] == "[32, 32]"
    assert told["train.model"] == "cnn"
    assert flatten_section(params().run("unweighted"), "train.")["train.augment"] == "null"


def test_a_choice_with_numbers_is_its_path() -> None:
    """An optimizer that takes a number is named by it."""
    changes = {
        "optimizer": {"adamw": {"weight_decay": 0.004}},
        "learning_rate_schedule": {"cosine": {"warmup": 2}},
        "label_smoothing": 0.1,
        "loss": {"focal": {"gamma": 2.0}},
    }
    changed = params().model_copy(update={"runs": {"a": changes}})
    told = flatten_section(changed.run("a"), "train.")
    assert told["train.optimizer.adamw.weight_decay"] == "0.004"
    assert told["train.learning_rate_schedule.cosine.warmup"] == "2"
    assert told["train.label_smoothing"] == "0.1"
    assert told["train.loss.focal.gamma"] == "2.0"


def test_pretrained_weights_are_told_by_their_digest() -> None:
    """A run that begins with others' weights says which, and what is learned after the head."""
    changes = {
        "backbone": {"name": "mobilenet_v2", "sha256": "5" * 64},
        "fine_tune": {"epochs": 5, "learning_rate": 0.001, "blocks": "all"},
    }
    told = flatten_section(params().model_copy(update={"runs": {"a": changes}}).run("a"), "train.")
    assert told["train.backbone.name"] == "mobilenet_v2"
    assert told["train.backbone.sha256"] == "5" * 64
    assert told["train.fine_tune.epochs"] == "5"
    assert told["train.fine_tune.blocks"] == "all"


def test_a_key_that_may_be_left_out_is() -> None:
    """Runs of before are the same runs."""
    assert "train.learning_rate_schedule" not in flatten_section(params().run("dense"), "train.")


def test_class_names_are_no_keys() -> None:
    """Weights by class name are one value, for a name may hold what no MLflow key may."""
    weights = {'a"=b, ä': 2.0, **{f"class {i}": 1.0 for i in range(1000)}}
    train = params().train.model_copy(update={"class_weight": weights})
    told = flatten_section(train, "train.")
    assert told["train.class_weight"].startswith('{"a\\"=b, ä": 2.0, ')
    assert len(told["train.class_weight"]) == LONGEST_VALUE
    assert all(re.fullmatch(r"[\w./-]+", key) for key in told)


def test_what_only_refuses_data_is_left_out() -> None:
    """A limit that was not reached says nothing about the data."""
    told = format_data_parameters(params())
    assert told["data.positive"] == "8"
    assert told["preprocess.height"] == "28"
    assert not [key for key in told if "rejected" in key]
