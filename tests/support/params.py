"""params.yaml with a line of its own, as a user writes it, and what is said of that."""

import re
from pathlib import Path

import pytest

from secondlook.config.errors import ParamsError
from secondlook.config.params import Params, load_params


def load_edited_params(key: str, line: str) -> Params:
    """Return params.yaml, in the current folder, with the line of a key of a section replaced."""
    path, (section, name) = Path("params.yaml"), key.split(".")
    above, below = path.read_text(encoding="utf-8").split(f"\n{section}:", 1)
    below, found = re.subn(rf"(?m)^  {name}:.*$", f"  {line}", below, count=1)
    assert found
    path.write_text(f"{above}\n{section}:{below}", encoding="utf-8")
    return load_params()


def read_refusal(key: str, line: str) -> str:
    """Return the line that tells why params.yaml, so changed, is refused."""
    with pytest.raises(ParamsError) as caught:
        load_edited_params(key, line)
    assert "\n" not in str(caught.value)
    return str(caught.value)
