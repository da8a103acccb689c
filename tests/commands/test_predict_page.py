"""The page of `predict`, in a real browser."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from selenium.webdriver import Chrome
from selenium.webdriver.common.by import By

from tests.support import browser
from tests.support.datasets import encode_image
from tests.support.project import run_predict

PHONE, DESKTOP = 390, 1200


@pytest.fixture(scope="module")
def page(finished_project: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the page about a picture in colour, one with transparency, and a broken one."""
    folder = tmp_path_factory.mktemp("pictures")
    noise = np.random.default_rng(0).integers(0, 256, (300, 200, 4), np.uint8)
    (folder / "a & <b>.png").write_bytes(encode_image(Image.fromarray(noise[..., :3])))
    (folder / "clear.png").write_bytes(encode_image(Image.fromarray(noise)))
    (folder / "deep.png").write_bytes(
        encode_image(Image.fromarray(noise[..., 0].astype("u2") * 257))
    )
    (folder / "zero.png").write_bytes(b"")
    done = run_predict(finished_project, str(folder), "--report", str(folder / "page.html"))
    assert done.returncode == 1, done.stderr
    return folder / "page.html"


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [PHONE, DESKTOP])
def test_the_page_can_be_read_by_all(chromium: Chrome, page: Path, width: int, scheme: str) -> None:
    """It needs no network, complains of nothing, fits, and axe finds nothing serious."""
    browser.open_page(chromium, page, width, scheme)
    assert browser.read_console(chromium) == []
    assert browser.list_requests(chromium) == [page.as_uri()]
    assert browser.find_accessibility_violations(chromium) == []
    wide = chromium.execute_script("return document.documentElement.scrollWidth")
    assert wide <= width


def test_each_picture_is_beside_what_the_network_sees(chromium: Chrome, page: Path) -> None:
    """A picture is shown as given, as seen and as weighed; a broken one is told of."""
    browser.open_page(chromium, page, DESKTOP)
    titles = [title.text for title in chromium.find_elements(By.CSS_SELECTOR, "section h2")]
    assert [title.rpartition("/")[2] for title in titles] == [
        *("a & <b>.png", "clear.png", "deep.png", "zero.png")
    ]
    sections = chromium.find_elements(By.TAG_NAME, "section")
    shown = [len(section.find_elements(By.TAG_NAME, "img")) for section in sections]
    assert shown == [3, 3, 3, 0]
    assert "as given, 200 x 300" in sections[0].text
    assert "what the network sees, 12 x 12" in sections[0].text
    assert "Not answered: empty file." in sections[3].text
