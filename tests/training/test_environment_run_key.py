"""What makes a run the same run."""

import re
import shutil
from pathlib import Path

import pytest

from secondlook.artifacts import files
from secondlook.config.params import Params, load_params
from secondlook.training.environment import compute_run_key, list_training_code
from tests.support.project import ROOT


@pytest.fixture
def params(project: Path) -> Params:
    """Give the default parameters, in a project with the code and with data of a known digest."""
    for package in ("stages", "secondlook"):
        shutil.copytree(ROOT / package, project / package)
    write_digest("a" * 64)
    return load_params()


def write_digest(digest: str) -> None:
    """Write the facts as `preprocess` leaves them, as far as they identify the data."""
    with files.create_output("preprocess") as folder:
        files.write_json(folder / "facts.json", {"digest": digest})


def test_every_run_has_a_key_of_its_own(params: Params) -> None:
    """The default runs all differ, and a key is 64 hexadecimal digits."""
    keys = {compute_run_key(params, name) for name in params.runs}
    assert len(keys) == len(params.runs)
    assert all(re.fullmatch("[0-9a-f]{64}", key) for key in keys)


def test_a_name_is_no_part_of_it(params: Params) -> None:
    """Another entry with the same changes is the same run."""
    twins = params.model_copy(update={"runs": {"one": {"epochs": 3}, "two": {"epochs": 3}}})
    assert compute_run_key(twins, "one") == compute_run_key(twins, "two")


def test_saying_a_default_again_changes_nothing(params: Params) -> None:
    """The effective parameters count, not how they were written."""
    runs = {"short": {}, "long": {"epochs": params.train.epochs}}
    said = params.model_copy(update={"runs": runs})
    assert compute_run_key(said, "short") == compute_run_key(said, "long")


def test_other_data_make_another_run(params: Params) -> None:
    """The digest of the data is part of the key."""
    before = compute_run_key(params, "weighted")
    write_digest("b" * 64)
    assert compute_run_key(params, "weighted") != before


def test_other_code_makes_another_run(params: Params) -> None:
    """Every code file that `train` depends on is part of the key; the report's is not."""
    before = compute_run_key(params, "weighted")
    append("stages/report.py")
    assert compute_run_key(params, "weighted") == before
    assert Path("stages/train.py") in list_training_code()
    for path in list_training_code():
        append(str(path))
        changed = compute_run_key(params, "weighted")
        assert changed != before
        before = changed


def append(path: str) -> None:
    """Add a comment to a source file."""
    with Path(path).open("a", encoding="utf-8") as file:
        file.write("# changed\n")
