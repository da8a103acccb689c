"""A page: a template of stages/ filled with what it shows."""

from collections.abc import Mapping
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

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
