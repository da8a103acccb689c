"""A run from pretrained weights in a real project: tracked by DVC and MLflow, and made again."""

from pathlib import Path

import pytest

from secondlook.artifacts.files import hash_file
from secondlook.training import environment
from secondlook.training.backbone import build_backbone
from tests.end_to_end.test_reproduce import find_run, reproduce
from tests.support.datasets import write_class_folders
from tests.support.project import (
    build_project,
    commit_all,
    edit_params,
    list_stages_run,
    run_command,
)
from tests.support.training import shorten_backbone
from tests.support.weights import NAME, TARGET, write_legacy_weights

WHOLE = "build = getattr(applications, backbone.kind)"
# Not by an import statement, which the model's own copy of the code would follow.
SHORT = """import importlib
    build = importlib.import_module("tests.support.training").build_short_network"""
SMALL = {"filters": [4], "dense_units": [], "epochs": 1}


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give a project with weights in DVC, and one run that begins with them.

    Its backbone has three blocks, here and in its own code: the whole ones have tests elsewhere.
    """
    environment.start_tensorflow()
    shorten_backbone(monkeypatch)
    folder = build_project(tmp_path / "project")
    code = folder / "secondlook/training/backbone.py"
    whole = code.read_text(encoding="utf-8")
    assert WHOLE in whole
    code.write_text(whole.replace(WHOLE, SHORT), encoding="utf-8")
    (tmp_path / "temporary").mkdir()
    write_class_folders(folder / "data/photos", {"a": 30, "b": 30})
    given = write_legacy_weights(build_backbone(NAME), tmp_path / "given.h5")
    run_command(folder, "python", "-m", "stages", "weights", NAME, "--from", str(given))
    backbone = {"name": NAME, "sha256": hash_file(folder / TARGET)}
    changes = {
        "data": {"source": "folder", "path": "data/photos", "positive": None},
        "preprocess": {"height": 32, "width": 32, "channels": 3},
        "train": SMALL,
        "report": {"reference": "begun"},
        "runs": {"begun": {"model": "pretrained", "backbone": backbone}},
    }
    edit_params(folder, changes)
    commit_all(folder, "Photographs")
    return folder


def test_a_run_from_pretrained_weights_is_made_again(project: Path) -> None:
    """Every stage is identical; where its weights are gone from the workspace, DVC has them."""
    run_command(project, "dvc", "repro")
    told = find_run(project, "begun").data.params
    assert told["train.backbone.name"] == NAME
    assert told["train.backbone.sha256"] == hash_file(project / TARGET)
    commit_all(project, "Trained")
    (project / TARGET).unlink()
    # Nothing is trained again because a file of weights came or went.
    assert list_stages_run(run_command(project, "dvc", "repro")) == ["track"]
    status, printed = reproduce(project, "begun")
    assert f"weights: {TARGET} from DVC's cache" in printed
    assert "images: data/photos from git, as recorded" in printed
    for stage in ("split", "preprocess", "train", "evaluate"):
        assert f"  {stage:<11} identical" in printed
    assert "bit-identical: weights" in printed
    assert status == 0
