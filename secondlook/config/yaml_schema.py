"""What sections of params.yaml are made of, and what is wrong with one, in a single line."""

import json
import unicodedata
from collections.abc import Iterable
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar, get_args, get_origin

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from secondlook.config.errors import ParamsError

PARAMS_FILE = Path("params.yaml")


class ParamsSection(BaseModel):
    """A part of params.yaml; no key is left out but those made optional, no other is known."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


S = TypeVar("S", bound=ParamsSection)
# What pydantic's kinds of error say, in words for people; {names} are in the error's context.
EXPECTATIONS = {
    "model_type": "a mapping of keys to values",
    "dict_type": "a mapping of keys to values",
    "list_type": "a list in [ ]",
    "string_type": "text (put it in quotes)",
    "bool_type": "true or false",
    "int_type": "a whole number",
    "float_type": "a number",
    "finite_number": "a finite number",
    "too_short": "at least {min_length} entry",
    "string_too_short": "some text",
    "string_too_long": "at most {max_length} characters",
    "string_pattern_mismatch": "letters, digits, - and _ alone, no - first, as fit for a folder",
    "literal_error": "{expected}",
    "value_error": "{error}",
    "greater_than": "more than {gt:g}",
    "greater_than_equal": "{ge:g} or more",
    "less_than": "less than {lt:g}",
    "less_than_equal": "{le:g} or less",
}


def validate_section(kind: type[S], value: object, prefix: tuple[str, ...] = ()) -> S:
    """Return `value` as a section; `prefix` is where in params.yaml it stands.

    Raises ParamsError with one line: file, key, what was found, what was expected, what to do.
    """
    try:
        return kind.model_validate(value)
    except ValidationError as error:
        # An unknown key is told before the missing one that it was probably meant to be.
        first = min(error.errors(), key=lambda e: e["type"] != "extra_forbidden")
        if first["type"] == "string_type" and first["loc"][-1] == "[key]":
            *section, _, _ = (*prefix, *map(str, first["loc"]))
            raise ParamsError(
                f"{PARAMS_FILE}: {'.'.join(section)}: found a name that YAML reads as "
                f"{_format_value(first['input'])}; expected text (put the name in quotes)"
            ) from None
        where = tuple(str(part) for part in first["loc"] if part != "[key]")
        place = f"{PARAMS_FILE}: {'.'.join((*prefix, *where)) or 'the file'}"
        raise ParamsError(f"{place}: {_describe_error(kind, where, dict(first))}") from None


def format_choices(names: Iterable[str]) -> str:
    """Return the names as a sentence lists them: a, b or c."""
    *most, last = list(names)
    return f"{', '.join(most)} or {last}" if most else last


def _describe_error(
    kind: type[ParamsSection], where: tuple[str, ...], error: dict[str, Any]
) -> str:
    if error["type"] == "extra_forbidden":
        valid = sorted(_find_section(_find_field_type(kind, where[:-1])).model_fields)
        near = get_close_matches(where[-1], valid, n=1)
        return (
            "unknown key; "
            f"{f'did you mean {near[0]}?' if near else f'expected {format_choices(valid)}'}"
        )
    if error["type"] == "missing":
        return "missing key; add it (the params.yaml that comes with Second Look shows every key)"
    expected = EXPECTATIONS.get(error["type"], error["msg"]).format_map(error.get("ctx", {}))
    if error["type"] != "value_error" and _accepts_null(kind, where):
        expected = f"null or {expected}"
    return f"found {_format_value(error['input'])}; expected {expected}{_find_hint(where, error)}"


def _find_hint(where: tuple[str, ...], error: dict[str, Any]) -> str:
    if error["type"] == "float_type" and _is_number(error["input"]):
        return " (without quotes)"
    if where[:1] == ("runs",) and error["type"] == "dict_type":
        return " (a run is a mapping of changes to `train`; {} changes nothing)"
    return ""


def _format_value(value: object) -> str:
    # As YAML writes it: null, true and false; JSON happens to agree.
    text = json.dumps(value) if value is None or isinstance(value, bool) else repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _is_number(value: object) -> bool:
    try:
        return isinstance(value, str) and bool(float(value))
    except ValueError:
        return False


def _find_field_type(kind: type[ParamsSection], where: tuple[str, ...]) -> object:
    """Follow the keys down to the type of the last one; None where they leave the sections."""
    annotation: object = kind
    for key in where:
        if get_origin(annotation) is dict:
            annotation = get_args(annotation)[1]
            continue
        field = _find_section(annotation).model_fields.get(key)
        annotation = field.annotation if field else None
    return annotation


def _find_section(annotation: object) -> type[ParamsSection]:
    """Return the section that a type is, or is when it is not null; one without keys if none."""
    kinds = (annotation, *get_args(annotation))
    return next(
        (t for t in kinds if isinstance(t, type) and issubclass(t, ParamsSection)), ParamsSection
    )


def _accepts_null(kind: type[ParamsSection], where: tuple[str, ...]) -> bool:
    return type(None) in get_args(_find_field_type(kind, where))


def parse_choice(
    words: tuple[str | None, ...], kind: type[ParamsSection], expected: str
) -> BeforeValidator:
    """Return what accepts one of the words, or a mapping {word: {its numbers}} that `kind` is.

    Whatever else is found, `expected` tells all choices.
    """

    def parse(value: object) -> object:
        if value in words:
            return value
        try:
            return kind.model_validate(value)
        except ValidationError:
            raise ValueError(expected) from None

    return BeforeValidator(parse)


def make_optional(default: object) -> Any:  # noqa: ANN401 - of whatever type the key is
    """Return the default of a key that may be left out, and then is part of no run.

    Where the value is the default, a section tells nothing of the key: no run becomes another
    because a key is new.
    """
    return Field(default, exclude_if=lambda value: value == default)


Fraction = Annotated[float, Field(ge=0, le=1)]
NonEmptyText = Annotated[str, Field(min_length=1)]


def _parse_class_name(value: object) -> object:
    """Return a name in one Unicode form, as those of the images are (NFC).

    YAML reads 8 as a number; as the name of a class it can only mean "8". But 00014 may mean
    "00014" or "14": a SpelledNumber is no int here, and told to be put in quotes.
    """
    value = str(value) if type(value) is int else value
    return unicodedata.normalize("NFC", value) if isinstance(value, str) else value


def _parse_class_weight(value: object) -> object:
    """Accept null, balanced, or a mapping of class names to weights above 0."""
    if value is None or value == "balanced":
        return value
    if not isinstance(value, dict) or not value:
        raise ValueError("null, balanced, or a mapping of every class name to its weight")
    weights = {_parse_class_name(name): weight for name, weight in value.items()}
    if len(weights) < len(value):
        raise ValueError('each class once: 8 and "8" are the same name')
    for name, weight in weights.items():
        if not isinstance(name, str):
            raise ValueError(f"class names as text (put {name} in quotes)")  # noqa: TRY004
        if type(weight) not in (int, float) or not 0 < weight < float("inf"):
            raise ValueError(f"a finite weight above 0 for class {name}")
    return {name: float(weight) for name, weight in weights.items()}


def _check_gpus(number: float) -> float:
    if number > 1 and number % 1:
        raise ValueError("a fraction of one, 1, or a whole number")
    return number


def _check_node_path(path: str) -> str:
    if path[:1] not in ("/", "~"):
        raise ValueError("null or a path from / or ~ on, which means the same on every node")
    return path


GpuShare = Annotated[float, Field(ge=0), AfterValidator(_check_gpus)]
NodePath = Annotated[str, AfterValidator(_check_node_path)]
ClassName = Annotated[NonEmptyText, BeforeValidator(_parse_class_name)]
ClassWeight = Annotated[
    Literal["balanced"] | dict[str, float] | None, BeforeValidator(_parse_class_weight)
]
OpenFraction = Annotated[float, Field(gt=0, lt=1)]
HalfFraction = Annotated[float, Field(ge=0, le=0.5)]
Seed = Annotated[int, Field(ge=0, lt=2**32)]
SideLength = Annotated[int, Field(ge=1, le=4096)]
PositiveCount = Annotated[int, Field(ge=1)]
# No - first: commands would take it for an option.
RunName = Annotated[str, Field(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_-]*$", max_length=100)]
