"""README.md and docs/ tell the truth: commands, keys, rooms, links and files are the project's."""

import re
from functools import reduce
from pathlib import Path
from typing import Any

import pytest
import yaml

from secondlook.verdicts.verdicts import RULES
from tests.support.architecture import MAY_IMPORT, list_sources

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted(ROOT.glob("docs/*.md"))]
ROOMS = sorted(path.parent.name for path in ROOT.glob("secondlook/*/__init__.py"))
TOP_FOLDERS = "secondlook|stages|tests|docs|deploy|benchmarks"
MAX_LINES = 200


def read_page(page: str) -> str:
    """Return a page with underscores as Markdown shows them."""
    return (ROOT / page).read_text(encoding="utf-8").replace(r"\_", "_")


def find_in_pages(pattern: str) -> list[tuple[str, ...]]:
    """Return what a pattern's groups find in each page, with the page before them."""
    names = [page.relative_to(ROOT).as_posix() for page in PAGES]
    found = {(n, *m.groups()) for n in names for m in re.finditer(pattern, read_page(n))}
    return sorted(found)


def list_anchors(page: Path) -> set[str]:
    """Return what a link to a heading of a page may say, as GitHub makes it."""
    titles = re.findall(r"(?m)^#+ (.+)$", page.read_text(encoding="utf-8"))
    return {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}


def test_the_readme_is_read_in_minutes() -> None:
    """It has at most 200 lines; whatever is longer stands in docs/."""
    assert len(README.splitlines()) <= MAX_LINES


@pytest.mark.parametrize("room", ROOMS)
def test_every_room_has_a_line(room: str) -> None:
    """A newcomer finds each room of the library in the README, with what it is for."""
    assert re.search(rf"(?m)^\s*`?{room}/`?\s+\S", README)


@pytest.mark.parametrize("file", sorted(ROOT.glob("secondlook/*/*.py")), ids=lambda path: path.stem)
def test_every_file_is_listed_by_its_room(file: Path) -> None:
    """The docstring of a room lists its files in the order to read them."""
    listed = (file.parent / "__init__.py").read_text(encoding="utf-8")
    assert file.stem == "__init__" or re.search(rf"\b{file.stem}\.py\b", listed) or "NAME" in listed


@pytest.mark.parametrize(("page", "command"), find_in_pages(r"(?:`|    )make (\w[\w-]*)"))
def test_every_make_command_exists(page: str, command: str) -> None:
    """What a page tells to make, the Makefile makes."""
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert re.search(rf"(?m)^{command}:", makefile), page


@pytest.mark.parametrize(
    ("page", "command"), find_in_pages(r"(?m)(?:`|^    )(?:secondlook|python -m stages) ([a-z]+)")
)
def test_every_command_exists(page: str, command: str) -> None:
    """What a page tells to call is a stage, or a command with a file of its own."""
    files = (ROOT / "stages" / f"{command}.py", ROOT / "secondlook/commands" / f"{command}.py")
    assert any(file.is_file() for file in files), page


@pytest.mark.parametrize(
    "command",
    sorted(
        p.stem
        for p in ROOT.glob("secondlook/commands/*.py")
        if p.stem not in {"__init__", "cli", "command_group"}
    ),
)
def test_every_command_is_told_of(command: str) -> None:
    """A reader of the README learns of each command."""
    assert re.search(rf"(?m)^    secondlook {command}\b", README)


SECTIONS = "data|split|preprocess|train|evaluate|compare|report|track|retrain"


@pytest.mark.parametrize(
    ("page", "key"), find_in_pages(rf"`((?:{SECTIONS})\.[a-z_.]+)`(?! \w+ of params)")
)
def test_every_key_exists(page: str, key: str) -> None:
    """What a page tells to set is a key of params.yaml."""
    params = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))

    def find(section: Any, name: str) -> Any:  # noqa: ANN401 - YAML has no types
        assert name in section, page
        return section[name]

    reduce(find, key.split("."), params)


@pytest.mark.parametrize(("page", "target"), find_in_pages(r"\]\(([^)]+)\)"))
def test_every_link_leads_somewhere(page: str, target: str) -> None:
    """A picture, page or heading that a page links to is in the repository."""
    if target.startswith("https://"):
        return
    name, _, anchor = target.partition("#")
    found = (ROOT / page).parent / name if name else ROOT / page
    assert found.exists()
    assert not anchor or anchor in list_anchors(found)


@pytest.mark.parametrize(
    ("page", "file"),
    [
        (page, file)
        for page, file in find_in_pages(rf"(?<![\w/<.-])((?:{TOP_FOLDERS})/[\w/.-]*[\w/])")
        if "audit" not in file and page != "CHANGELOG.md"
    ],
)
def test_every_file_named_exists(page: str, file: str) -> None:
    """A file or folder of the project that a page names is there; `audit` is a page's example."""
    assert (ROOT / file).exists(), page


@pytest.mark.parametrize(
    ("page", "name", "file"),
    find_in_pages(r"`(\w+)[\w.]*`\s+(?:of|in)\s+((?:secondlook|stages)/[\w/]+\.py)"),
)
def test_every_name_of_a_file_is_in_it(page: str, name: str, file: str) -> None:
    """A function, class or constant that a page looks for in a file stands there."""
    assert re.search(rf"\b{name}\b", (ROOT / file).read_text(encoding="utf-8")), page


def test_every_page_is_reached() -> None:
    """From the README a reader finds every page of docs/, directly or by another page."""
    linked = {Path(target.partition("#")[0]).name for _, target in find_in_pages(r"\]\(([^)]+)\)")}
    assert {page.name for page in ROOT.glob("docs/*")} <= linked


@pytest.mark.parametrize("rule", [rule.__name__.removeprefix("judge_") for rule in RULES])
def test_every_verdict_is_explained(rule: str) -> None:
    """docs/methods.md says when each rule speaks, and how much it weighs at most."""
    sources = "".join(
        path.read_text(encoding="utf-8") for path in ROOT.glob("secondlook/verdicts/*.py")
    )
    weights = re.findall(rf'(?s)rule="{rule}".*?weight=([\d.]+)', sources)
    [told] = re.findall(rf"(?m)^\| `{rule}` \| .+ \| ([\d.]+) \|$", read_page("docs/methods.md"))
    assert float(told) == max(map(float, weights))


def test_the_rooms_are_told_as_they_are_enforced() -> None:
    """docs/architecture.md has a row for each room of the table of imports."""
    rows = re.findall(r"(?m)^\| `(\w+)` \| .+ \| .+ \|$", read_page("docs/architecture.md"))
    assert sorted(rows) == ROOMS
    assert {*rows, "stages"} == set(MAY_IMPORT)


@pytest.mark.parametrize("source", list_sources(ROOT), ids=str)
def test_every_file_named_in_the_code_exists(source: Path) -> None:
    """A docstring or comment that leads to another file names it as it is called today."""
    known = {path.name for folder in TOP_FOLDERS.split("|") for path in (ROOT / folder).rglob("*")}
    text = (ROOT / source).read_text(encoding="utf-8")
    named = {name.rpartition("/")[2] for name in re.findall(r"[\w/.]*\w\.(?:py|j2|md)\b", text)}
    assert named <= known
