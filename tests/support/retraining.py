"""The embedded digits delivered in batches, as class folders that grow; and who is in service."""

import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image

from secondlook.artifacts.retraining_history import RetrainingRecord
from secondlook.data import idx
from secondlook.tracking.location import format_sqlite_uri
from tests.support.project import ROOT, SERVER, build_project, make_environment

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities.model_registry import ModelVersion

DIGITS = ROOT / "data" / "digits"
GROWN_FOLDER = "data/grown"
MODEL = "grown-8-or-not"
FIRST_BATCH_END, SECOND_BATCH_END = (
    300,
    1100,
)  # digits delivered with the first batch, and with the second in all
NOTICE_FILE = (
    "notice.jsonl"  # where a project with a first champion is told what came of each start
)
Process = subprocess.Popen[str]
SMALL_RETRAINING: dict[str, Any] = {
    "data": {"source": "folder", "path": GROWN_FOLDER},
    "preprocess": {"height": 12, "width": 12, "max_rejected_fraction": 0.5},
    "train": {"filters": [8], "dense_units": [16], "epochs": 6},
    "runs": {"weighted": {"class_weight": "balanced"}},
    "report": {"reference": "weighted"},
}
# A network this small is not good; what is asked of it is as small.
SMALL_GATE = {
    "floors": {"recall": 0.3},
    "metric": "log_loss",
    "min_gain": -0.005,
    "max_class_recall_drop": 0.05,
}


def build_growing_project(folder: Path, **changes: object) -> Path:
    """Make a project of one short run that has no images yet; `changes` are of `retrain`."""
    return build_project(folder, SMALL_RETRAINING | {"retrain": {"gate": SMALL_GATE} | changes})


def build_project_with_champion(folder: Path) -> Path:
    """Make a project whose first batch was delivered, and whose first model is in service."""
    made = build_growing_project(folder, notify=f"cat >> {NOTICE_FILE}")
    deliver_digits(made, 0, FIRST_BATCH_END)
    record = retrain(made)
    assert (record["outcome"], record["status"]) == ("promoted", 0)
    return made


def deliver_digits(project: Path, first: int, last: int, *, wrong: float = 0.0) -> None:
    """Put the digits from `first` to before `last` into their folders; a share of them wrongly."""
    images, labels = (idx.read_idx(path, n) for path, n in _find_idx_files())
    chance = np.random.default_rng(first)
    for number in range(first, last):
        label = int(labels[number])
        if chance.random() < wrong:
            label = (label + int(chance.integers(1, 10))) % 10
        path = project / GROWN_FOLDER / str(label) / f"{number:04}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(images[number]).save(path)


def deliver_broken_files(project: Path, count: int) -> None:
    """Put files that are no pictures among the eights."""
    for number in range(count):
        (project / GROWN_FOLDER / "8" / f"broken-{number:03}.png").write_bytes(
            b"\x89PNG not at all"
        )


def _find_idx_files() -> list[tuple[Path, int]]:
    """Return the two IDX files of the embedded data, each with its number of dimensions."""
    found = {3: "*images*", 1: "*labels*"}
    return [(next(DIGITS.glob(name)), dimensions) for dimensions, name in found.items()]


def start_secondlook(project: Path, *arguments: str, **variables: str) -> Process:
    """Start a command of Second Look in a project, as a scheduler does."""
    return subprocess.Popen(
        [sys.executable, "-m", "stages", *arguments],
        cwd=project,
        env=make_environment(project, **variables),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def call_secondlook(project: Path, *arguments: str) -> tuple[int, str, str]:
    """Run a command of Second Look; return its exit status and what it said on both streams."""
    process = start_secondlook(project, *arguments, **SERVER)
    out, err = process.communicate()
    return process.returncode, out, err


def retrain(project: Path, *arguments: str) -> dict[str, Any]:
    """Retrain, and return the record."""
    status, out, err = call_secondlook(project, "retrain", "--json", *arguments)
    found: dict[str, Any] = json.loads(out)
    assert (status, err) == (found["status"], "")
    return found


def make_client(project: Path) -> "MlflowClient":
    """Return the MLflow of a project."""
    from mlflow import MlflowClient

    return MlflowClient(format_sqlite_uri(project / "mlflow.db"))


def find_version(project: Path, alias: str = "champion") -> "ModelVersion | None":
    """Return the version that has the alias, as anybody who serves the model sees it."""
    if not (project / "mlflow.db").exists():  # else MLflow would make one, and not in time
        return None
    listed = make_client(project).search_registered_models(f"name = '{MODEL}'")
    if not listed or alias not in listed[0].aliases:
        return None
    return make_client(project).get_model_version_by_alias(MODEL, alias)


def read_history(project: Path) -> list[RetrainingRecord]:
    """Return the lines of the history."""
    lines = (project / "data/retrain/history.jsonl").read_text(encoding="utf-8").splitlines()
    return [RetrainingRecord.model_validate_json(line) for line in lines]


def find_version_number(project: Path, alias: str = "champion") -> str | None:
    """Return the number of the version that has the alias."""
    found = find_version(project, alias)
    return None if found is None else str(found.version)


def read_until(process: Process, marker: str) -> str:
    """Return what is said until a line holds the marker."""
    assert process.stderr is not None
    said = ""
    for line in process.stderr:
        said += line
        if marker in line:
            return said
    return pytest.fail(said)
