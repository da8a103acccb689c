"""What is logged with a run for `mlflow.pyfunc`; tests/commands/test_predict.py loads it."""

import base64
import json
from pathlib import Path

import pytest
import yaml

from secondlook.config.params import load_params
from stages import track
from tests.support.tracking import find_runs, make_client


@pytest.fixture
def folder(tracking_project: Path) -> Path:
    """Give the folder of the model that is logged with a run."""
    track.run(load_params())
    run = find_runs()["unweighted"]
    (model,) = make_client().search_logged_models(
        [run.info.experiment_id], f"source_run_id = '{run.info.run_id}'"
    )
    metrics = {metric.key: metric.value for metric in model.metrics}
    assert metrics["test/accuracy"] == run.data.metrics["test/accuracy"]
    return tracking_project / f"mlruns/models/{model.model_id}/artifacts"


def test_a_model_brings_all_that_it_needs(folder: Path) -> None:
    """It carries the network, what is known of the data, its own code, and exact versions."""
    parts = {path.name for path in (folder / "data/parts").iterdir()}
    network = {"model.json", "model.weights.h5", "typical.npz"}
    assert parts == network | {"facts.json", "operating.json"}
    code = {str(path.relative_to(folder / "code")) for path in folder.glob("code/**/*.py")}
    assert {"secondlook/serving/pyfunc.py", "secondlook/data/decoding.py"} <= code
    assert {path.split("/")[0] for path in code} == {"secondlook"}
    assert not [path for path in code if "tracking" in path or "report" in path]
    required = (folder / "requirements.txt").read_text().splitlines()
    assert all("==" in line for line in required)
    assert {line.partition("==")[0] for line in required} >= {"keras", "pillow", "tensorflow"}


def test_a_model_says_what_it_takes_and_gives(folder: Path) -> None:
    """The signature names the columns, and the example is a picture in base64."""
    from secondlook.serving.pyfunc import FOLDER_VARIABLE

    told = yaml.safe_load((folder / "MLmodel").read_text())
    columns = {side: json.loads(told["signature"][side]) for side in ("inputs", "outputs")}
    pictures = {column["name"]: column["type"] for column in columns["inputs"]}
    assert pictures == {"image": "binary", "path": "string"}
    answers = [column["name"] for column in columns["outputs"]]
    assert answers == ["answer", "probability", "probabilities", "warnings", "reason"]
    assert told["metadata"]["classes"] == ["not 8", "8"]
    assert told["metadata"]["inputs"].keys() == pictures.keys()
    assert FOLDER_VARIABLE in told["metadata"]["inputs"]["path"]
    example = json.loads((folder / "serving_input_example.json").read_text())
    (row,) = example["dataframe_split"]["data"]
    assert base64.b64decode(row[0]).startswith(b"\x89PNG")
