"""YAML is read as DVC reads it, and what is none is told in one line."""

import math
import os
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from ruamel.yaml.error import YAMLError

from secondlook.config.errors import ParamsError
from secondlook.config.yaml_files import format_yaml, load_yaml, parse_yaml

SCALARS = {
    "1e-05": 1e-05,
    "1e3": 1000.0,
    "1.0e-3": 0.001,
    ".5": 0.5,
    "5.": 5.0,
    "+1": 1,
    "017": 17,
    "0o17": 15,
    "08": 8,
    "0x1F": 31,
    "1_000": 1000,
    "yes": "yes",
    "no": "no",
    "on": "on",
    "y": "y",
    "true": True,
    "False": False,
    "null": None,
    "~": None,
    "": None,
    "12:30:45": "12:30:45",
    ".inf": math.inf,
    "'017'": "017",
    '"1e-05"': "1e-05",
}
scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()
ambiguous = st.text(alphabet="0123456789eE+-._:xob~yn", max_size=8)
trees = st.dictionaries(
    st.text() | ambiguous,
    st.recursive(
        scalars | ambiguous,
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
        max_leaves=8,
    ),
)


@pytest.mark.parametrize("written", SCALARS)
def test_a_value_is_what_dvc_takes_it_for(written: str) -> None:
    """Small numbers, leading zeros, and words that YAML 1.1 took for truth values."""
    from dvc.utils.serialize import parse_yaml as parse_as_dvc

    text = f"a: {written}"
    found = parse_yaml(text)["a"]
    assert (found, type(found)) == (SCALARS[written], type(SCALARS[written]))
    assert {"a": found} == parse_as_dvc(text, "params.yaml")


@given(word=ambiguous)
def test_whatever_looks_like_a_number_is_what_dvc_takes_it_for(word: str) -> None:
    """Digits, signs, points, exponents and colons in any order."""
    from dvc.utils.serialize import ParseError
    from dvc.utils.serialize import parse_yaml as parse_as_dvc

    text = f"a: {word}"
    try:
        expected = parse_as_dvc(text, "params.yaml")
    except (ParseError, ValueError):  # ValueError: a date that no calendar has
        with pytest.raises((YAMLError, ValueError)):
            parse_yaml(text)
    else:
        found = parse_yaml(text)
        assert repr(found) == repr(expected)


@given(number=st.floats(allow_nan=False, allow_infinity=False))
def test_a_number_that_dvc_wrote_is_that_number(number: float) -> None:
    """As `dvc exp run -S train.learning_rate=0.00001` writes it, which is 1e-05."""
    from dvc.utils.serialize import dumps_yaml, parse_yaml_for_update

    changed = parse_yaml_for_update("a: 0.001  # above 0", "params.yaml")
    changed["a"] = number
    assert parse_yaml(dumps_yaml(changed)) == {"a": number}


@settings(max_examples=30)  # each read four times, by parsers in pure Python
@given(tree=trees)
def test_what_is_written_is_read_again_by_everyone(tree: dict[str, object]) -> None:
    """By this version, by DVC, and by the YAML 1.1 of versions before."""
    from dvc.utils.serialize import parse_yaml as parse_as_dvc

    text = format_yaml(tree)
    assert parse_yaml(text) == tree
    assert parse_as_dvc(text, "params.yaml") == tree
    assert yaml.safe_load(text) == tree


def test_keys_keep_their_order() -> None:
    """A file is read by people as it was written."""
    assert list(parse_yaml(format_yaml({"b": 1, "a": 2}))) == ["b", "a"]


@given(content=st.binary(max_size=40) | st.text(max_size=40).map(str.encode))
def test_any_file_is_read_or_refused_in_one_line(content: bytes) -> None:
    """No bytes end in a traceback."""
    path = Path(f"/dev/fd/{_pipe(content)}")
    try:
        load_yaml(path)
    except ParamsError as error:
        assert "\n" not in str(error)  # noqa: PT017 - what is no YAML may also be some
    finally:
        os.close(int(path.name))


def _pipe(content: bytes) -> int:
    """Return the reading end of a pipe that holds `content`."""
    reading, writing = os.pipe()
    with os.fdopen(writing, "wb") as file:
        file.write(content)
    return reading


@pytest.mark.parametrize(
    ("content", "line"),
    [
        (b"a: [1", "line 1: expected ',' or ']', but got '<stream end>'; expected YAML"),
        (b"a: 1\n  b: 2", "line 2: mapping values are not allowed here; expected YAML"),
        (b"a:\n\tb: 2", "line 2: found character '\\t' that cannot start any token; expected YAML"),
        (b"a: 1\nb: {c: 1, d: 2, c: 3}", "line 2: key c twice; expected YAML"),
        (b"a: \xff", "not UTF-8 text (invalid start byte); save it as UTF-8"),
        (b"a: 2001-13-45", "not valid YAML: month must be in 1..12"),
        (b"a: \x01", "not valid YAML: unacceptable character #x0001"),
    ],
)
def test_a_file_that_is_not_yaml_is_told_by_its_line(
    tmp_path: Path, content: bytes, line: str
) -> None:
    """Brackets, indentation, tabs, a key twice, an encoding."""
    path = tmp_path / "params.yaml"
    path.write_bytes(content)
    with pytest.raises(ParamsError) as caught:
        load_yaml(path)
    assert str(caught.value).startswith(f"{path}: {line}")
    assert "\n" not in str(caught.value)


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    """With where to run from."""
    with pytest.raises(ParamsError, match="no such file here; run from the project's folder"):
        load_yaml(tmp_path / "params.yaml")
