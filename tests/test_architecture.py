"""Imports go one way, and dvc.yaml knows what each stage depends on."""

import shutil
from pathlib import Path

import pytest
import yaml

from tests import architecture

ROOT = Path(__file__).parents[1]


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """Give a copy of the sources, to break."""
    shutil.copytree(ROOT / "stages", tmp_path / "stages")
    shutil.copy(ROOT / "dvc.yaml", tmp_path)
    return tmp_path


def append(path: Path, line: str) -> None:
    """Add a line at the end of a source file."""
    path.write_text(path.read_text(encoding="utf-8") + f"\n{line}\n", encoding="utf-8")


def test_imports_go_one_way() -> None:
    """The door imports stages and commands, they import core, core imports core."""
    assert architecture.wrong_directions(ROOT) == []


def test_heavy_libraries_stay_at_home() -> None:
    """MLflow, matplotlib and TensorFlow are each imported in their own files only."""
    assert architecture.strayed_libraries(ROOT) == []


def test_deps_are_the_code_a_stage_reaches() -> None:
    """A stage depends on its own file and the core files it uses, no more and no less."""
    assert architecture.wrong_deps(ROOT) == []


@pytest.mark.parametrize(
    ("file", "line"),
    [
        ("stages/split.py", "from stages import preprocess"),
        ("stages/core/files.py", "from stages.split import run"),
        ("stages/core/files.py", "def late():\n    import stages.train"),
        ("stages/evaluate.py", "from stages.commands import leaderboard"),
    ],
)
def test_an_import_the_wrong_way_is_found(copy: Path, file: str, line: str) -> None:
    """Stage to stage, core to stage, also late in a function: each is named."""
    append(copy / file, line)
    assert [complaint.split()[0] for complaint in architecture.wrong_directions(copy)] == [file]


def test_a_strayed_library_is_found(copy: Path) -> None:
    """A stage that imports MLflow itself is named."""
    append(copy / "stages/evaluate.py", "from mlflow import log_metric")
    assert architecture.strayed_libraries(copy) == ["stages/evaluate.py imports mlflow"]


def test_a_missing_and_a_needless_dep_are_found(copy: Path) -> None:
    """Taking a dep away, or adding one too many, is told by stage and file."""
    text = (copy / "dvc.yaml").read_text(encoding="utf-8")
    text = text.replace("      - stages/core/data/idx.py\n", "", 1)
    text = text.replace("- stages/report.py", "- stages/report.py\n      - stages/core/model.py")
    (copy / "dvc.yaml").write_text(text, encoding="utf-8")
    assert architecture.wrong_deps(copy) == [
        "split: stages/core/data/idx.py is missing",
        "report: stages/core/model.py is not needed",
    ]


def test_one_name_five_places() -> None:
    """Each stage of dvc.yaml has its file, its section in params.yaml, and its tests."""
    stages = yaml.safe_load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))["stages"]
    sections = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    for name in stages:
        assert name in sections
        assert (ROOT / "stages" / f"{name}.py").is_file()
        assert (ROOT / "tests" / f"test_{name}.py").is_file()
