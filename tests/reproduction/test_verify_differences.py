"""The first number that differs between two outputs."""

from pathlib import Path

import numpy as np
import pytest

from secondlook.artifacts import files
from secondlook.reproduction.verify import ValueDifference, find_first_difference


def make_paths(folder: Path, name: str) -> tuple[Path, Path]:
    """Return two paths of one name."""
    for side in ("then", "now"):
        (folder / side).mkdir()
    return folder / "then" / name, folder / "now" / name


def test_equal_bytes_have_no_difference(tmp_path: Path) -> None:
    """The same file twice is the same."""
    then, now = make_paths(tmp_path, "a.json")
    for path in (then, now):
        files.write_json(path, {"a": [1, None]})
    assert find_first_difference(then, now) is None


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    """What is not made now is a difference."""
    then, now = make_paths(tmp_path, "a.json")
    files.write_json(then, 1)
    assert str(find_first_difference(then, now)) == "a.json: a file then, none now"


@pytest.mark.parametrize(
    ("then", "now", "told"),
    [
        ({"a": 1, "b": {"c": 0.5}}, {"a": 1, "b": {"c": 0.25}}, "b: c: 0.5 then, 0.25 now (-0.25)"),
        ({"a": [1, 2]}, {"a": [1, 3]}, "a[1]: 2 then, 3 now (+1)"),
        ({"a": 1, "b": 2}, {"a": 1}, "b: 2 then, absent now"),
        ({"a": 1}, {"a": 1, "b": 2}, "b: absent then, 2 now"),
        ({"a": None}, {"a": 0.5}, "a: null then, 0.5 now"),
        ({"a": "f" * 64}, {"a": "e" * 64}, "a: ffffffffffff... then, eeeeeeeeeeee... now"),
    ],
)
def test_the_first_value_of_json(tmp_path: Path, then: object, now: object, told: str) -> None:
    """It is named by its keys, with both values and how far they are apart."""
    old, new = make_paths(tmp_path, "m.json")
    files.write_json(old, then)
    files.write_json(new, now)
    assert str(find_first_difference(old, new)) == f"m.json: {told}"


def test_the_first_cell_of_csv(tmp_path: Path) -> None:
    """It is named by row and column; an empty cell is nothing, not zero."""
    then, now = make_paths(tmp_path, "h.csv")
    rows = [{"epoch": 1, "loss": 0.5}, {"epoch": 2, "loss": 0.25}]
    files.write_csv(then, rows[0], rows)
    files.write_csv(now, rows[0], [rows[0], {"epoch": 2, "loss": ""}])
    assert find_first_difference(then, now) == ValueDifference(
        "h.csv: row 2: loss", 0.25, "nothing"
    )
    files.write_csv(now, rows[0], rows[:1])
    assert find_first_difference(then, now) == ValueDifference("h.csv: row 2: epoch", 2.0, "absent")


def test_the_first_number_of_arrays(tmp_path: Path) -> None:
    """It is named by array and index; other shapes are told as such."""
    then, now = make_paths(tmp_path, "p.npz")
    old, new = np.zeros((2, 2)), np.zeros((2, 2))
    new[1, 0] = 0.5
    np.savez(then, allow_pickle=False, test=old)
    np.savez(now, allow_pickle=False, test=new)
    assert str(find_first_difference(then, now)) == "p.npz: test[1, 0]: 0.0 then, 0.5 now (+0.5)"
    np.savez(now, allow_pickle=False, test=new[:1])
    assert str(find_first_difference(then, now)) == "p.npz: test: shape: (2, 2) then, (1, 2) now"


def test_bytes_that_say_the_same_are_told(tmp_path: Path) -> None:
    """Where every value is the same and the files are not, their digests are named."""
    then, now = make_paths(tmp_path, "a.json")
    then.write_text('{"a": 1}')
    now.write_text('{"a":  1}')
    found = find_first_difference(then, now)
    assert found is not None
    assert (found.where, len(str(found.then))) == ("a.json", 64)
