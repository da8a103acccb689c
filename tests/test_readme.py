"""The README tells the truth: its tree, its commands and its keys are those of the project."""

import re
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "room", sorted(p.parent.name for p in ROOT.glob("secondlook/*/__init__.py"))
)
def test_every_room_has_a_line(room: str) -> None:
    """A newcomer finds each room of the library in the README, with what it is for."""
    assert re.search(rf"(?m)^\s*`?{room}/`?\s+\S", README)


@pytest.mark.parametrize("file", sorted(ROOT.glob("secondlook/*/*.py")), ids=lambda path: path.stem)
def test_every_file_is_listed_by_its_room(file: Path) -> None:
    """The docstring of a room lists its files in the order to read them."""
    listed = (file.parent / "__init__.py").read_text(encoding="utf-8")
    assert file.stem == "__init__" or re.search(rf"\b{file.stem}\.py\b", listed) or "NAME" in listed


@pytest.mark.parametrize("command", sorted(set(re.findall(r"(?:`|    )make (\w+)", README))))
def test_every_make_command_exists(command: str) -> None:
    """What the README tells to make, the Makefile makes."""
    assert re.search(rf"(?m)^{command}:", (ROOT / "Makefile").read_text(encoding="utf-8"))


@pytest.mark.parametrize("key", sorted(set(re.findall(r"`((?:data|preprocess)\.\w+)`", README))))
def test_every_key_exists(key: str) -> None:
    """What the README tells to set is a key of params.yaml."""
    section, name = key.split(".")
    assert name in yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))[section]


@pytest.mark.parametrize("picture", re.findall(r"!\[[^\]]+\]\(([^)]+)\)", README))
def test_every_picture_exists(picture: str) -> None:
    """A picture that the README shows is in the repository."""
    assert (ROOT / picture).is_file()
