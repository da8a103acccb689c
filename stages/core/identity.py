"""What makes a run the same run: its parameters, its data and the code that trains it."""

import hashlib
import json
from pathlib import Path

import yaml

from stages.core import files
from stages.core.params import Params

PIPELINE = Path("dvc.yaml")


def run_key(params: Params, name: str) -> str:
    """Return the SHA-256 (hex) of everything that determines the run `name`.

    That is its effective parameters, the digest in data/preprocess/facts.json, and the code
    files that dvc.yaml lists for `train`. The name itself is not part of it.
    """
    facts = files.read_json(files.folder("preprocess") / "facts.json")
    parts = [
        json.dumps(params.run(name).model_dump(), sort_keys=True),
        facts["digest"],
        files.digest(*training_code()),
    ]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def training_code() -> list[Path]:
    """Return the code files that dvc.yaml lists as dependencies of `train`, sorted."""
    pipeline = yaml.safe_load(PIPELINE.read_text(encoding="utf-8"))
    deps = pipeline["stages"]["train"]["do"]["deps"]
    return sorted(Path(dep) for dep in deps if dep.startswith("stages/"))
