"""Reads the source tree as a graph of imports, and says what is wrong with it."""

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

PACKAGES = ("stages", "secondlook")
# Rooms refuse, record or name, and change no output: no stage runs again for them.
NO_DEPS = {"config", "tracking", "commands"}
# Which rooms a room imports, besides itself; a dotted name is a single file.
MAY_IMPORT: dict[str, set[str]] = {"config": set(), "artifacts": {"config"}}
MAY_IMPORT["data"] = MAY_IMPORT["evaluation"] = {"artifacts", "config"}
MAY_IMPORT["verdicts"] = {"evaluation", "artifacts", "config"}
MAY_IMPORT["training"] = {"data", "evaluation.metrics", "artifacts", "config"}
MAY_IMPORT["report"] = {"verdicts", *MAY_IMPORT["verdicts"]}
MAY_IMPORT["serving"] = {"report", "training", "data", *MAY_IMPORT["report"]}
MAY_IMPORT["tracking"] = MAY_IMPORT["serving"]
MAY_IMPORT["reproduction"] = {"tracking", "serving", *MAY_IMPORT["serving"]}
MAY_IMPORT["retraining"] = MAY_IMPORT["reproduction"]
MAY_IMPORT["sweeps"] = {"training", "evaluation", "artifacts", "config"}
MAY_IMPORT["scheduling"] = {"tracking", "training", "artifacts", "config"}
MAY_IMPORT["stages"] = MAY_IMPORT["reproduction"]
MAY_IMPORT["commands"] = {
    "stages",
    "reproduction",
    "retraining",
    "scheduling",
    "sweeps",
    *MAY_IMPORT["stages"],
}
DOOR = Path("stages/__main__.py")  # is one line into the command line
LEARNING_STAGES = ("stages/train", "stages/trial")
# Who may import what takes long to import or should stay in one place.
HOMES = {
    "mlflow": {"secondlook/tracking"},
    "matplotlib": {"secondlook/report/figures"},
    "tensorflow": {"secondlook/training", "secondlook/serving/export_format"},
    "keras": {"secondlook/training", "secondlook/serving/export_format", *LEARNING_STAGES},
    "optuna": {"secondlook/sweeps/search"},
    "dvc": {"secondlook/reproduction", "secondlook/scheduling/cluster"},
    "ray": {"secondlook/scheduling/ray_engine", "secondlook/scheduling/ray_connection"},
}


def list_sources(root: Path) -> list[Path]:
    """Return every Python file of both packages, relative to the root."""
    found = (path for package in PACKAGES for path in (root / package).rglob("*.py"))
    return sorted(path.relative_to(root) for path in found)


def list_imports(file: Path, *, for_types: bool = True) -> Iterator[str]:
    """Yield the dotted names a file imports, inside functions too.

    `for_types` includes those that only a type checker reads.
    """
    tree = ast.parse(file.read_text(encoding="utf-8"))
    hidden = set() if for_types else {id(node) for node in _is_type_checking(tree)}
    for node in ast.walk(tree):
        if id(node) in hidden:
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _is_type_checking(tree: ast.Module) -> Iterator[ast.AST]:
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            yield from ast.walk(node)


def find_imported_files(root: Path, file: Path, *, for_types: bool = True) -> set[Path]:
    """Return the files of both packages that a file imports, relative to the root."""
    names = {name.replace(".", "/") for name in list_imports(root / file, for_types=for_types)}
    modules = {Path(f"{name}.py") for name in names} | {Path(name, "__init__.py") for name in names}
    return {module for module in modules if (root / module).is_file() and _says_more(root / module)}


def _says_more(file: Path) -> bool:
    """Tell code from an __init__.py that only says what its folder is for."""
    return file.name != "__init__.py" or len(ast.parse(file.read_text(encoding="utf-8")).body) > 1


def get_room(file: Path) -> str:
    """Return the room a file stands in; all of stages/ is one."""
    return file.parts[0] if file.parts[0] == "stages" else file.parts[1]


def find_wrong_directions(root: Path) -> list[str]:
    """Return the imports that the table does not allow."""
    return [
        f"{file} imports {target}"
        for file in list_sources(root)
        if file != DOOR
        for target in sorted(find_imported_files(root, file))
        if not _is_allowed(file, target)
    ]


def _is_allowed(file: Path, target: Path) -> bool:
    here, there = get_room(file), get_room(target)
    dotted = ".".join(target.with_suffix("").parts[1:])
    same = here == there and here != "stages"  # a stage does not know another
    return same or bool({there, dotted} & MAY_IMPORT[here])


def find_strayed_libraries(root: Path) -> list[str]:
    """Return the imports of a library outside of its home."""
    return [
        f"{file} imports {library}"
        for file in list_sources(root)
        for library in sorted(
            {name.split(".")[0] for name in list_imports(root / file)} & set(HOMES)
        )
        if not any(_inside(file, home) for home in HOMES[library])
    ]


def _inside(file: Path, home: str) -> bool:
    return file.with_suffix("").as_posix() == home or file.as_posix().startswith(f"{home}/")


def find_reached_files(root: Path, file: Path) -> set[Path]:
    """Return the files of both packages that a file needs to do its work, itself included."""
    found, waiting = set(), [file]
    while waiting:
        current = waiting.pop()
        if current not in found:
            found.add(current)
            waiting += find_imported_files(root, current, for_types=False)
    return found


def load_stages(root: Path) -> dict[str, Any]:
    """Return the stages of the pipeline, and that of the trials beside it, by their names."""
    files = [root / "dvc.yaml", root / "data" / "sweep" / "dvc.yaml"]
    found = [yaml.safe_load(file.read_text(encoding="utf-8"))["stages"] for file in files]
    return {name: entry for stages in found for name, entry in stages.items()}


def find_wrong_deps(root: Path) -> list[str]:
    """Return the folders of code that a stage needs and dvc.yaml lacks, or the reverse.

    A dep that is a file of the library stands for that file alone.
    """
    complaints = []
    for name, entry in load_stages(root).items():
        stage = entry.get("do", entry)
        if stage.get("always_changed"):
            continue
        listed = {dep for dep in stage["deps"] if dep.split("/")[0] in PACKAGES}
        files = {file.as_posix() for file in find_reached_files(root, Path(f"stages/{name}.py"))}
        needed = {_find_dep(file, listed) for file in files if get_room(Path(file)) not in NO_DEPS}
        complaints += [f"{name}: {dep} is missing" for dep in sorted(needed - listed)]
        complaints += [f"{name}: {dep} is not needed" for dep in sorted(listed - needed)]
    return complaints


def _find_dep(file: str, listed: set[str]) -> str:
    """Return what stands for a file among deps: itself, or its room."""
    own = file in listed or file.startswith("stages/")
    return file if own else "/".join(Path(file).parts[:2])
