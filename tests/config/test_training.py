"""The section `train`, and what an entry of `runs` may have beyond it."""

import pytest

from secondlook.config.yaml_files import load_yaml
from tests.support.params import load_edited_params, read_refusal
from tests.support.project import ROOT

pytestmark = pytest.mark.usefixtures("project")


def list_watched_params() -> list[str]:
    """Return the keys of `train` that dvc looks at."""
    pipeline = load_yaml(ROOT / "dvc.yaml")
    names: list[str] = pipeline["stages"]["train"]["do"]["params"]
    return [name for name in names if name.startswith("train.")]


@pytest.mark.parametrize(
    "line",
    [
        "learning_rate_schedule: null",
        "label_smoothing: 0",
        "loss: cross_entropy",
        "backbone: null, fine_tune: null",
    ],
)
def test_a_default_that_is_left_out_is_no_part_of_a_run(line: str) -> None:
    """Said or not, run key, run.json and MLflow tell of the parameters of before alone."""
    params = load_edited_params("runs.unweighted", f"unweighted: {{{line}}}")
    assert params.runs["unweighted"]
    told = params.run("unweighted").model_dump()
    assert sorted(f"train.{key}" for key in told) == sorted(list_watched_params())


SHA = "0123456789abcdef" * 4
PRETRAINED = f"model: pretrained, backbone: {{name: mobilenet_v2, sha256: {SHA}}}"
WARMING = "learning_rate_schedule: {cosine: {warmup: 2}}"
TUNED = "fine_tune: {epochs: 2, learning_rate: 1, blocks: 1}"


@pytest.mark.parametrize(
    ("key", "line", "told"),
    [
        (
            "train.optimizer",
            "optimizer: adamw",
            "train.optimizer: found 'adamw'; expected adam, sgd, rmsprop or {adamw: {weight_d",
        ),
        (
            "runs.unweighted",
            "x: {optimizer: {adamw: {weight_decay: 0}}}",
            "runs.x.optimizer: found {'adamw': {'weight_decay': 0}}; expected adam, sgd, rm",
        ),
        (
            "runs.unweighted",
            "x: {learning_rate_schedule: cosine}",
            "runs.x.learning_rate_schedule: found 'cosine'; expected null or {cosine: {warmu",
        ),
        (
            "runs.unweighted",
            "x: {epochs: 3, learning_rate_schedule: {cosine: {warmup: 3}}}",
            "runs.x: learning_rate_schedule: found warmup 3 of 3 epochs; expected less than",
        ),
        (
            "train.seed",
            "learning_rate_schedule: {cosine: {warmup: 1}}\n  seed: 1",
            "train.learning_rate_schedule: a key of single runs; expected in entries of `runs",
        ),
        (
            "runs.unweighted",
            "x: {label_smoothing: 0.5}",
            "runs.x.label_smoothing: found 0.5; expected less than 0.5",
        ),
        (
            "runs.unweighted",
            "x: {loss: {focal: {}}}",
            "runs.x.loss: found {'focal': {}}; expected cross_entropy or {focal: {gamma: abo",
        ),
        (
            "train.augment",
            "augment: {rotation: 0, shift: 0, zoom: 0, flip: true, brightness: 0.6}",
            "train.augment.brightness: found 0.6; expected 0.5 or less",
        ),
        (
            "runs.unweighted",
            "x: {model: pretrained}",
            "runs.x: backbone: missing with model pretrained; expected {name: mobilenet_v2, sh",
        ),
        (
            "runs.unweighted",
            f"x: {{backbone: {{name: mobilenet_v2, sha256: {SHA}}}}}",
            "runs.x: backbone: found one with model cnn; expected model pretrained; add it, or",
        ),
        (
            "runs.unweighted",
            "x: {fine_tune: {epochs: 1, learning_rate: 0.1, blocks: all}}",
            "runs.x: fine_tune: found one with model cnn; expected model pretrained; add it, or",
        ),
        (
            "runs.unweighted",
            f"x: {{model: pretrained, backbone: {{name: vgg16, sha256: {SHA}}}}}",
            "runs.x.backbone.name: found 'vgg16'; expected 'mobilenet_v2', 'mobilenet_v3_small',",
        ),
        (
            "runs.unweighted",
            f"x: {{model: pretrained, backbone: {{name: mobilenet_v2, sha256: {SHA[1:]}}}}}",
            f"runs.x.backbone.sha256: found '{SHA[1:57]}...; expected 64 hexadecimal digits, as",
        ),
        (
            "runs.unweighted",
            f"x: {{{PRETRAINED}}}",
            "preprocess: found 28 x 28 pixels of 1 channel; mobilenet_v2 (params.yaml: runs.x) ex",
        ),
        (
            "runs.unweighted",
            f"x: {{{PRETRAINED}, fine_tune: {{epochs: 1, learning_rate: 0.1, blocks: 0}}}}",
            "runs.x.fine_tune.blocks: found 0; expected 1 or more (blocks from the end) or all",
        ),
        (
            "runs.unweighted",
            f"x: {{{PRETRAINED}, fine_tune: {{epochs: 1, learning_rate: 0.1, blocks: 18}}}}",
            "runs.x: fine_tune: found 18 blocks; expected 1 to 17, as many as mobilenet_v2 has, or",
        ),
        (
            "runs.unweighted",
            f"x: {{{PRETRAINED}, {WARMING}, {TUNED}}}",
            "runs.x: learning_rate_schedule: found warmup 2 of 2 epochs; expected less than fine",
        ),
    ],
)
def test_mistakes_in_one_line(key: str, line: str, told: str) -> None:
    """All choices are named, and where a key belongs."""
    assert read_refusal(key, line).startswith(f"params.yaml: {told}")
