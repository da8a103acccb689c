"""The page as a person meets it: in a real browser, narrow and wide, light and dark."""

from pathlib import Path

import pytest
from selenium.webdriver import Chrome
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement

from stages import compare, report
from stages.core.params import load
from tests import browser, layers_builder
from tests.conftest import entered
from tests.report_builder import build

PHONE, DESKTOP = 390, 1200


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the page of three runs."""
    folder = tmp_path_factory.mktemp("page")
    with entered(folder):
        build()
        layers_builder.write("unweighted", layers_builder.layers())
        compare.run(load())
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


def ranked(driver: Chrome) -> list[str]:
    """Return the names in the leaderboard, from the top, as a person sees them."""
    names = driver.find_elements(By.CSS_SELECTOR, "#leaderboard tbody th")
    return [name.text for name in names if name.is_displayed()]


def header(driver: Chrome, label: str) -> WebElement:
    """Return the header of the leaderboard that sorts by so and so."""
    return driver.find_element(By.CSS_SELECTOR, f"#leaderboard th[data-label='Sort by {label}']")


def test_the_leaderboard_is_sorted_by_any_column(chromium: Chrome, page: Path) -> None:
    """A button sorts, best first, and the other way at a second press; the header says which."""
    browser.show(chromium, page, DESKTOP)
    before, loss = ranked(chromium), header(chromium, "log loss on test")
    assert header(chromium, "F1 on validation").get_attribute("aria-sort") == "descending"
    for order in ("ascending", "descending"):
        loss.find_element(By.TAG_NAME, "button").click()
        assert loss.get_attribute("aria-sort") == order
        cells = chromium.find_elements(By.CSS_SELECTOR, "#leaderboard td:last-child")
        losses = [float(cell.get_attribute("data-value") or "nan") for cell in cells]
        assert losses == sorted(losses, reverse=order == "descending")
    assert header(chromium, "F1 on validation").get_attribute("aria-sort") is None
    assert sorted(ranked(chromium)) == sorted(before)


def test_what_is_not_defined_is_sorted_last(chromium: Chrome, page: Path) -> None:
    """The lazy baseline, which has no precision, stays below the runs whichever way it goes."""
    browser.show(chromium, page, DESKTOP)
    for _ in range(2):
        header(chromium, "precision on test").find_element(By.TAG_NAME, "button").click()
        assert ranked(chromium)[-1] == 'always "not 8"'


def test_a_run_is_hidden_and_shown_everywhere(chromium: Chrome, page: Path) -> None:
    """Its checkbox takes it out of every table and figure, and brings it back."""
    browser.show(chromium, page, DESKTOP)
    box = chromium.find_element(By.CSS_SELECTOR, ".runs li[data-run='weighted'] input")
    drawn = chromium.find_elements(By.CSS_SELECTOR, "main [data-run~='weighted']")
    others = ranked(chromium)
    assert {element.tag_name for element in drawn} >= {"tr", "td", "figure", "div", "g"}
    box.click()
    assert not any(element.is_displayed() for element in drawn)
    assert ranked(chromium) == [name for name in others if name != "weighted"]
    box.click()
    assert all(element.is_displayed() for element in drawn if element.tag_name == "tr")
    assert ranked(chromium) == others


def test_everything_is_readable_without_javascript(chromium: Chrome, page: Path) -> None:
    """No control stands there that would do nothing, and no table is missing."""
    browser.show(chromium, page, DESKTOP, script=False)
    assert chromium.find_elements(By.CSS_SELECTOR, "button, input") == []
    assert len(ranked(chromium)) == 4
    browser.show(chromium, page, DESKTOP)
    assert chromium.find_elements(By.CSS_SELECTOR, "button, input")
