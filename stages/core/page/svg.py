"""matplotlib's SVG made fit to stand in a page: small, unique ids, colours of the page."""

import re
from html import escape

from stages.core.page.palette import variables

HEAD = re.compile(r"^.*?<svg[^>]*?(viewBox=\"[^\"]*\")[^>]*>", re.DOTALL)
METADATA = re.compile(r"\s*<metadata>.*?</metadata>", re.DOTALL)
COLOR = re.compile(r"\b(fill|stroke): (#[0-9a-f]{6})\b")
LONG = re.compile(r"(\d\.\d\d)\d+")
PATH = re.compile(r" d=\"[^\"]*\"")
ID = re.compile(r"( id=\"|url\(#|xlink:href=\"#)")
RUN = re.compile(r" id=\"run-([A-Za-z0-9_-]+)\"")


def inline(text: str, name: str, title: str) -> str:
    """Return matplotlib's SVG document as an element to put into a page.

    `name` is unique in the page and prefixes every id; `title` is the text alternative. A group
    with the id run-<name> becomes data-run="<name>", since a run is drawn in many figures;
    colours of the palette become CSS variables.
    """
    text = METADATA.sub("", text)
    text = PATH.sub(lambda path: LONG.sub(r"\1", path[0]), text)
    text = RUN.sub(r' data-run="\1"', text)
    text = ID.sub(rf"\1{name}-", text)
    text = COLOR.sub(_variable, text)
    label = f'role="img" aria-label="{escape(title)}"'
    return HEAD.sub(lambda head: f'<svg id="{name}" {head[1]} {label}>', text, count=1).strip()


def _variable(match: re.Match[str]) -> str:
    named = {light: name for name, (light, _) in variables().items()}
    kind, color = match.groups()
    return f"{kind}: var({named[color]})" if color in named else match[0]
