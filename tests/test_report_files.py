"""What `report` writes beside the page, and what it cannot do without."""

from pathlib import Path

import pytest

from stages import report
from stages.core import files
from stages.core.errors import DataError
from stages.core.outputs import study
from stages.core.page.palette import looks
from stages.core.params import load
from tests import report_page
from tests.report_builder import build
from tests.report_page import Page


@pytest.fixture(scope="module")
def eights(tmp_path_factory: pytest.TempPathFactory) -> Page:
    """Give the page of two runs that ask whether it is an eight."""
    return report_page.eights(tmp_path_factory.mktemp("eights"))


def everything(folder: Path) -> dict[str, str]:
    """Return the digest of every file under a folder."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): files.digest(path) for path in paths}


def test_curves_csv_is_long(eights: Page) -> None:
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


def test_every_run_has_its_pictures(eights: Page) -> None:
    """Four PNG files a run, and one with the confusion matrices of all."""
    found = {path.relative_to(eights.folder).as_posix() for path in eights.folder.rglob("*.png")}
    names = ("curves", "confusion", "precision_recall", "roc")
    assert found == {"confusion.png"} | {
        f"runs/{run}/{name}.png" for run in ("unweighted", "weighted") for name in names
    }


def test_again_is_the_same_bytes(eights: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    """Page, tables and pictures do not change when they are made again."""
    before = everything(eights.folder)
    monkeypatch.chdir(eights.folder.parents[1])
    report.run(load())
    assert everything(eights.folder) == before


def test_the_reference_comes_first(project: Path) -> None:
    """Another reference moves to the front of the page, and takes the first colour."""
    build(skills={"unweighted": 1.0, "weighted": 3.0})
    params = load()
    other = params.report.model_copy(update={"reference": "weighted"})
    found = study.read(params.model_copy(update={"report": other}))
    drawn = [(result.name, look.index) for result, look in looks(found)]
    assert drawn == [("weighted", 0), ("unweighted", 1)]
    assert project == Path.cwd()


def test_a_run_that_was_not_evaluated_is_told(project: Path) -> None:
    """A missing file is named, with what makes it, and no report is left half-written."""
    build(skills={"unweighted": 1.0})
    files.folder("evaluate", "unweighted", "metrics.json").unlink()
    with pytest.raises(DataError, match=r"metrics\.json: no such file; run `dvc repro`"):
        report.run(load())
    assert not (project / "data" / "report").exists()


def test_what_another_version_left_is_an_error_of_one_line(project: Path) -> None:
    """A file of another shape is named, with what makes it again."""
    build(skills={"unweighted": 1.0})
    path = project / "data" / "preprocess" / "facts.json"
    facts = files.read_json(path)
    del facts["levels"]
    files.write_json(path, facts)
    with pytest.raises(DataError, match=r"facts\.json: found another shape .*; run `dvc repro`"):
        report.run(load())
