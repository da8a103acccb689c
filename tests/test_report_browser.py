"""The page as a person meets it: in a real browser, narrow and wide, light and dark."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from selenium.webdriver import Chrome

from stages import report
from stages.core.params import load
from tests import browser
from tests.conftest import ROOT, absent
from tests.report_builder import build

PHONE, DESKTOP = 390, 1200


@pytest.fixture(scope="module")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chrome]:
    """Give one browser to all tests; skip where there is none."""
    if not browser.found():
        absent("there is no chromium with chromedriver")
    with browser.chromium(tmp_path_factory.mktemp("profile")) as driver:
        yield driver


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the page of three runs."""
    folder = tmp_path_factory.mktemp("page")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        for name in ("params.yaml", "dvc.yaml"):
            Path(name).write_bytes((ROOT / name).read_bytes())
        build()
        report.run(load())
    return folder / "data" / "report" / "report.html"


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [PHONE, DESKTOP])
def test_the_page_stands_alone_and_fits(
    chromium: Chrome, page: Path, width: int, scheme: str
) -> None:
    """It asks for nothing but itself, complains of nothing, and never scrolls sideways."""
    browser.show(chromium, page, width, scheme)
    assert chromium.execute_script("return innerWidth") == width
    assert chromium.execute_script("return document.documentElement.scrollWidth") <= width
    assert browser.complaints(chromium) == []
    assert browser.requests(chromium) == [page.as_uri()]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [PHONE, DESKTOP])
def test_the_page_is_accessible(chromium: Chrome, page: Path, width: int, scheme: str) -> None:
    """axe-core finds nothing serious: names, roles, contrast, order of headings."""
    browser.show(chromium, page, width, scheme)
    assert browser.violations(chromium) == []
