"""Names in params.yaml, of runs and classes, are what was written, to us and to DVC."""

import pytest

from tests.support.params import load_edited_params, read_refusal

pytestmark = pytest.mark.usefixtures("project")


@pytest.mark.parametrize("name", ["1e3", "1e-3", "08", "0o17", "+1", ".5", "null", "true"])
def test_a_name_that_is_no_text_needs_quotes(name: str) -> None:
    """A run is called as it was written, by us and by DVC; in quotes, anything is text."""
    told = read_refusal("runs.unweighted", f"{name}: {{}}")
    assert told.startswith("params.yaml: runs: found a name that YAML reads as")
    assert told.endswith("; expected text (put the name in quotes)")


@pytest.mark.parametrize("name", ["1e3", "08", "0o17", "null", "true"])
def test_in_quotes_it_is_a_name(name: str) -> None:
    """The name is what stands between the quotes."""
    line = f'unweighted: {{}}\n  "{name}": {{}}'
    assert name in load_edited_params("runs.unweighted", line).runs


@pytest.mark.parametrize("name", ["-aug", "-", "--help", '"-1"', "a" * 101])
def test_a_name_that_commands_or_folders_cannot_take_is_refused(name: str) -> None:
    """What begins like an option is one to every command that is told it."""
    told = read_refusal("runs.unweighted", f"{name}: {{}}")
    assert "expected letters, digits, - and _ alone, no - first" in told or "at most 100" in told


def test_a_class_called_8_needs_no_quotes() -> None:
    """YAML reads a number, but a class is text."""
    assert load_edited_params("data.positive", "positive: 8").data.positive == "8"
    weighted = load_edited_params("train.class_weight", "class_weight: {8: 2, not 8: 1}")
    assert weighted.train.class_weight == {"8": 2.0, "not 8": 1.0}


def test_classes_called_yes_and_no_need_no_quotes() -> None:
    """In YAML 1.2, which DVC writes, they are text."""
    assert load_edited_params("data.positive", "positive: yes").data.positive == "yes"
    weighted = load_edited_params("train.class_weight", "class_weight: {yes: 2, not yes: 1}")
    assert weighted.train.class_weight == {"yes": 2.0, "not yes": 1.0}


@pytest.mark.parametrize("name", ["00014", "0o14", "0x14", "+14", "1_4", "1.0", "1e3"])
def test_a_class_of_digits_written_otherwise_needs_quotes(name: str) -> None:
    """The folder 00014 is not 14: what was written is shown, and never taken for another."""
    told = read_refusal("data.positive", f"positive: {name}")
    assert "expected null or text (put it in quotes)" in told
    if name not in ("1.0", "1e3"):
        assert f"found {name};" in told
    quoted = load_edited_params("data.positive", f'positive: "{name}"')
    assert quoted.data.positive == name
    told = read_refusal("train.class_weight", f"class_weight: {{{name}: 2, other: 1}}")
    assert "class names as text (put " in told


def test_two_spellings_of_one_class_are_one_name() -> None:
    """A weight for 8 and one for "8" would be one of them; an accent has one form."""
    named = load_edited_params("data.positive", "positive: cafe\u0301")
    assert named.data.positive == "caf\u00e9"
    told = read_refusal("train.class_weight", 'class_weight: {8: 2, "8": 3}')
    assert "each class once" in told
