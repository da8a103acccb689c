"""The package as it is built: every module and template is in it, and works away from here."""

import shutil
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import pytest

from tests.support.project import ROOT

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


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the Python of a fresh environment that holds the built wheel.

    Libraries are those of the tests' environment, but not its link to this checkout: that one is
    followed from a .pth file, which counts in the environment's own folder alone.
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
    venv.create(folder / "fresh", symlinks=True)
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    packages = folder / "fresh" / "lib" / version / "site-packages"
    subprocess.run([*pip, "install", *offline, "--target", packages, wheel], check=True)
    (packages / "libraries.pth").write_text(f"{sysconfig.get_path('purelib')}\n")
    return folder / "fresh" / "bin" / "python"


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


def test_the_command_line_of_the_wheel_starts(python: Path) -> None:
    """The door answers outside of any checkout."""
    assert "predict" in run_elsewhere(python, "-m", "stages", "--help")
