"""What determines the runs and the judgement, and whether it changed since one was last judged."""

import hashlib
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

from stages.core.errors import SecondLookError
from stages.core.policy import Retrain
from stages.core.retraining.transcript import environ

STAGES = ("split", "preprocess", "train", "evaluate")  # the others only tell of the runs
LOCK = Path("dvc.lock")


def stale() -> dict[str, list[str]]:
    """Return what changed for each stage that determines the runs; nothing where all is as it was.

    Raises SecondLookError where DVC cannot tell.
    """
    asked = subprocess.run(
        [sys.executable, "-m", "dvc", "status", "--json"],
        env=environ(),
        capture_output=True,
        text=True,
        check=False,
    )
    if asked.returncode:
        raise SecondLookError(f"dvc status: {' '.join(asked.stderr.split())}")
    found: dict[str, list[Any]] = json.loads(asked.stdout or "{}")
    return {name: sorted(_parts(told)) for name, told in found.items() if _determines(name)}


def state(retrain: Retrain) -> str:
    """Return the SHA-256 (hex) of all that a decision rests on.

    That is what goes into the runs and comes out, as dvc.lock tells it, who challenges, and the
    gate.
    """
    text = LOCK.read_text(encoding="utf-8") if LOCK.exists() else "stages: {}"
    stages = yaml.safe_load(text)["stages"].items()
    kept = {name: told for name, told in stages if _determines(name)}
    judge = [retrain.run, retrain.gate.model_dump()]
    return hashlib.sha256(json.dumps([kept, judge], sort_keys=True).encode()).hexdigest()


def _determines(stage: str) -> bool:
    return stage.partition("@")[0] in STAGES


def _parts(told: list[Any]) -> set[str]:
    """Return the names of the files and parameters that changed, as far as DVC names any."""
    kinds = [kind for part in told if isinstance(part, dict) for kind in part.values()]
    return {name for kind in kinds if isinstance(kind, dict) for name in kind}
