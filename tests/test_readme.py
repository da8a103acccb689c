"""The README tells the truth: its tree, its commands and its keys are those of the project."""

import re
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def tree() -> set[str]:
    """Return the paths of the tree, relative to the root."""
    block = README.split("## The tree")[1].split("```")[1]
    paths, folders = set(), [""]
    for line in block.strip().splitlines():
        depth, name = (len(line) - len(line.lstrip())) // 2, line.split()[0]
        folders[depth + 1 :] = [folders[depth] + name] if name.endswith("/") else []
        paths.add(folders[depth] + name)
    return paths


def test_every_source_file_is_in_the_tree() -> None:
    """Each Python file and template of stages/ has its line; folders speak for __init__.py."""
    files = [path for kind in ("*.py", "*.j2") for path in (ROOT / "stages").rglob(kind)]
    named = {path.relative_to(ROOT).as_posix() for path in files if path.name != "__init__.py"}
    assert named - tree() == set()


def test_every_line_of_the_tree_is_there() -> None:
    """The tree names no file that does not exist; what the pipeline writes comes later."""
    written = {"data/<stage>/", "mlflow.db", "mlruns/"}
    assert [path for path in tree() - written if not (ROOT / path).exists()] == []


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
