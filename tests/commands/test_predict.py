"""Pictures from anywhere are answered as those of the pipeline were, to the bit."""

import base64
import csv
import json
import os
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.support import datasets
from tests.support.mirror import find_runs_by_tag, make_client
from tests.support.project import (
    build_project,
    make_environment,
    make_fresh_python,
    run_predict,
    run_stages,
)
from tests.support.servers import find_free_port, wait_for_url

pytestmark = pytest.mark.slow

DATA = {"source": "folder", "path": "data/pictures", "positive": None}
LOOK = {"height": 12, "width": 12, "channels": 3, "resize": "pad", "contrast": "stretch"}
CHANGES: dict[str, Any] = {
    "data": DATA,
    "preprocess": LOOK,
    "train": {"filters": [4], "dense_units": [8], "epochs": 2},
    "runs": {"unweighted": {}},
}
PYFUNC = """
import json, sys
import mlflow.pyfunc, pandas as pd
model = mlflow.pyfunc.load_model(sys.argv[1])
paths = sys.argv[2:]
pictures = pd.DataFrame({"image": [open(path, "rb").read() for path in paths]})
answers = [model.predict(pictures), model.predict(pd.DataFrame({"path": paths}))]
import secondlook
print(secondlook.__file__)
print(json.dumps([list(table["probabilities"]) for table in answers]))
"""


@pytest.fixture(scope="module")
def formats(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a finished project whose pictures are of every format."""
    folder = build_project(tmp_path_factory.mktemp("formats") / "project", CHANGES)
    datasets.write_format_folders(folder / "data/pictures")
    run_stages(folder, "unweighted")
    return folder


def load_probabilities(folder: Path) -> dict[str, NDArray[np.float32]]:
    """Return what `train` predicted for each picture of test, by its path in the project."""
    with np.load(folder / "data/train/unweighted/predictions.npz") as found:
        probabilities = found["test"]
    rows = csv.DictReader((folder / "data/preprocess/images.csv").open())
    names = [f"data/pictures/{row['id']}" for row in rows if row["split"] == "test"]
    return dict(zip(names, probabilities, strict=True))


def ask(folder: Path, *arguments: str) -> list[dict[str, Any]]:
    """Return what `predict --json` says."""
    printed = run_predict(folder, *arguments, "--json").stdout
    return [json.loads(line) for line in printed.splitlines()]


def values(told: dict[str, float]) -> NDArray[np.float32]:
    """Return probabilities in the order of the classes."""
    return np.array([told["bright"], told["dark"]], np.float32)


def test_every_format_is_answered_as_in_the_pipeline(formats: Path) -> None:
    """From a folder, raw files of every format get the probabilities of predictions.npz."""
    known = load_probabilities(formats)
    assert len(known) == 2 * len(datasets.FORMATS)
    told = {each["picture"]: each for each in ask(formats, "data/pictures/test")}
    assert told.keys() == known.keys()
    for name, probabilities in known.items():
        assert values(told[name]["probabilities"]).tobytes() == probabilities.tobytes(), name


def test_the_model_in_mlflow_answers_the_same(
    formats: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Outside of the project, by run id alone, bytes and paths get the same probabilities.

    Also where an application has a package of its own that is called `stages`: the model's is not.
    Nothing of this project is installed there: its code comes out of the model's folder.
    """
    known, elsewhere = load_probabilities(formats), tmp_path_factory.mktemp("elsewhere")
    (elsewhere / "stages").mkdir()
    (elsewhere / "stages" / "__init__.py").write_text("print('of the application')")
    told = subprocess.run(
        [
            make_fresh_python(elsewhere / "fresh"),
            "-c",
            f"import stages\n{PYFUNC}",
            address(formats),
            *(str(formats / name) for name in known),
        ],
        cwd=elsewhere,
        env=make_environment(
            formats,
            MLFLOW_TRACKING_URI=f"sqlite:///{formats}/mlflow.db",
            SECOND_LOOK_SERVED_FOLDER=str(formats),
        ),
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert told.startswith("of the application\n")
    code = Path(told.splitlines()[-2])
    assert code.parts[-4:] == ("model", "code", "secondlook", "__init__.py")
    for table in json.loads(told.splitlines()[-1]):
        for row, probabilities in zip(table, known.values(), strict=True):
            assert values(row).tobytes() == probabilities.tobytes()


def address(folder: Path) -> str:
    """Return where MLflow has the model of the only run."""
    (tracked,) = find_runs_by_tag(make_client(folder)).values()
    return f"runs:/{tracked.info.run_id}/model"


@pytest.fixture(scope="module")
def served(formats: Path) -> Iterator[str]:
    """Give the address of a real `mlflow models serve`."""
    port = find_free_port()
    command = [sys.executable, "-m", "mlflow", "models", "serve", "--env-manager", "local"]
    command += ["--model-uri", address(formats), "--port", str(port)]
    environment = make_environment(formats, MLFLOW_TRACKING_URI=f"sqlite:///{formats}/mlflow.db")
    log = (formats.parent / "serve.log").open("wb")
    with (
        log,
        subprocess.Popen(
            command,
            cwd=formats.parent,
            env=environment,
            stdout=log,
            stderr=log,
            start_new_session=True,
        ) as process,
    ):
        try:
            wait_for_url(f"http://127.0.0.1:{port}/ping", process, formats.parent / "serve.log")
            yield f"http://127.0.0.1:{port}/invocations"
        finally:
            os.killpg(process.pid, 9)


def post(url: str, records: list[dict[str, str]]) -> list[dict[str, Any]]:
    """Return the rows that a served model answers."""
    body = json.dumps({"dataframe_records": records}).encode()
    headers = {"Content-Type": "application/json"}
    request = urllib.request.Request(url, body, headers)  # noqa: S310 - the server above
    with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310 - likewise
        predictions: list[dict[str, Any]] = json.load(answer)["predictions"]
    return predictions


def test_the_served_model_answers_the_same(formats: Path, served: str) -> None:
    """Over HTTP, pictures in base64 get the same probabilities, to the last digit."""
    known = load_probabilities(formats)
    encoded = [
        {"image": base64.b64encode((formats / name).read_bytes()).decode()} for name in known
    ]
    for row, probabilities in zip(post(served, encoded), known.values(), strict=True):
        assert values(row["probabilities"]).tobytes() == probabilities.tobytes()
        assert row["answer"] == ["bright", "dark"][int(probabilities.argmax())]


def test_a_served_model_opens_no_file_of_its_machine(formats: Path, served: str) -> None:
    """Over HTTP a path is refused, be it that of a picture: nobody named a folder to read from."""
    name = next(iter(load_probabilities(formats)))
    for path in (str(formats / name), name, "/etc/hostname", "/no/such/file"):
        (row,) = post(served, [{"path": path}])
        assert row["answer"] is None
        assert row["reason"].startswith(
            "path is refused: SECOND_LOOK_SERVED_FOLDER names no folder"
        )


def test_a_bad_picture_does_not_fail_the_others(formats: Path, served: str) -> None:
    """Over HTTP, what is no picture has a reason instead of an answer."""
    good = base64.b64encode(
        (formats / next(iter(load_probabilities(formats)))).read_bytes()
    ).decode()
    bad = base64.b64encode(b"<html>not found</html>").decode()
    first, second = post(served, [{"image": bad}, {"image": good}])
    assert first["answer"] is None
    assert first["reason"] == "not a picture: a web page (HTML)"
    assert second["reason"] is None
    assert second["answer"] in {"bright", "dark"}
