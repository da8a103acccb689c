"""Looking inside a network that was really trained."""

import shutil
import sys
from pathlib import Path
from typing import NamedTuple

import pytest
from PIL import Image
from selenium.webdriver import Chrome

from tests.support import browser
from tests.support.mirror import assert_mirrored, make_client
from tests.support.project import run_command
from tests.support.report import ReportPage

pytestmark = pytest.mark.slow

SECONDLOOK = (sys.executable, "-m", "stages")


class Inspected(NamedTuple):
    """A project, and what was printed when someone looked inside, in its folder `data`."""

    project: Path
    printed: str


@pytest.fixture(scope="module")
def inspected(finished_project: Path, tmp_path_factory: pytest.TempPathFactory) -> Inspected:
    """Give a copy of the finished project in which someone has looked inside."""
    folder = tmp_path_factory.mktemp("inspected") / "project"
    shutil.copytree(finished_project, folder, symlinks=True)
    return Inspected(
        folder, run_command(folder / "data", *SECONDLOOK, "inspect", PYTHONPATH=str(folder))
    )


def pages(folder: Path) -> dict[str, list[str]]:
    """Return the pages that MLflow keeps with each run, by the run's name in params.yaml."""
    asked = make_client(folder)
    return {
        name: [file.path for file in asked.list_artifacts(run_id, "inspect")]
        for name, run_id in assert_mirrored(folder).items()
    }


def test_the_layers_are_printed(inspected: Inspected) -> None:
    """Of the best run, layer by layer; and where the page is: in the folder where the user was."""
    lines = inspected.printed.splitlines()
    named = [line.split()[0] for line in lines if " x " in line or line.startswith("answer")]
    assert named[-4:] == ["image", "convolution_1", "pooling_1", "answer"]
    assert lines[0].startswith("test image digits-images#")
    assert lines[-1] == f"See it drawn:  {inspected.project}/data/inspect.html"
    assert "warning" not in inspected.printed


def test_the_page_shows_the_picture_its_maps_and_the_answer(inspected: Inspected) -> None:
    """The picture as given, as seen, with what the answer rests on, and four maps per layer."""
    shutil.copy(inspected.project / "data/inspect.html", inspected.project / "report.html")
    page = ReportPage(inspected.project)
    texts = [str(image["alt"]) for image in page.find_all("img")]
    assert texts[:2] == ["The picture as given", "The picture as the network sees it"]
    assert "robability of “" in texts[2]
    assert any("convolution_1: 4 maps of 10 x 10" in text for text in texts)
    assert any("pooling_1: 4 maps of 5 x 5" in text for text in texts)
    assert any("dense_1: 8 values" in text for text in texts)
    assert all(str(image["src"]).startswith("data:image/") for image in page.find_all("img"))


def test_the_page_is_kept_with_its_run_and_track_leaves_it_there(inspected: Inspected) -> None:
    """The mirror stays as it was, once and current, whether or not there is something to do."""
    folder = inspected.project
    before = pages(folder)
    assert sorted(before.values()) == [[], ["inspect/inspect.html"]]
    assert "already there" in run_command(folder, *SECONDLOOK, "track")
    (name,) = [name for name, kept in before.items() if kept]
    Image.new("RGB", (9, 9)).save(folder / "data/report/runs" / name / "confusion.png")
    assert "brought up to date" in run_command(folder, *SECONDLOOK, "track")
    assert pages(folder) == before


def test_without_a_store_there_is_a_page_and_a_warning(
    inspected: Inspected, tmp_path: Path
) -> None:
    """One line says that it is not kept; one's own picture has its page where it was asked for."""
    folder = tmp_path / "project"
    kept = shutil.ignore_patterns("mlflow.db", "mlruns", ".git", ".dvc")
    shutil.copytree(inspected.project, folder, ignore=kept)
    Image.new("L", (40, 30), 200).save(tmp_path / "own.png")
    asked = ("inspect", "../own.png", "--run", "weighted", "--report", "../own.html")
    printed = run_command(folder, *SECONDLOOK, *asked)
    assert printed.count("warning: MLflow at mlflow.db: no such file") == 1
    assert not (folder / "mlflow.db").exists()
    assert "as given, 40 x 30" in (tmp_path / "own.html").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        (["none.png"], "none.png: no such file or directory; name a picture file"),
        (["params.yaml"], "params.yaml: not a picture: none of the formats"),
        (["--run", "x"], "params.yaml: runs: no run 'x'; expected unweighted or weighted"),
        (["--report", "none/page.html"], "none: no such folder"),
    ],
)
def test_a_mistake_is_one_line(inspected: Inspected, asked: list[str], told: str) -> None:
    """Where, what was found and what to do; nothing is asked for it."""
    printed = run_command(inspected.project, *SECONDLOOK, "inspect", *asked, fails=True)
    assert len(printed.splitlines()) == 1
    assert told in printed


def test_a_run_that_was_never_trained_is_told(inspected: Inspected, tmp_path: Path) -> None:
    """The missing file is named, and what makes it."""
    folder = tmp_path / "project"
    shutil.copytree(inspected.project, folder, ignore=shutil.ignore_patterns(".git", ".dvc"))
    shutil.rmtree(folder / "data/train/weighted")
    printed = run_command(folder, *SECONDLOOK, "inspect", "--run", "weighted", fails=True)
    assert "data/train/weighted/model.weights.h5: no such file; run `dvc repro`" in printed


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1200])
def test_the_page_stands_alone_fits_and_is_accessible(
    chromium: Chrome, inspected: Inspected, width: int, scheme: str
) -> None:
    """It asks for nothing but itself, never scrolls sideways, and axe-core finds nothing."""
    page = inspected.project / "data/inspect.html"
    browser.open_page(chromium, page, width, scheme)
    assert chromium.execute_script("return document.documentElement.scrollWidth") <= width
    assert browser.read_console(chromium) == []
    assert browser.list_requests(chromium) == [page.as_uri()]
    assert browser.find_accessibility_violations(chromium) == []
