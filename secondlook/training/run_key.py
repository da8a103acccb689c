"""What makes a run the same run: its parameters, its data and the code that trains it."""

import hashlib
import json
from pathlib import Path

from secondlook.artifacts import files
from secondlook.config.params import Params
from secondlook.config.yaml_files import load_yaml

PIPELINE_FILE = Path("dvc.yaml")
CODE_FOLDERS = ("stages", "secondlook")


def compute_run_key(params: Params, name: str) -> str:
    """Return the SHA-256 (hex) of everything that determines the run `name`.

    That is its effective parameters, the digest in data/preprocess/facts.json, and the code
    files behind the deps that dvc.yaml lists for `train`. The name itself is not part of it.
    Raises DataError when `preprocess` has not run.
    """
    facts = files.read_json(files.check_present(files.stage_folder("preprocess", "facts.json")))
    parts = [
        json.dumps(params.run(name).model_dump(), sort_keys=True),
        facts["digest"],
        files.hash_files(*list_training_code()),
    ]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def list_training_code() -> list[Path]:
    """Return the code files of the deps that dvc.yaml lists for `train`, sorted.

    A folder stands for every Python file in it.
    """
    pipeline = load_yaml(PIPELINE_FILE)
    deps = pipeline["stages"]["train"]["do"]["deps"]
    code = [Path(dep) for dep in deps if dep.split("/")[0] in CODE_FOLDERS]
    return sorted(
        file for path in code for file in ([path] if path.is_file() else path.rglob("*.py"))
    )
