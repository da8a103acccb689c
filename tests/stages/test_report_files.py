"""What `report` writes beside the page, and what it cannot do without."""

from pathlib import Path

import pytest

from secondlook.artifacts import files
from secondlook.config.errors import DataError
from secondlook.config.params import load_params
from secondlook.evaluation import run_artifacts
from secondlook.report.theme import assign_styles
from stages import report as stages_report
from tests.support import report as support_report
from tests.support.report import ReportPage, write_evaluated_runs


@pytest.fixture(scope="module")
def eights(tmp_path_factory: pytest.TempPathFactory) -> ReportPage:
    """Give the page of two runs that ask whether it is an eight."""
    return support_report.write_eights_report(tmp_path_factory.mktemp("eights"))


def digest_files(folder: Path) -> dict[str, str]:
    """Return the digest of every file under a folder."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): files.hash_files(path) for path in paths}


def test_curves_csv_is_long(eights: ReportPage) -> None:
    """It has a row for every run, series and epoch; an undefined precision is empty."""
    rows = list(files.read_csv(eights.folder / "curves.csv"))
    assert len(rows) == 2 * 2 * 6
    assert rows[0] == {
        "run": "unweighted",
        "series": "train",
        "epoch": "1",
        "loss": "0.3",
        "accuracy": "0.75",
        "precision": "",
        "recall": "0.1",
    }


def test_every_run_has_its_pictures(eights: ReportPage) -> None:
    """Four PNG files a run, and one with the confusion matrices of all."""
    found = {path.relative_to(eights.folder).as_posix() for path in eights.folder.rglob("*.png")}
    names = ("curves", "confusion", "precision_recall", "roc")
    assert found == {"confusion.png"} | {
        f"runs/{run}/{name}.png" for run in ("unweighted", "weighted") for name in names
    }


def test_again_is_the_same_bytes(eights: ReportPage, monkeypatch: pytest.MonkeyPatch) -> None:
    """Page, tables and pictures do not change when they are made again."""
    before = digest_files(eights.folder)
    monkeypatch.chdir(eights.folder.parents[1])
    stages_report.run(load_params())
    assert digest_files(eights.folder) == before


def test_the_reference_comes_first(project: Path) -> None:
    """Another reference moves to the front of the page, and takes the first colour."""
    write_evaluated_runs(skills={"unweighted": 1.0, "weighted": 3.0})
    params = load_params()
    other = params.report.model_copy(update={"reference": "weighted"})
    found = run_artifacts.load_study(params.model_copy(update={"report": other}))
    drawn = [(result.name, look.index) for result, look in assign_styles(found)]
    assert drawn == [("weighted", 0), ("unweighted", 1)]
    assert project == Path.cwd()


def test_a_run_that_was_not_evaluated_is_told(project: Path) -> None:
    """A missing file is named, with what makes it, and no report is left half-written."""
    write_evaluated_runs(skills={"unweighted": 1.0})
    files.stage_folder("evaluate", "unweighted", "metrics.json").unlink()
    with pytest.raises(DataError, match=r"metrics\.json: no such file; run `dvc repro`"):
        stages_report.run(load_params())
    assert not (project / "data" / "report").exists()


def test_what_another_version_left_is_an_error_of_one_line(project: Path) -> None:
    """A file of another shape is named, with what makes it again."""
    write_evaluated_runs(skills={"unweighted": 1.0})
    path = project / "data" / "preprocess" / "facts.json"
    facts = files.read_json(path)
    del facts["levels"]
    files.write_json(path, facts)
    with pytest.raises(DataError, match=r"facts\.json: found another shape .*; run `dvc repro`"):
        stages_report.run(load_params())
