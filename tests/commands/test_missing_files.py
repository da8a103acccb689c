"""Stages and commands before the stages they need: one line, and no traceback."""

import io
import sys
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from unittest.mock import patch

import pytest

from secondlook.commands.cli import main

BEFORE_SPLIT = {
    "preprocess": "data/split/manifest.csv: no such file; run `dvc repro` to make it",
    "train weighted": "data/preprocess/facts.json: no such file; run `dvc repro` to make it",
    "evaluate weighted": "data/preprocess/facts.json: no such file; run `dvc repro` to make it",
    "compare": "data/preprocess/facts.json: no such file; run `dvc repro` to make it",
    "report": "data/preprocess/facts.json: no such file; run `dvc repro` to make it",
    "track": "data/preprocess/facts.json: no such file; run `dvc repro` to make it",
    "leaderboard": "data/report/leaderboard.csv: no such file; run `dvc repro` to make it",
    "inspect": "data/evaluate: no run has been trained and evaluated; run `dvc repro`",
    "export": "data/evaluate: no run has been trained and evaluated; run `dvc repro`",
    "export --run dense": "data/train/dense/model.weights.h5: no such file; run `dvc repro`",
    "predict params.yaml": "data/evaluate: no run has been trained and evaluated; run `dvc repro`",
    "predict --run dense params.yaml": "data/train/dense/model.weights.h5: no such file; run",
    "reproduce dense": "MLflow at mlflow.db: no such file; `dvc repro` makes it",
}


LOST = {
    "data/preprocess/images.csv": "compare",
    "data/compare/verdicts.json": "report",
    "data/train/weighted/history.csv": "track",
    "data/train/weighted/model.json": "predict --run weighted params.yaml",
    "data/train/weighted/predictions.npz": "export --run weighted",
    "data/evaluate/weighted/operating.json": "export --run weighted",
    "data/preprocess/test-00000.npy": "export --run weighted",
}


def run_refused(command: str) -> str:
    """Run a command that fails, in the current folder, and return what it says on stderr."""
    out, err = io.StringIO(), io.StringIO()
    argv = patch.object(sys, "argv", ["secondlook", *command.split()])
    with argv, redirect_stdout(out), redirect_stderr(err), pytest.raises(SystemExit) as left:
        main()
    assert left.value.code in (1, 2)
    return err.getvalue()


@pytest.mark.usefixtures("project")
@pytest.mark.parametrize("command", BEFORE_SPLIT)
def test_a_stage_that_is_run_too_early_says_what_is_missing(
    command: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a fresh clone, where nothing was made yet."""
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    told = run_refused(command)
    assert told.startswith(f"secondlook: {BEFORE_SPLIT[command]}")
    assert told.count("\n") == 1
    assert not Path("data/.partial").exists() or not list(Path("data/.partial").iterdir())


@pytest.mark.parametrize("lost", LOST)
def test_a_lost_file_of_an_earlier_stage_is_named(
    lost: str, project_copy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One file alone, of a pipeline that was finished."""
    monkeypatch.chdir(project_copy)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    Path(lost).unlink()
    *_, last = run_refused(LOST[lost]).splitlines()
    assert last == f"secondlook: {lost}: no such file; run `dvc repro` to make it"
