"""Outputs are whole or absent, and the same bytes every time."""

import errno
import hashlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import cast

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from secondlook.artifacts import files
from secondlook.config.errors import BusyError, StorageError
from tests.support.project import ROOT, skip_or_fail

pytestmark = pytest.mark.usefixtures("project")
FULL_DISK = Path("/dev/full")
# Makes the output anew, again and again: fifty files that hold the number of the generation.
ENDLESS_OUTPUT_SCRIPT = """
import itertools
from secondlook.artifacts import files
for generation in itertools.count():
    with files.create_output("report", "x") as out:
        for number in range(50):
            (out / str(number)).write_text(str(generation))
    print(generation, flush=True)
"""


def write_output(name: str, text: str) -> None:
    """Write one file as the output of the stage `report`."""
    with files.create_output("report", name) as out:
        (out / "a.txt").write_text(text, encoding="utf-8")


def fail_midway(text: str, error: Exception) -> None:
    """Write one file, and fail."""
    with files.create_output("report", "x") as out:
        (out / "a.txt").write_text(text, encoding="utf-8")
        raise error


def fill_full_disk() -> None:
    """Write where every write finds no space."""
    with files.create_output("report", "x") as out:
        (out / "a.txt").symlink_to(FULL_DISK)
        (out / "a.txt").write_text("much", encoding="utf-8")


def test_an_output_replaces_the_one_before() -> None:
    """Old files do not linger, and nothing unfinished is left beside."""
    with files.create_output("report", "x") as out:
        (out / "old.txt").touch()
    write_output("x", "new")
    assert [path.name for path in files.stage_folder("report", "x").iterdir()] == ["a.txt"]
    assert list(files.PARTIAL_FOLDER.iterdir()) == []


def test_a_failure_leaves_the_output_as_it_was() -> None:
    """Neither half of the new one nor less of the old one."""
    write_output("x", "good")
    with pytest.raises(RuntimeError):
        fail_midway("half", RuntimeError())
    assert (files.stage_folder("report", "x") / "a.txt").read_text(encoding="utf-8") == "good"
    assert list(files.PARTIAL_FOLDER.iterdir()) == []


def test_what_a_killed_process_left_is_not_taken_over() -> None:
    """A partial folder from before is emptied first."""
    (files.PARTIAL_FOLDER / "report-x").mkdir(parents=True)
    (files.PARTIAL_FOLDER / "report-x" / "half.txt").touch()
    write_output("x", "new")
    assert [path.name for path in files.stage_folder("report", "x").iterdir()] == ["a.txt"]


def test_an_output_is_made_by_one_process_at_a_time() -> None:
    """A second one is told which process is at it, touches nothing, and may come later."""
    with files.create_output("report", "x") as out:
        (out / "a.txt").touch()
        with pytest.raises(BusyError) as caught, files.create_output("report", "x"):
            pytest.fail("two at once")
    assert str(caught.value) == (
        f"data/report/x: process {os.getpid()} is making it; wait for it, or end it"
    )
    assert (files.stage_folder("report", "x") / "a.txt").exists()
    write_output("x", "later")


def test_a_killed_process_leaves_the_output_whole_or_absent() -> None:
    """Whenever the kill comes: no mixture of two generations, nothing half, and no lock."""
    chance = np.random.default_rng(2)
    for _ in range(8):
        with subprocess.Popen(
            [sys.executable, "-c", ENDLESS_OUTPUT_SCRIPT],
            env=os.environ | {"PYTHONPATH": str(ROOT)},
            stdout=subprocess.PIPE,
        ) as process:
            assert process.stdout is not None
            process.stdout.readline()
            time.sleep(chance.uniform(0, 0.05))
            process.send_signal(signal.SIGKILL)
        found = [path.read_text() for path in files.stage_folder("report", "x").glob("*")]
        assert found in ([], found[:1] * 50)
    write_output("x", "after")
    assert list(files.PARTIAL_FOLDER.iterdir()) == []


def test_a_full_disk_is_told() -> None:
    """Where every write finds no space, one line says so and nothing is left."""
    if not FULL_DISK.exists():
        skip_or_fail("no /dev/full here")
    with pytest.raises(StorageError) as caught:
        fill_full_disk()
    assert str(caught.value) == (
        "data/report/x: No space left on device; free some space and run again"
    )
    assert not files.stage_folder("report", "x").exists()
    assert list(files.PARTIAL_FOLDER.iterdir()) == []


def test_a_folder_that_may_not_be_written_is_told() -> None:
    """What the system refuses is told with its remedy."""
    with (
        pytest.raises(StorageError, match=r"data/train/a: Permission denied; make the folder"),
        files.create_output("train", "a"),
    ):
        raise PermissionError(errno.EACCES, "Permission denied")


