"""Runs whose probabilities are not numbers: through compare, report and leaderboard."""

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from secondlook.artifacts import files
from secondlook.commands import leaderboard
from secondlook.config.errors import DataError
from secondlook.config.params import load_params
from secondlook.evaluation import run_artifacts
from secondlook.evaluation.comparison_artifacts import Verdict, load_verdicts
from stages import compare, evaluate, report
from tests.support.report import write_evaluated_runs

SKILLS = {"unweighted": 1.0, "weighted": 2.0, "overfit": 6.0}


def let_run_away(names: Sequence[str]) -> None:
    """Let the losses of runs be no numbers from their first epoch on, and compare all runs."""
    for name in names:
        folder = files.stage_folder("train", name)
        with np.load(folder / "predictions.npz") as given:
            away = {split: np.full_like(found, np.nan) for split, found in given.items()}
        np.savez(folder / "predictions.npz", allow_pickle=False, **away)
        history = [
            row | dict.fromkeys(("train/objective", "train/loss", "validation/loss"), "")
            for row in files.read_csv(folder / "history.csv")
        ]
        files.write_csv(folder / "history.csv", history[0], history)
        evaluate.run(load_params(), name)
    compare.run(load_params())


@pytest.fixture(params=[["weighted"], ["unweighted", "weighted"], list(SKILLS)], ids=len)
def away(request: pytest.FixtureRequest, project: Path) -> list[str]:
    """Give the names of the runs that ran away: one of three, two, all."""
    assert project == Path.cwd()
    write_evaluated_runs(skills=SKILLS)
    names: list[str] = request.param
    let_run_away(names)
    return names


def test_they_are_reported(away: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """The page is drawn and the leaderboard printed; their loss is a dash, and never the best."""
    report.run(load_params())
    leaderboard.run(load_params())
    rows = {row["run"]: row for row in files.read_csv(Path("data/report/leaderboard.csv"))}
    assert all(rows[name]["test/log_loss"] == "" for name in away)
    printed = capsys.readouterr().out.splitlines()
    for name in away:
        (line,) = [line for line in printed if re.match(rf"{name}\s+\S+\s+\S+\s+\S+\s+\S+\s", line)]
        assert line.split()[-1] == "-"
    page = Path("data/report/report.html").read_text(encoding="utf-8")
    assert not re.search(r">\s*(nan|inf|None)\b", page)


def test_nothing_is_said_of_what_is_not_defined(away: list[str]) -> None:
    """No sentence gives their loss as a number, or takes their probabilities at their word."""
    found = {verdict.rule: verdict for verdict in load_verdicts()}
    assert set(found["diverged"].runs) == set(away)
    assert not set(away) & set(list_runs(found, "calibrated", "calibration", "disagree"))
    texts = [verdict.text for verdict in found.values()]
    assert not any("undefined share" in text and "says" in text for text in texts)
    assert not any(re.search(r"\b0\.0000?\b|\bnan\b", text) for text in texts)


def list_runs(found: dict[str, Verdict], *rules: str) -> list[str]:
    """Return the runs that these rules speak of."""
    return [run for rule in rules if rule in found for run in found[rule].runs]


def test_the_best_run_is_one_whose_loss_is_a_number(away: list[str]) -> None:
    """That of the lowest; where there is none, it is said that all of them ran away."""
    report.run(load_params())
    for name in SKILLS:
        (files.stage_folder("train", name) / "model.weights.h5").touch()
    if len(away) < len(SKILLS):
        assert run_artifacts.find_best_run(load_params()) == "overfit"
        return
    with pytest.raises(DataError, match=r"data/evaluate: no run has a log loss that is a number"):
        run_artifacts.find_best_run(load_params())
