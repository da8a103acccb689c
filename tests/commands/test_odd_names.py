"""Commands that need no training, in projects whose folders have odd names."""

import shutil
import sys
from pathlib import Path

import pytest

from secondlook.commands.cli import main
from tests.support.project import ODD_NAMES, ROOT
from tests.support.tracking import find_runs

COMMANDS = ("split", "report", "track", "leaderboard", "history")


@pytest.mark.parametrize("name", ODD_NAMES)
def test_a_command_works_whatever_the_folder_is_called(
    name: str,
    finished_project: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Each says what it says elsewhere, and MLflow has the runs whose files lie in the folder."""
    project = Path(shutil.copytree(finished_project, tmp_path / name, symlinks=True))
    monkeypatch.chdir(project)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    said = {command: call(command, monkeypatch, capsys) for command in COMMANDS}
    assert "unweighted" in said["leaderboard"]
    assert "already there: unweighted, weighted" in said["track"]
    assert said["history"] == "no retraining yet\n"
    for run in find_runs().values():
        assert run.info.artifact_uri == f"{project.as_uri()}/mlruns/{run.info.run_id}/artifacts"
    picture = shutil.copy(ROOT / "docs" / "own_letters.png", "a picture.png")
    assert "test images the class" in call("export", monkeypatch, capsys, "--run", "weighted")
    assert "a picture.png" in call("predict", monkeypatch, capsys, "--run", "weighted", picture)


def call(
    command: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    *arguments: str,
) -> str:
    """Run a command in the current folder, and return what it prints."""
    monkeypatch.setattr(sys, "argv", ["secondlook", command, *arguments])
    main()
    return capsys.readouterr().out
