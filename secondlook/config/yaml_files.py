"""YAML as DVC reads and writes it: YAML 1.2, where 1e-05 is a number, 017 is 17 and yes is text."""

from collections.abc import Mapping
from io import StringIO
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.constructor import DuplicateKeyError, SafeConstructor
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import ScalarNode
from ruamel.yaml.representer import SafeRepresenter

from secondlook.config.errors import ParamsError


class _Constructor(SafeConstructor):
    """Says of a key written twice its name alone: its value may be a whole section."""

    def check_mapping_key(
        self,
        node: Any,  # noqa: ANN401 - as the library has it
        key_node: Any,  # noqa: ANN401
        mapping: Any,  # noqa: ANN401
        key: Any,  # noqa: ANN401
        value: Any,  # noqa: ANN401, ARG002
    ) -> bool:
        if key in mapping:
            raise DuplicateKeyError(None, node.start_mark, f"key {key} twice", key_node.start_mark)
        return True


class SpelledNumber(int):
    """A whole number that was not written as numbers are, such as 00014; it is shown as written."""

    text: str

    def __repr__(self) -> str:
        return self.text


class _SpellingConstructor(_Constructor):
    """Keeps how whole numbers were written: as the name of a class, 00014 is another than 14."""

    def construct_yaml_int(self, node: ScalarNode) -> int:
        number: int = super().construct_yaml_int(node)
        if str(number) == node.value:
            return number
        spelled = SpelledNumber(number)
        spelled.text = node.value
        return spelled


_SpellingConstructor.add_constructor(
    "tag:yaml.org,2002:int", _SpellingConstructor.construct_yaml_int
)


def parse_yaml(text: str, *, spelled: bool = False) -> Any:  # noqa: ANN401 - whatever was written
    """Return what a text in YAML 1.2 says; YAMLError or ValueError where it says nothing.

    spelled: whether whole numbers written in another way than usual know how (SpelledNumber).
    """
    yaml = YAML(typ="safe", pure=True)
    yaml.Constructor = _SpellingConstructor if spelled else _Constructor
    return yaml.load(text)


def load_yaml(path: Path, *, spelled: bool = False) -> Any:  # noqa: ANN401 - likewise
    """Return what a YAML file says; ParamsError when it is missing or not YAML."""
    try:
        return parse_yaml(path.read_text(encoding="utf-8"), spelled=spelled)
    except FileNotFoundError:
        raise ParamsError(f"{path}: no such file here; run from the project's folder") from None
    except UnicodeDecodeError as error:
        raise ParamsError(f"{path}: not UTF-8 text ({error.reason}); save it as UTF-8") from None
    except MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 0
        raise ParamsError(
            f"{path}: line {line}: {error.problem}; expected YAML; check indentation and brackets"
        ) from None
    except (YAMLError, ValueError) as error:  # ValueError: a date that no calendar has
        raise ParamsError(f"{path}: not valid YAML: {' '.join(str(error).split())}") from None


class _Representer(SafeRepresenter):
    """Writes what YAML 1.1 and 1.2 read alike: commits of before read 1.1, and run again."""


def _quote_text(representer: SafeRepresenter, text: str) -> ScalarNode:
    return representer.represent_scalar("tag:yaml.org,2002:str", text, style='"')


def _write_float(representer: SafeRepresenter, number: float) -> ScalarNode:
    """YAML 1.1 takes 1e-05 for text, both take 1.0e-05 for a number."""
    node = representer.represent_float(number)
    if "." not in node.value:
        node.value = node.value.replace("e", ".0e")
    return node


_Representer.add_representer(str, _quote_text)
_Representer.add_representer(float, _write_float)


class _PlainRepresenter(SafeRepresenter):
    """Writes as people do: text without quotes where it needs none, and whole what is there twice.

    Aliases would have names of their own; dvc refuses a file in which one is given twice.
    """

    def ignore_aliases(self, data: object) -> bool:  # noqa: ARG002 - as the library calls it
        """Write everything whole."""
        return True


_PlainRepresenter.add_representer(float, _write_float)


def format_yaml(value: Mapping[str, Any], *, plain: bool = False) -> str:
    """Return a mapping as YAML, its keys in their order; `parse_yaml` gives it back.

    plain: as people write it, for YAML 1.2 alone: few quotes, what is inside in one line.
    """
    yaml, text = YAML(typ="safe", pure=True), StringIO()
    yaml.Representer = _PlainRepresenter if plain else _Representer
    yaml.default_flow_style = None if plain else False
    yaml.width = 10_000
    yaml.sort_base_mapping_type_on_output = False  # type: ignore[assignment] # declared as None
    yaml.dump(dict(value), text)
    return text.getvalue()
