"""The package as it is built: every module and template is in it, and works away from here."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.project import ROOT, make_fresh_python

pytestmark = pytest.mark.slow

IMPORT_ALL = """
import importlib, pkgutil, sys
import secondlook, stages
for package in (secondlook, stages):
    for module in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
        if not module.name.endswith(".__main__"):
            found = importlib.import_module(module.name)
            assert found.__file__.startswith(sys.prefix), found.__file__
            print(module.name)
from secondlook.report.render import TEMPLATES
print(*(path.name for path in TEMPLATES.iterdir()))
"""

RENDER = """
from secondlook.report import render
from secondlook.report.theme import build_css_colors
empty = {"facts": {"name": "a & b"}, "network": "n", "lines": [], "cards": [], "left_out": 0}
print(render.render_page("predict.html.j2", empty | build_css_colors()))
from jinja2 import Environment, FileSystemLoader
found = Environment(loader=FileSystemLoader(render.TEMPLATES), autoescape=True)
print(len([found.get_template(name) for name in found.list_templates()]), "compiled")
"""


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the Python of a fresh environment that holds the built wheel.

    Libraries are those of the tests' environment, but not its link to this checkout.
    """
    folder = tmp_path_factory.mktemp("package")
    for name in ("stages", "secondlook"):
        shutil.copytree(ROOT / name, folder / "source" / name)
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, folder / "source")
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    offline = ["--no-deps", "--no-index"]
    built: list[str | Path] = [
        "wheel",
        *offline,
        "--no-build-isolation",
        "--wheel-dir",
        folder,
        folder / "source",
    ]
    subprocess.run([*pip, *built], check=True)
    (wheel,) = folder.glob("*.whl")
    fresh = make_fresh_python(folder / "fresh")
    subprocess.run([*pip, "--python", fresh, "install", *offline, wheel], check=True)
    return fresh


def run_elsewhere(python: Path, *arguments: str) -> str:
    """Run Python in a folder that is no project, without this checkout on its path."""
    return subprocess.run(
        [python, *arguments],
        cwd=python.parents[2],
        env={"PATH": "/usr/bin:/bin", "TF_CPP_MIN_LOG_LEVEL": "3"},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    ).stdout


def test_every_module_and_template_is_in_the_wheel(python: Path) -> None:
    """Each file of the library can be imported from the wheel, and finds its templates there."""
    printed = set(run_elsewhere(python, "-c", IMPORT_ALL).split())
    files = [path for name in ("stages", "secondlook") for path in (ROOT / name).rglob("*.py")]
    modules = {".".join(path.relative_to(ROOT).with_suffix("").parts) for path in files}
    wanted = {name.removesuffix(".__init__") for name in modules if not name.endswith("__main__")}
    templates = {path.name for path in (ROOT / "secondlook/report/templates").iterdir()}
    assert wanted - {"stages", "secondlook"} <= printed
    assert templates <= printed


def test_a_page_is_rendered_from_the_wheel(python: Path) -> None:
    """Every template compiles, with what it includes; a page comes of those in the wheel."""
    told = run_elsewhere(python, "-c", RENDER)
    templates = list((ROOT / "secondlook/report/templates").iterdir())
    assert "<title>Second Look: a &amp; b" in told
    assert told.endswith(f"{len(templates)} compiled\n")


def test_the_command_line_of_the_wheel_starts(python: Path) -> None:
    """The door answers outside of any checkout, as a module and as the script that is installed."""
    assert "predict" in run_elsewhere(python, "-m", "stages", "--help")
    script = python.with_name("secondlook")
    assert script.read_text().startswith(f"#!{python}\n")
    assert run_elsewhere(script, "--help") == run_elsewhere(python, "-m", "stages", "--help")
