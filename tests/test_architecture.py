"""Imports go one way, names are unique, and dvc.yaml knows what each stage depends on."""

import re
import shutil
import subprocess
import sys
import tomllib
from collections import Counter
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
import yaml

from tests.support import architecture

ROOT = Path(__file__).parents[1]
LINES = 110  # of dvc.yaml: one screen


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """Give a copy of the sources, to break."""
    for package in architecture.PACKAGES:
        shutil.copytree(ROOT / package, tmp_path / package)
    shutil.copy(ROOT / "dvc.yaml", tmp_path)
    (tmp_path / "data" / "sweep").mkdir(parents=True)
    shutil.copy(ROOT / "data" / "sweep" / "dvc.yaml", tmp_path / "data" / "sweep")
    return tmp_path


def append(path: Path, line: str) -> None:
    """Add a line at the end of a source file."""
    path.write_text(path.read_text(encoding="utf-8") + f"\n{line}\n", encoding="utf-8")


def test_imports_go_one_way() -> None:
    """Each room imports only those that the table of rooms allows; a stage knows no other."""
    assert architecture.find_wrong_directions(ROOT) == []


def test_heavy_libraries_stay_at_home() -> None:
    """MLflow, matplotlib and TensorFlow are each imported in their own rooms only."""
    assert architecture.find_strayed_libraries(ROOT) == []


@pytest.mark.slow
def test_collecting_the_tests_imports_nothing_heavy() -> None:
    """Each worker collects every file: what takes a second to import waits for its own test."""
    code = (
        "import sys, pytest\n"
        "pytest.main(['--collect-only', '-q', '-p', 'no:cacheprovider'])\n"
        "print(sorted({'tensorflow', 'mlflow', 'sklearn', 'statsmodels', 'pandas', 'matplotlib'}"
        " & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert " tests collected" in done.stdout
    assert done.stdout.splitlines()[-1] == "[]"


def test_deps_are_the_code_a_stage_reaches() -> None:
    """A stage depends on its own file and the rooms it uses, no more and no less."""
    assert architecture.find_wrong_deps(ROOT) == []


@pytest.mark.parametrize(
    ("file", "line"),
    [
        ("stages/split.py", "from stages import preprocess"),
        ("secondlook/artifacts/files.py", "from stages.split import run"),
        ("secondlook/artifacts/files.py", "def late():\n    import stages.train"),
        ("stages/evaluate.py", "from secondlook.commands import leaderboard"),
        ("secondlook/config/errors.py", "from secondlook.artifacts import files"),
        ("secondlook/verdicts/case.py", "from secondlook.report import theme"),
        ("secondlook/training/model.py", "from secondlook.evaluation import bootstrap"),
        ("secondlook/tracking/store.py", "from secondlook.serving import predictor"),
    ],
)
def test_an_import_the_wrong_way_is_found(copy: Path, file: str, line: str) -> None:
    """Stage to stage, room to stage, upwards in the table, also late: each is named."""
    append(copy / file, line)
    assert [complaint.split()[0] for complaint in architecture.find_wrong_directions(copy)] == [
        file
    ]


def test_a_strayed_library_is_found(copy: Path) -> None:
    """A stage that imports MLflow itself is named."""
    append(copy / "stages/evaluate.py", "from mlflow import log_metric")
    assert architecture.find_strayed_libraries(copy) == ["stages/evaluate.py imports mlflow"]


def test_a_missing_and_a_needless_dep_are_found(copy: Path) -> None:
    """Taking a dep away, or adding one too many, is told by stage and folder."""
    pipeline = yaml.safe_load((copy / "dvc.yaml").read_text(encoding="utf-8"))
    pipeline["stages"]["split"]["deps"].remove("secondlook/data")
    pipeline["stages"]["report"]["deps"].append("secondlook/training")
    (copy / "dvc.yaml").write_text(yaml.safe_dump(pipeline), encoding="utf-8")
    assert sorted(architecture.find_wrong_deps(copy)) == [
        "report: secondlook/training is not needed",
        "split: secondlook/data is missing",
    ]


def test_one_statistic_trains_nothing(copy: Path) -> None:
    """Train depends on one file of evaluation: an import of another is a missing folder."""
    append(copy / "secondlook/training/model.py", "from secondlook.evaluation import bootstrap")
    assert "train: secondlook/evaluation is missing" in architecture.find_wrong_deps(copy)


def test_what_is_imported_is_a_dependency() -> None:
    """No library is there only because another one happens to need it."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = [line for each in project["optional-dependencies"].values() for line in each]
    needed = [*project["dependencies"], *extras]
    named = {re.split(r"[\[<>=~! ]", line)[0].lower() for line in needed}
    files = [ROOT / file for file in architecture.list_sources(ROOT)]
    tops = {name.partition(".")[0] for file in files for name in architecture.list_imports(file)}
    providers = packages_distributions()
    libraries = tops - sys.stdlib_module_names - set(architecture.PACKAGES)
    assert len(libraries) > len(named) / 2
    unnamed = {
        name
        for name in libraries
        if not named
        & {provider.lower().replace("_", "-") for provider in providers.get(name, [name])}
    }
    assert unnamed == set()


def test_no_half_merged_file() -> None:
    """No file holds both sides of a merge that nobody decided."""
    told = subprocess.run(
        ["git", "grep", "--line-number", "-E", "^(<{7}|>{7}) "],
        cwd=ROOT,
        check=False,
        capture_output=True,
        text=True,
    )
    assert (told.stdout, told.returncode) == ("", 1), told.stderr


def test_no_module_name_twice() -> None:
    """A module of the library is found by its name alone; stages and commands have their own."""
    files = [file for file in architecture.list_sources(ROOT) if file.name[0] != "_"]
    names = Counter(f.stem for f in files if architecture.get_room(f) not in {"stages", "commands"})
    assert [name for name, count in names.items() if count > 1] == []


def test_the_pipeline_reads_on_one_screen() -> None:
    """dvc.yaml names folders of the library, not files."""
    assert len((ROOT / "dvc.yaml").read_text(encoding="utf-8").splitlines()) <= LINES


def test_one_name_five_places() -> None:
    """Each stage of dvc.yaml has its file, its section in params.yaml, and its tests."""
    stages = yaml.safe_load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))["stages"]
    sections = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    for name in stages:
        assert name in sections
        assert (ROOT / "stages" / f"{name}.py").is_file()
        assert (ROOT / "tests/stages" / f"test_{name}.py").is_file()
