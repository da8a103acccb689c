"""A headless Chromium that opens the report, and what it complains about."""

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path
from typing import Any

from selenium.webdriver import Chrome, ChromeOptions
from selenium.webdriver.chrome.service import Service

FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
WINDOW_HEIGHT = 900  # pixels of the window; the width is each test's matter


def is_installed() -> bool:
    """Say whether this system has Chromium and the driver that steers it."""
    return bool(shutil.which("chromium") and shutil.which("chromedriver"))


@contextmanager
def run_chromium(profile: Path) -> Iterator[Chrome]:
    """Start Chromium with an empty profile folder; it is closed at the end."""
    options = ChromeOptions()
    options.binary_location = str(shutil.which("chromium"))
    for flag in (*FLAGS, f"--user-data-dir={profile}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = Chrome(options, Service(str(shutil.which("chromedriver"))))
    try:
        yield driver
    finally:
        driver.quit()


def open_page(
    driver: Chrome, page: Path, width: int, scheme: str = "light", *, script: bool = True
) -> None:
    """Open a page in a window so many pixels wide, light or dark, with or without JavaScript."""
    size = {"width": width, "height": WINDOW_HEIGHT, "deviceScaleFactor": 1, "mobile": width < 600}
    features = [{"name": "prefers-color-scheme", "value": scheme}]
    for log in ("browser", "performance"):
        driver.get_log(log)  # type: ignore[no-untyped-call] # what earlier pages left there
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
    driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": not script})
    driver.get(page.as_uri())


def read_console(driver: Chrome) -> list[str]:
    """Return what the page wrote to the console."""
    return [str(entry["message"]) for entry in driver.get_log("browser")]  # type: ignore[no-untyped-call]


def list_requests(driver: Chrome) -> list[str]:
    """Return the addresses that the page asked for, its own first; data: is no request.

    chrome: is the browser's own first page, which may still be loading.
    """
    entries = driver.get_log("performance")  # type: ignore[no-untyped-call]
    messages = [json.loads(entry["message"])["message"] for entry in entries]
    asked = [m["params"] for m in messages if m["method"] == "Network.requestWillBeSent"]
    addresses = [str(params["request"]["url"]) for params in asked]
    return [address for address in addresses if not address.startswith(("data:", "chrome:"))]


def find_accessibility_violations(driver: Chrome) -> list[str]:
    """Return the serious and critical violations of accessibility that axe-core finds."""
    driver.execute_script((files("axe_core_python") / "axe.min.js").read_text(encoding="utf-8"))
    report: dict[str, Any] = driver.execute_async_script("axe.run().then(arguments[0])")
    return [
        f"{rule['id']}: {node['html'][:200]}: {node['failureSummary']}"
        for rule in report["violations"]
        for node in rule["nodes"]
        if node["impact"] in ("serious", "critical")
    ]
