"""The logged model, loaded as a stranger would: these tests import TensorFlow (20 s in all)."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from stages import track
from stages.core.params import load
from tests.tracking_builder import client, tracked

SAVE = """
from pathlib import Path
import numpy as np
from stages.core import model
from stages.core.params import load
network = model.build(load().run("unweighted"), [12, 12, 1], 2)
images = np.random.default_rng(0).integers(0, 256, (5, 12, 12, 1), dtype=np.uint8)
folder = Path("data/train/unweighted")
model.save(network, folder)
np.savez(folder / "predictions.npz", images=images, test=model.predict(network, images))
"""
PREDICT = """
import sys
import mlflow.pyfunc
import numpy as np
known = np.load(sys.argv[2])
model = mlflow.pyfunc.load_model(sys.argv[1])
assert "/code/stages/" in sys.modules["stages.core.model"].__file__
np.testing.assert_array_equal(model.predict(known["images"]), known["test"])
print(model.metadata.signature)
"""


@pytest.mark.usefixtures("trackable")
def test_the_model_predicts_in_a_fresh_process(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Outside the project, by run id alone, it gives the probabilities of predictions.npz."""
    subprocess.run([sys.executable, "-c", SAVE], check=True)
    track.run(load())
    uri = f"runs:/{tracked()['unweighted'].info.run_id}/model"
    known = Path("data/train/unweighted/predictions.npz").resolve()
    elsewhere = {"MLFLOW_TRACKING_URI": f"sqlite:///{Path('mlflow.db').resolve()}"}
    told = subprocess.run(
        [sys.executable, "-c", PREDICT, uri, str(known)],
        cwd=tmp_path_factory.mktemp("elsewhere"),
        env=os.environ | elsewhere,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert "Tensor('uint8', (-1, 12, 12, 1))" in told
    assert "Tensor('float32', (-1, 2))" in told


@pytest.mark.usefixtures("trackable")
def test_a_model_brings_its_metrics_and_its_own_code() -> None:
    """It shows the kept model's metrics, exact versions, and carries the code that it needs."""
    track.run(load())
    run = tracked()["unweighted"]
    (model,) = client().search_logged_models(
        [run.info.experiment_id], f"source_run_id = '{run.info.run_id}'"
    )
    metrics = {metric.key: metric.value for metric in model.metrics}
    assert metrics["test/accuracy"] == run.data.metrics["test/accuracy"]
    folder = Path(f"mlruns/models/{model.model_id}/artifacts")
    code = {str(path.relative_to(folder / "code")) for path in folder.glob("code/**/*.py")}
    assert {"stages/core/model.py", "stages/core/files.py"} <= code
    assert not [path for path in code if "tracking" in path or "report" in path]
    required = (folder / "requirements.txt").read_text().splitlines()
    assert all("==" in line for line in required)
    assert {line.partition("==")[0] for line in required} >= {"keras", "numpy", "tensorflow"}
