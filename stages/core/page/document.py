"""A page: a template of stages/ filled with what it shows."""

from collections.abc import Mapping
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from stages.core.errors import StorageError

TEMPLATES = Path(__file__).parents[2]


def document(template: str, shown: Mapping[str, object]) -> str:
    """Return an HTML file that needs no other, with everything that comes from data escaped.

    `template` is a path below stages/; a name that it uses and `shown` lacks is an error.
    """
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(template).render(shown)


def check(path: Path) -> None:
    """Raise StorageError unless a page can be written there, before any work is done for it."""
    if path.is_dir():
        raise StorageError(f"{path}: is a folder; name a file in it, as page.html")
    if not path.parent.is_dir():
        raise StorageError(f"{path.parent}: no such folder; make it, or name another")


def save(text: str, path: Path) -> None:
    """Write a page, whole or not at all; StorageError where the system refuses."""
    partial = path.with_name(f"{path.name}.partial")
    try:
        partial.write_text(text, encoding="utf-8")
        partial.replace(path)
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise StorageError(f"{path}: {error.strerror}; name another file") from error
