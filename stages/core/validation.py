"""Strict sections of params.yaml, and what is wrong with one, in a single line."""

from collections.abc import Iterable
from difflib import get_close_matches
from pathlib import Path
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ConfigDict, ValidationError

from stages.core.errors import ParamsError

FILE = Path("params.yaml")


class Section(BaseModel):
    """A part of params.yaml; every key is required and no other is known."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


S = TypeVar("S", bound=Section)


def validated(kind: type[S], value: object, prefix: tuple[str, ...] = ()) -> S:
    """Return `value` as a section; `prefix` is where in params.yaml it stands.

    Raises ParamsError with one line: file, key, what was found, what was expected, what to do.
    """
    try:
        return kind.model_validate(value)
    except ValidationError as error:
        # An unknown key is told before the missing one that it was probably meant to be.
        first = min(error.errors(), key=lambda e: e["type"] != "extra_forbidden")
        where = tuple(str(part) for part in first["loc"] if part != "[key]")
        place = f"{FILE}: {'.'.join((*prefix, *where)) or 'the file'}"
        raise ParamsError(f"{place}: {_told(kind, where, dict(first))}") from None


def one_of(names: Iterable[str]) -> str:
    """Return the names as a sentence lists them: a, b or c."""
    *most, last = list(names)
    return f"{', '.join(most)} or {last}" if most else last


def _told(kind: type[Section], where: tuple[str, ...], error: dict[str, Any]) -> str:
    if error["type"] == "extra_forbidden":
        valid = sorted(_section_at(kind, where[:-1]).model_fields)
        near = get_close_matches(where[-1], valid, n=1)
        return f"unknown key; {f'did you mean {near[0]}?' if near else f'expected {one_of(valid)}'}"
    if error["type"] == "missing":
        return "missing key; add it (the params.yaml that comes with Second Look shows every key)"
    expected = str(error["msg"]).removeprefix("Input should be ").removeprefix("Value error, ")
    return f"found {_shown(error['input'])}; expected {expected}{_hint(where, error)}"


def _hint(where: tuple[str, ...], error: dict[str, Any]) -> str:
    if where and where[0] == "runs":
        if error["type"] == "string_pattern_mismatch":
            return " (a run's name is a folder name: letters, digits, - and _)"
        return " (a run is a mapping of changes to `train`; {} changes nothing)"
    if error["type"] == "string_type":
        return " (put it in quotes)"
    return ""


def _shown(value: object) -> str:
    text = "null" if value is None else repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _section_at(kind: type[Section], where: tuple[str, ...]) -> type[Section]:
    """Follow the keys down to the section that holds the last one."""
    for key in where:
        annotation = kind.model_fields[key].annotation
        inner = [t for t in (annotation, *get_args(annotation)) if _is_section(t)]
        kind = inner[0]
    return kind


def _is_section(kind: object) -> bool:
    return isinstance(kind, type) and issubclass(kind, Section)
