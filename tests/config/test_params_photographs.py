"""docs/photographs.yaml, which people copy over params.yaml, is one that works."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from secondlook.config.errors import DataError
from secondlook.config.params import Params, load_params
from secondlook.training.pretrained_weights import check_weights, get_weights_path
from tests.support.project import ROOT

PHOTOGRAPHS = ROOT / "docs" / "photographs.yaml"
ZEROS = "0" * 64


@pytest.fixture
def params() -> Params:
    """Return the study; loading it checks every run against the sections and each other."""
    return load_params(PHOTOGRAPHS)


def list_keys(path: Path) -> set[str]:
    """Return the keys of a params.yaml, those of its sections with dots; of runs none."""
    whole: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    found = set(whole)
    for section in ("data", "split", "preprocess", "train", "evaluate", "compare", "report"):
        found |= {f"{section}.{key}" for key in whole[section]}
    for section in ("track", "retrain"):
        found |= {f"{section}.{key}" for key in whole[section]}
    return found | {f"retrain.data_limits.{key}" for key in whole["retrain"]["data_limits"]}


def test_it_has_the_keys_of_params_yaml() -> None:
    """All of them, and no other."""
    assert list_keys(PHOTOGRAPHS) == list_keys(ROOT / "params.yaml")


def test_pretrained_runs_stand_beside_the_six(params: Params) -> None:
    """The names of the six are kept; head and fine-tuned differ in that alone."""
    assert list(params.runs) == [*load_params(ROOT / "params.yaml").runs, "head", "fine_tuned"]
    head, tuned = (params.run(name).model_dump() for name in ("head", "fine_tuned"))
    assert tuned.pop("fine_tune")["blocks"] == 4
    assert head == tuned
    assert {name for name in params.runs if params.run(name).backbone} == {"head", "fine_tuned"}


def test_its_digest_is_to_be_replaced(project: Path, params: Params) -> None:
    """It is told beside the zeros, and the refusal says what was found, and what to type."""
    assert PHOTOGRAPHS.read_text(encoding="utf-8").count(ZEROS) == 1
    backbone = params.run("head").backbone
    assert backbone is not None
    with pytest.raises(DataError, match="`secondlook weights mobilenet_v2`"):
        check_weights(backbone, "params.yaml: runs.head")
    path = project / get_weights_path(backbone.name)
    path.parent.mkdir(parents=True)
    path.write_bytes(b"weights")
    with pytest.raises(DataError, match=f"found sha256 9[0-9a-f]{{63}}; .* expected {ZEROS}"):
        check_weights(backbone, "params.yaml: runs.head")
