"""The page as a reader of its HTML sees it."""

from html.parser import HTMLParser
from pathlib import Path
from typing import Any

from stages import compare, report
from stages.core.params import load
from tests.conftest import entered
from tests.report_builder import build


class Page(HTMLParser):
    """The tags of report.html with their attributes, and its text."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.folder = folder
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.text = (folder / "report.html").read_text(encoding="utf-8")
        self.feed(self.text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Keep a tag."""
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        """Keep a piece of text."""
        self.words.append(data.strip())

    def all(self, tag: str) -> list[dict[str, str | None]]:
        """Return the attributes of every such tag."""
        return [attributes for name, attributes in self.tags if name == tag]


def reported(folder: Path, **invented: Any) -> Page:  # noqa: ANN401 - whatever `build` takes
    """Make a folder a project, invent its runs and return their page."""
    with entered(folder):
        build(**invented)
        compare.run(load())
        report.run(load())
    return Page(folder / "data" / "report")


def eights(folder: Path) -> Page:
    """Return the page of two runs that ask whether it is an eight."""
    return reported(folder, skills={"unweighted": 1.0, "weighted": 3.0})
