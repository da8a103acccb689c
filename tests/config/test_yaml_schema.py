"""What is wrong with a section is said in one line, in words for people."""

from typing import Annotated, Literal

import pytest
from pydantic import Field

from secondlook.config.errors import ParamsError
from secondlook.config.yaml_schema import ParamsSection, format_choices, validate_section


class Inner(ParamsSection):
    """A section in a section."""

    depth: Annotated[int, Field(ge=1, le=9)]


class Outer(ParamsSection):
    """One key of each kind that params.yaml has."""

    text: Annotated[str, Field(min_length=1)]
    word: Literal["red", "green"] | None
    share: Annotated[float, Field(gt=0, lt=1)]
    flag: bool
    sizes: Annotated[list[int], Field(min_length=1)]
    inner: Inner | None
    names: dict[Annotated[str, Field(pattern="^[a-z]+$")], int]


RIGHT = {
    "text": "a",
    "word": None,
    "share": 0.5,
    "flag": True,
    "sizes": [1],
    "inner": {"depth": 3},
    "names": {"x": 1},
}


def read_message(value: object, *prefix: str) -> str:
    """Return what is said of a value that is no Outer section."""
    with pytest.raises(ParamsError) as caught:
        validate_section(Outer, value, prefix)
    return str(caught.value)


def test_what_is_right_is_taken() -> None:
    """Keys become attributes, of the types they were."""
    section = validate_section(Outer, RIGHT)
    assert section.inner == Inner(depth=3)
    assert (section.share, section.sizes) == (0.5, [1])


@pytest.mark.parametrize(
    ("change", "line"),
    [
        ({"text": 5}, "text: found 5; expected text (put it in quotes)"),
        ({"text": ""}, "text: found ''; expected some text"),
        ({"flag": "x" * 99 + "\n"}, f"flag: found '{'x' * 56}...; expected true or false"),
        ({"word": "blue"}, "word: found 'blue'; expected null or 'red' or 'green'"),
        ({"share": 1}, "share: found 1; expected less than 1"),
        ({"share": 0.0}, "share: found 0.0; expected more than 0"),
        ({"share": None}, "share: found null; expected a number"),
        ({"share": float("inf")}, "share: found inf; expected a finite number"),
        ({"share": "many"}, "share: found 'many'; expected a number"),
        ({"share": "1e-3"}, "share: found '1e-3'; expected a number (without quotes)"),
        ({"flag": 1}, "flag: found 1; expected true or false"),
        ({"sizes": 3}, "sizes: found 3; expected a list in [ ]"),
        ({"sizes": []}, "sizes: found []; expected at least 1 entry"),
        ({"sizes": [1, True]}, "sizes.1: found true; expected a whole number"),
        ({"inner": 7}, "inner: found 7; expected null or a mapping of keys to values"),
        ({"inner": {"depth": 0}}, "inner.depth: found 0; expected 1 or more"),
        ({"inner": {"depth": 10}}, "inner.depth: found 10; expected 9 or less"),
        ({"inner": {"dept": 1}}, "inner.dept: unknown key; did you mean depth?"),
        ({"inner": {}}, "inner.depth: missing key; add it"),
        ({"names": {"X": 1}}, "names.X: found 'X'; expected letters, digits, - and _ alone"),
        ({"names": {1e3: 1}}, "names: found a name that YAML reads as 1000.0; expected text (put"),
        ({"names": {None: 1}}, "names: found a name that YAML reads as null; expected text (put"),
        ({"zzz": 1}, "zzz: unknown key; expected flag, inner, names, share, sizes, text or word"),
    ],
)
def test_each_mistake_is_one_line(change: dict[str, object], line: str) -> None:
    """File and key, what was found, what was expected."""
    message = read_message(RIGHT | change)
    assert message.startswith(f"params.yaml: {line}"), message
    assert "\n" not in message


def test_a_misspelt_key_is_told_before_the_one_it_leaves_missing() -> None:
    """`shar` explains why `share` is missing."""
    value = {key: value for key, value in RIGHT.items() if key != "share"}
    assert (
        read_message(value | {"shar": 0.5}) == "params.yaml: shar: unknown key; did you mean share?"
    )


def test_what_is_no_mapping_at_all_and_where_it_stands() -> None:
    """An empty file, and a section with a place of its own."""
    assert (
        read_message(None)
        == "params.yaml: the file: found null; expected a mapping of keys to values"
    )
    assert read_message(RIGHT | {"flag": 0}, "runs", "x").startswith(
        "params.yaml: runs.x.flag: found 0;"
    )


def test_names_are_listed_as_in_a_sentence() -> None:
    """Commas, and `or` before the last."""
    assert format_choices(["a"]) == "a"
    assert format_choices(["a", "b"]) == "a or b"
    assert format_choices(["a", "b", "c"]) == "a, b or c"
