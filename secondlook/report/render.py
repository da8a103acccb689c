"""A page: a template of templates/ filled with its context; a figure as an element of it.

matplotlib's SVG is made fit to stand in a page: small, unique ids, colours of the page.
"""

import re
from collections.abc import Mapping
from html import escape
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from secondlook.artifacts.files import write_atomically
from secondlook.config.errors import StorageError
from secondlook.report.theme import list_css_variables

TEMPLATES = Path(__file__).parent / "templates"


def render_page(template: str, shown: Mapping[str, object]) -> str:
    """Return an HTML file that needs no other, with everything that comes from data escaped.

    `template` is a file of templates/; a name that it uses and `shown` lacks is an error.
    """
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(template).render(shown)


def check_page_path(path: Path) -> None:
    """Raise StorageError unless a page can be written there, before any work is done for it."""
    if path.is_dir():
        raise StorageError(f"{path}: is a folder; name a file in it, as page.html")
    if not path.parent.is_dir():
        raise StorageError(f"{path.parent}: no such folder; make it, or name another")


def save_page(text: str, path: Path) -> None:
    """Write a page, whole or not at all; StorageError where the system refuses.

    A name that is not UTF-8 has question marks there.
    """
    content = text.encode(errors="replace")
    try:
        if path.exists() and not path.is_file():  # a pipe, /dev/stdout: it stays what it is
            path.write_bytes(content)
        else:
            write_atomically(path, [content])
    except OSError as error:
        raise StorageError(f"{path}: {error.strerror}; name another file") from error


SVG_HEAD = re.compile(r"^.*?<svg[^>]*?(viewBox=\"[^\"]*\")[^>]*>", re.DOTALL)
SVG_METADATA = re.compile(r"\s*<metadata>.*?</metadata>", re.DOTALL)
SVG_COLOR = re.compile(r"\b(fill|stroke): (#[0-9a-f]{6})\b")
LONG_FRACTION = re.compile(r"(\d\.\d\d)\d+")
SVG_PATH = re.compile(r" d=\"[^\"]*\"")
SVG_ID = re.compile(r"( id=\"|url\(#|xlink:href=\"#)")
RUN_ID = re.compile(r" id=\"run-([A-Za-z0-9_-]+)\"")


def inline_svg(text: str, name: str, title: str) -> str:
    """Return matplotlib's SVG document as an element to put into a page.

    `name` is unique in the page and prefixes every id; `title` is the text alternative. A group
    with the id run-<name> becomes data-run="<name>", since a run is drawn in many figures;
    colours of the palette become CSS variables.
    """
    text = SVG_METADATA.sub("", text)
    text = SVG_PATH.sub(lambda path: LONG_FRACTION.sub(r"\1", path[0]), text)
    text = RUN_ID.sub(r' data-run="\1"', text)
    text = SVG_ID.sub(rf"\1{name}-", text)
    text = SVG_COLOR.sub(_replace_color, text)
    label = f'role="img" aria-label="{escape(title)}"'
    return SVG_HEAD.sub(lambda head: f'<svg id="{name}" {head[1]} {label}>', text, count=1).strip()


def _replace_color(match: re.Match[str]) -> str:
    named = {light: name for name, (light, _) in list_css_variables().items()}
    kind, color = match.groups()
    return f"{kind}: var({named[color]})" if color in named else match[0]
