"""The real dvc, and what it noted of processes that are gone or live."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from secondlook.config.dvc import NOTES_FILE, forget_ended_processes, load_dvc_status
from secondlook.config.errors import SecondLookError


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give a project of one stage that was never run, and enter it."""
    monkeypatch.chdir(tmp_path)
    NOTES_FILE.parent.mkdir(parents=True)
    Path(".dvc/config").write_text("[core]\n no_scm = true\n analytics = false\n")
    Path("dvc.yaml").write_text("stages: {one: {cmd: 'true', deps: [a]}}")
    Path("a").touch()
    return tmp_path


@pytest.fixture
def living() -> Iterator[int]:
    """Give the number of a process that goes on."""
    with subprocess.Popen(["sleep", "60"]) as process:
        yield process.pid
        process.kill()


@pytest.fixture
def unburied() -> Iterator[int]:
    """Give the number of a process that has ended, and that nobody has buried."""
    with subprocess.Popen(["true"]) as process:
        deadline = time.monotonic() + 30
        while psutil.Process(process.pid).status() != psutil.STATUS_ZOMBIE:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        yield process.pid


@pytest.fixture
def dead() -> int:
    """Give the number of a process that is no more."""
    with subprocess.Popen(["true"]) as process:
        return process.pid


def note_processes(project: Path, *readers: int, writer: int | None = None) -> None:
    """Note as dvc does that these processes read a file, and that one writes it."""
    path = str(project / "a")
    notes = {
        "read": {path: [{"pid": pid, "cmd": "dvc repro"} for pid in readers]},
        "write": {path: {"pid": writer, "cmd": "dvc repro"}} if writer else {},
    }
    NOTES_FILE.write_text(json.dumps(notes), encoding="utf-8")


def read_notes() -> tuple[set[int], set[int]]:
    """Return which processes are noted as readers, and as writers."""
    notes = json.loads(NOTES_FILE.read_text(encoding="utf-8"))
    readers = {each["pid"] for noted in notes.get("read", {}).values() for each in noted}
    return readers, {each["pid"] for each in notes.get("write", {}).values()}


def test_who_was_killed_blocks_nobody(project: Path, unburied: int, dead: int) -> None:
    """Dvc alone refuses for ever where one that has ended is unburied."""
    note_processes(project, dead, unburied, writer=unburied)
    asked = [sys.executable, "-m", "dvc", "status"]
    assert b"is busy" in subprocess.run(asked, capture_output=True, check=False).stderr
    assert load_dvc_status() == {"one": [{"changed deps": {"a": "modified"}}]}
    assert read_notes() == (set(), set())


def test_who_works_is_told_in_one_line(project: Path, living: int) -> None:
    """As dvc says it, with the number of the process."""
    note_processes(project, writer=living)
    with pytest.raises(SecondLookError) as caught:
        load_dvc_status()
    told = str(caught.value)
    assert told.startswith(
        f"dvc status: '{project}/a' is busy, it is being blocked by: (PID {living}"
    )
    assert "\n" not in told
    assert read_notes() == (set(), {living})


def test_only_who_is_gone_is_struck_out(
    project: Path, living: int, unburied: int, dead: int
) -> None:
    """Who lives stays; a process that began long after the note has the number of another."""
    note_processes(project, living, dead, unburied, writer=living)
    forget_ended_processes(project)
    assert read_notes() == ({living}, {living})
    earlier = time.time() - 3600
    os.utime(NOTES_FILE, (earlier, earlier))
    forget_ended_processes(project)
    assert read_notes() == (set(), set())


def test_who_is_being_killed_has_a_moment(project: Path) -> None:
    """One that ends while it is looked at blocks nobody either."""
    with subprocess.Popen(["sleep", "0.5"]) as ending:
        note_processes(project, writer=ending.pid)
        forget_ended_processes(project)
        assert read_notes() == (set(), set())


@pytest.mark.parametrize("text", ["", "{", "[]", '{"read": {}}', '{"write": {"a": {}}}', None])
def test_notes_that_say_nothing_are_left_alone(text: str | None, project: Path) -> None:
    """None there, empty, or damaged: that is dvc's to tell."""
    if text is not None:
        NOTES_FILE.write_text(text, encoding="utf-8")
    forget_ended_processes(project)
    assert (NOTES_FILE.read_text(encoding="utf-8") if NOTES_FILE.exists() else None) == text
