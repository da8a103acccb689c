"""The page as a person meets it: in a real browser, narrow and wide, light and dark."""

from pathlib import Path

import pytest
from selenium.webdriver import Chrome
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement

from secondlook.config.params import load_params
from stages import compare, report
from tests.support import browser, networks
from tests.support.project import enter_project
from tests.support.report import write_evaluated_runs

PHONE, DESKTOP = 390, 1200


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the page of three runs."""
    folder = tmp_path_factory.mktemp("page")
    with enter_project(folder):
        write_evaluated_runs()
        networks.write_layer_files("unweighted", networks.make_layer_report())
        compare.run(load_params())
        report.run(load_params())
    return folder / "data" / "report" / "report.html"


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [PHONE, DESKTOP])
def test_the_page_stands_alone_and_fits(
    chromium: Chrome, page: Path, width: int, scheme: str
) -> None:
    """It asks for nothing but itself, complains of nothing, and never scrolls sideways."""
    browser.open_page(chromium, page, width, scheme)
    assert chromium.execute_script("return innerWidth") == width
    assert chromium.execute_script("return document.documentElement.scrollWidth") <= width
    assert browser.read_console(chromium) == []
    assert browser.list_requests(chromium) == [page.as_uri()]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [PHONE, DESKTOP])
def test_the_page_is_accessible(chromium: Chrome, page: Path, width: int, scheme: str) -> None:
    """axe-core finds nothing serious: names, roles, contrast, order of headings."""
    browser.open_page(chromium, page, width, scheme)
    assert browser.find_accessibility_violations(chromium) == []


def read_ranking(driver: Chrome) -> list[str]:
    """Return the names in the leaderboard, from the top, as a person sees them."""
    names = driver.find_elements(By.CSS_SELECTOR, "#leaderboard tbody th")
    return [name.text for name in names if name.is_displayed()]


def find_header(driver: Chrome, label: str) -> WebElement:
    """Return the header of the leaderboard that sorts by so and so."""
    return driver.find_element(By.CSS_SELECTOR, f"#leaderboard th[data-label='Sort by {label}']")


def test_the_leaderboard_is_sorted_by_any_column(chromium: Chrome, page: Path) -> None:
    """A button sorts, best first, and the other way at a second press; the header says which."""
    browser.open_page(chromium, page, DESKTOP)
    before, loss = read_ranking(chromium), find_header(chromium, "log loss on test")
    assert find_header(chromium, "F1 on validation").get_attribute("aria-sort") == "descending"
    for order in ("ascending", "descending"):
        loss.find_element(By.TAG_NAME, "button").click()
        assert loss.get_attribute("aria-sort") == order
        cells = chromium.find_elements(By.CSS_SELECTOR, "#leaderboard td:last-child")
        losses = [float(cell.get_attribute("data-value") or "nan") for cell in cells]
        assert losses == sorted(losses, reverse=order == "descending")
    assert find_header(chromium, "F1 on validation").get_attribute("aria-sort") is None
    assert sorted(read_ranking(chromium)) == sorted(before)


def test_what_is_not_defined_is_sorted_last(chromium: Chrome, page: Path) -> None:
    """The lazy baseline, which has no precision, stays below the runs whichever way it goes."""
    browser.open_page(chromium, page, DESKTOP)
    for _ in range(2):
        find_header(chromium, "precision on test").find_element(By.TAG_NAME, "button").click()
        assert read_ranking(chromium)[-1] == 'always "not 8"'


def test_a_run_is_hidden_and_shown_everywhere(chromium: Chrome, page: Path) -> None:
    """Its checkbox takes it out of every table and figure, and brings it back."""
    browser.open_page(chromium, page, DESKTOP)
    box = chromium.find_element(By.CSS_SELECTOR, ".runs li[data-run='weighted'] input")
    drawn = chromium.find_elements(By.CSS_SELECTOR, "main [data-run~='weighted']")
    others = read_ranking(chromium)
    assert {element.tag_name for element in drawn} >= {"tr", "td", "figure", "div", "g"}
    box.click()
    assert not any(element.is_displayed() for element in drawn)
    assert read_ranking(chromium) == [name for name in others if name != "weighted"]
    box.click()
    assert all(element.is_displayed() for element in drawn if element.tag_name == "tr")
    assert read_ranking(chromium) == others


def test_the_confusion_matrices_of_a_row_stand_in_one_line(chromium: Chrome, page: Path) -> None:
    """None of those side by side begins higher or lower than its neighbours."""
    browser.open_page(chromium, page, DESKTOP)
    for row in chromium.find_elements(By.CSS_SELECTOR, ".matrices"):
        boxes = [box.rect for box in row.find_elements(By.CSS_SELECTOR, ":scope > .scroll")]
        assert len(boxes) == 3
        assert len({box["y"] for box in boxes}) == 1
        assert len({box["x"] for box in boxes}) == 3


def test_everything_is_readable_without_javascript(chromium: Chrome, page: Path) -> None:
    """No control stands there that would do nothing, and no table is missing."""
    browser.open_page(chromium, page, DESKTOP, script=False)
    assert chromium.find_elements(By.CSS_SELECTOR, "button, input") == []
    assert len(read_ranking(chromium)) == 4
    browser.open_page(chromium, page, DESKTOP)
    assert chromium.find_elements(By.CSS_SELECTOR, "button, input")
