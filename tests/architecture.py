"""Reads the source tree as a graph of imports, and says what is wrong with it."""

import ast
from collections.abc import Iterator
from pathlib import Path

import yaml

# These can refuse or record, but never change an output: no stage needs to run again for them.
NEVER_CHANGE_OUTPUTS = {
    *("params", "policy", "consistency", "validation", "errors", "environment", "tracking"),
}
DOORS = {Path("stages/__main__.py"), Path("stages/doors.py")}  # they call stages and commands
# Who may import what takes long to import or should stay in one place.
HOMES = {
    "mlflow": {"stages/core/tracking"},
    "matplotlib": {"stages/core/page/figures"},
    "tensorflow": {
        *("stages/core/dataset", "stages/core/model", "stages/train"),
        "stages/core/engine",  # starts it quietly
        "stages/core/environment",  # which GPUs there are, once it is loaded
    },
    "dvc": {"stages/core/reproducing"},
    "keras": {
        *("stages/core/dataset", "stages/core/model", "stages/train"),
        "stages/core/epochs",  # the type alone
        "stages/core/training",  # its callbacks
        "stages/core/inside/layers",  # the outputs of every layer
    },
}


def sources(root: Path) -> list[Path]:
    """Return every Python file of the package, relative to the root."""
    return sorted(path.relative_to(root) for path in (root / "stages").rglob("*.py"))


def imports(file: Path, *, for_types: bool = True) -> Iterator[str]:
    """Yield the dotted names a file imports, inside functions too.

    `for_types` includes those that only a type checker reads.
    """
    tree = ast.parse(file.read_text(encoding="utf-8"))
    hidden = set() if for_types else {id(node) for node in _type_checking(tree)}
    for node in ast.walk(tree):
        if id(node) in hidden:
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _type_checking(tree: ast.Module) -> Iterator[ast.AST]:
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            yield from ast.walk(node)


def imported_files(root: Path, file: Path, *, for_types: bool = True) -> set[Path]:
    """Return the files of the package that a file imports, relative to the root."""
    names = {name.replace(".", "/") for name in imports(root / file, for_types=for_types)}
    modules = {Path(f"{name}.py") for name in names} | {Path(name, "__init__.py") for name in names}
    return {module for module in modules if (root / module).is_file() and _says_more(root / module)}


def _says_more(file: Path) -> bool:
    """Tell code from an __init__.py that only says what its folder is for."""
    return file.name != "__init__.py" or len(ast.parse(file.read_text(encoding="utf-8")).body) > 1


def wrong_directions(root: Path) -> list[str]:
    """Return the imports that do not go __main__ -> stage or command -> core."""
    return [
        f"{file} imports {target}"
        for file in sources(root)
        if file not in DOORS
        for target in sorted(imported_files(root, file))
        if Path("stages/core") not in target.parents
    ]


def strayed_libraries(root: Path) -> list[str]:
    """Return the imports of a library outside of its home."""
    return [
        f"{file} imports {library}"
        for file in sources(root)
        for library in sorted({name.split(".")[0] for name in imports(root / file)} & set(HOMES))
        if not any(_inside(file, home) for home in HOMES[library])
    ]


def _inside(file: Path, home: str) -> bool:
    return file.with_suffix("").as_posix() == home or file.as_posix().startswith(f"{home}/")


def reached(root: Path, file: Path) -> set[Path]:
    """Return the files of the package that a file needs to do its work, itself included."""
    found, waiting = set(), [file]
    while waiting:
        current = waiting.pop()
        if current not in found:
            found.add(current)
            waiting += imported_files(root, current, for_types=False)
    return found


def wrong_deps(root: Path) -> list[str]:
    """Return the code files that a stage needs and dvc.yaml lacks, or the reverse."""
    pipeline = yaml.safe_load((root / "dvc.yaml").read_text(encoding="utf-8"))["stages"]
    complaints = []
    for name, entry in pipeline.items():
        stage = entry.get("do", entry)
        if stage.get("always_changed"):
            continue
        listed = {Path(dep) for dep in stage["deps"] if dep.endswith(".py")}
        needed = {f for f in reached(root, Path(f"stages/{name}.py")) if _changes_outputs(f)}
        complaints += [f"{name}: {file} is missing" for file in sorted(needed - listed)]
        complaints += [f"{name}: {file} is not needed" for file in sorted(listed - needed)]
    return complaints


def _changes_outputs(file: Path) -> bool:
    return not NEVER_CHANGE_OUTPUTS & set(file.with_suffix("").parts)