def test_other_errors_of_the_system_are_not_hidden() -> None:
    """A file that is not there is not a full disk."""
    with pytest.raises(FileNotFoundError) as caught, files.create_output("report", "x"):
        Path("nowhere").read_bytes()
    assert caught.value.errno == errno.ENOENT


def test_json_has_one_form() -> None:
    """Keys sorted, text as it is, a newline at the end; NaN is no JSON."""
    path = Path("a.json")
    files.write_json(path, {"b": None, "a": "é"})
    assert path.read_bytes() == '{\n  "a": "é",\n  "b": null\n}\n'.encode()
    assert files.read_json(path) == {"a": "é", "b": None}
    with pytest.raises(ValueError, match="not JSON compliant"):
        files.write_json(path, float("nan"))


TEXTS = st.text(st.characters(exclude_categories=["Cc", "Cs"]) | st.sampled_from(" ,\"'\n\t"))
FLOATS = st.floats(allow_nan=False, allow_infinity=False)


def nest_json(parts: st.SearchStrategy[object]) -> st.SearchStrategy[object]:
    """Draw lists and objects of values."""
    return st.lists(parts) | st.dictionaries(TEXTS, parts).map(lambda d: dict(sorted(d.items())))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])  # each file is written anew
@given(st.recursive(st.none() | st.booleans() | st.integers() | FLOATS | TEXTS, nest_json))
def test_json_comes_back_as_it_was(value: object) -> None:
    """Every number to the last bit, whole ones of any size; any alphabet survives."""
    files.write_json(Path("a.json"), value)
    assert repr(files.read_json(Path("a.json"))) == repr(value)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])  # each file is written anew
@given(rows=st.lists(st.fixed_dictionaries({"a b": TEXTS, "c": TEXTS})))
def test_csv_comes_back_as_it_was(rows: list[dict[str, str]]) -> None:
    """Commas, quotes, line ends and any alphabet survive."""
    files.write_csv(Path("a.csv"), ["a b", "c"], rows)
    assert list(files.read_csv(Path("a.csv"))) == rows


def test_csv_has_one_form() -> None:
    """A header, and Unix line ends on every machine."""
    files.write_csv(Path("a.csv"), ["a", "b"], [{"a": "x, y", "b": 1.5}])
    assert Path("a.csv").read_bytes() == b'a,b\n"x, y",1.5\n'


def test_a_digest_is_of_contents_in_their_order() -> None:
    """SHA-256 of the SHA-256 of each; the names do not count."""
    for name, content in (("a", b"1"), ("b", b"2"), ("c", b"1")):
        Path(name).write_bytes(content)
    expected = hashlib.sha256(hashlib.sha256(b"1").digest() + hashlib.sha256(b"2").digest())
    assert files.hash_files(Path("a"), Path("b")) == expected.hexdigest()
    assert files.hash_files(Path("c"), Path("b")) == expected.hexdigest()
    assert files.hash_files(Path("b"), Path("a")) != expected.hexdigest()


@pytest.mark.parametrize(
    ("head", "found"),
    [
        (b"<!DOCTYPE html><html>", "a web page (HTML)"),
        (b"\xef\xbb\xbf\r\n <HTML>", "a web page (HTML)"),
        (b'<?xml version="1.0"?><html', "a web page (HTML)"),
        (b"version https://git-lfs.github.com/spec/v1\n", "a git-lfs pointer"),
        (b"\x89PNG\r\n", None),
        (b"", None),
    ],
)
def test_failed_downloads_are_known_by_their_beginning(head: bytes, found: str | None) -> None:
    """HTML however it begins, a git-lfs pointer, and neither."""
    assert str(files.detect_failed_download(head)).startswith(str(found))


def test_a_file_is_written_whole_and_readable() -> None:
    """It has the old content until it has the new, and the rights that any other file gets."""
    path = Path("made/on the way/a.txt")
    files.write_atomically(path, [b"old"])
    with path.open("rb") as reading:
        files.write_atomically(path, [b"n", memoryview(b"ew")])
        assert reading.read() == b"old"
    Path("other").touch()
    assert path.read_bytes() == b"new"
    assert path.stat().st_mode == Path("other").stat().st_mode
    assert [each.name for each in path.parent.iterdir()] == ["a.txt"]


def test_a_file_that_cannot_be_written_is_left_as_it_was() -> None:
    """Neither half of the new content nor a file beside it, also where a name is too long."""
    path = Path("a.txt")
    files.write_atomically(path, [b"old"])
    before, broken = set(Path().iterdir()), cast("files.Chunks", [b"half", "no bytes"])
    with pytest.raises(TypeError):
        files.write_atomically(path, broken)
    with pytest.raises(OSError, match="too long"):
        files.write_atomically(Path("a" * 250), [b"new"])
    assert path.read_bytes() == b"old"
    assert set(Path().iterdir()) == before
