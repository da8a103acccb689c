"""Why git shows dvc.lock as changed where nobody changed anything."""

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from secondlook.commands.leaderboard import describe_lock_change, find_machine_differences
from tests.support.project import commit_all, run_command

Lock = dict[str, dict[str, Any]]


def make_stage(reads: dict[str, str], out: str, md5: str) -> dict[str, Any]:
    """Return a stage as dvc.lock has it."""
    return {
        "cmd": f"python -m stages {out}",
        "deps": [{"path": path, "md5": digest} for path, digest in reads.items()],
        "params": {"params.yaml": {"seed": 17}},
        "outs": [{"path": f"data/{out}", "md5": md5}],
    }


STAGES: Lock = {
    "split": make_stage({"data/digits": "images", "stages/split.py": "code"}, "split", "s"),
    "train@a": make_stage({"data/split": "s", "stages/train.py": "code"}, "train/a", "t"),
    "evaluate@a": make_stage({"data/train/a": "t", "stages/evaluate.py": "code"}, "e/a", "e"),
    "track": {"cmd": "python -m stages track"},
}


def train_otherwise(stages: Lock) -> None:
    """Let training, and what reads it, have written other bits."""
    stages["train@a"]["outs"][0]["md5"] = "t2"
    stages["evaluate@a"]["deps"][0]["md5"] = "t2"
    stages["evaluate@a"]["outs"][0]["md5"] = "e2"


def edit_code(stages: Lock) -> None:
    """Let the code of a stage be another."""
    stages["evaluate@a"]["deps"][1]["md5"] = "code2"


def change_seed(stages: Lock) -> None:
    """Let a parameter be another."""
    stages["train@a"]["params"]["params.yaml"]["seed"] = 18


def replace_images(stages: Lock) -> None:
    """Let the images be others."""
    stages["split"]["deps"][0]["md5"] = "images2"


def add_run(stages: Lock) -> None:
    """Let there be one more run."""
    stages["train@b"] = stages["train@a"]


def test_only_the_stage_that_computed_otherwise_is_named() -> None:
    """What merely read other numbers than before is no reason of its own."""
    found = copy.deepcopy(STAGES)
    train_otherwise(found)
    assert find_machine_differences(STAGES, found) == ["train@a"]
    assert find_machine_differences(STAGES, STAGES) == []


@pytest.mark.parametrize("change", [edit_code, change_seed, replace_images, add_run])
def test_a_change_of_ones_own_needs_no_word(change: Callable[[Lock], None]) -> None:
    """Whoever edits code, parameters or images knows why dvc.lock is another."""
    found = copy.deepcopy(STAGES)
    train_otherwise(found)
    change(found)
    assert find_machine_differences(STAGES, found) == []


def test_one_line_tells_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is told from a folder below the repository's root too, and only once it is true."""
    folder = tmp_path / "project"
    folder.mkdir()
    lock = folder / "dvc.lock"
    lock.write_text(yaml.safe_dump({"stages": STAGES}))
    monkeypatch.chdir(folder)
    assert describe_lock_change() is None  # no repository
    run_command(tmp_path, "git", "init", "--quiet")
    assert describe_lock_change() is None  # no commit
    commit_all(tmp_path, "Start")
    assert describe_lock_change() is None
    found = copy.deepcopy(STAGES)
    train_otherwise(found)
    lock.write_text(yaml.safe_dump({"stages": found}))
    told = describe_lock_change()
    assert told is not None
    assert told.startswith("git shows dvc.lock as changed: from the same code, parameters and data")
    assert "train@a computed other bits here" in told
    assert "\n" not in told
    lock.unlink()
    assert describe_lock_change() is None
