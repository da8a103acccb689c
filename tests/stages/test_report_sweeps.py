"""The section of sweeps on the page."""

from pathlib import Path

import pytest
from selenium.webdriver import Chrome

from secondlook.config.params import load_params
from secondlook.evaluation.sweep_results import SweepResult, save_sweep_results
from stages import compare, report
from tests.support import browser
from tests.support.project import enter_project
from tests.support.report import ReportPage, write_evaluated_runs
from tests.support.sweeps import make_sweep_result

NASTY = "<b>f1</b>"


def write_page(folder: Path, *sweeps: SweepResult) -> ReportPage:
    """Return the page of a small study in whose folder these sweeps have ended."""
    with enter_project(folder):
        write_evaluated_runs(skills={"weighted": 1.0})
        compare.run(load_params())
        if sweeps:
            save_sweep_results(sweeps)
        report.run(load_params())
    return ReportPage(folder / "data" / "report")


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> ReportPage:
    """Give a page with two sweeps."""
    other = make_sweep_result(12, name=NASTY, metric="f1", method="random", data="f" * 64, seed=3)
    return write_page(tmp_path_factory.mktemp("sweeps"), make_sweep_result(), other)


def test_every_sweep_has_its_part(page: ReportPage) -> None:
    """Sentences, a figure for each parameter, tables; the contents lead there; names do nothing."""
    headings = [words for words in page.words if words.startswith("Sweep ")]
    assert headings == [f"Sweep {NASTY}", "Sweep rates"]
    assert NASTY not in page.text
    assert {"href": "#sweeps"} in page.find_all("a")
    ids = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    text = " ".join(page.words)
    assert "Best of 24 on validation (157 images)" in text
    assert text.count("run on other data") == 1
    assert len(page.find_all("caption")) == len(page.find_all("table"))


def test_without_sweeps_the_page_is_what_it_was(tmp_path: Path) -> None:
    """No file, and a file that holds none, make the same page, which has no word of sweeps."""
    (tmp_path / "none").mkdir()
    (tmp_path / "empty").mkdir()
    without = write_page(tmp_path / "none").text
    with enter_project(tmp_path / "empty"):
        save_sweep_results([])
    assert write_page(tmp_path / "empty").text == without
    assert "weep" not in without


@pytest.mark.browser
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1200])
def test_it_fits_and_is_accessible(
    chromium: Chrome, page: ReportPage, width: int, scheme: str
) -> None:
    """Narrow and wide, light and dark: nothing scrolls sideways, axe-core finds nothing serious."""
    browser.open_page(chromium, page.folder / "report.html", width, scheme)
    assert chromium.execute_script("return document.documentElement.scrollWidth") <= width
    assert browser.read_console(chromium) == []
    assert browser.find_accessibility_violations(chromium) == []
