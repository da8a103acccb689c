"""A lock has one holder at a time, a temporary folder one owner, however these end."""

import os
import subprocess
import sys
import time
from pathlib import Path
from threading import Thread

import pytest

from secondlook.config.errors import BusyError
from secondlook.config.processes import OWNER_LOCK, hold_lock, make_temporary_folder
from tests.support.project import ROOT

# Holds the lock of the file named, with a note, as long as it is let live.
HOLDER = """
import sys, time
from pathlib import Path
from secondlook.config.processes import hold_lock
with hold_lock(Path(sys.argv[1]), note="somebody"):
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def lock(tmp_path: Path) -> Path:
    """Give the file of a lock that nobody holds yet."""
    return tmp_path / "lock"


def refuse(note: str) -> str:
    """Say who is at it."""
    return f"{note or 'nobody'} is at it"


def test_a_second_is_told_who_holds_it(lock: Path) -> None:
    """What the holder noted is said, and the lock can be had afterwards."""
    with hold_lock(lock, note="a long name"), pytest.raises(BusyError, match=r"^a long name is at"):
        hold_lock(lock, refuse).__enter__()
    with hold_lock(lock, refuse, "short"), pytest.raises(BusyError, match=r"^short is at it$"):
        hold_lock(lock, refuse).__enter__()
    assert lock.read_text() == "short"


def test_a_refused_lock_leaves_the_note(lock: Path) -> None:
    """Neither who is refused nor who has nothing to note writes into the file."""
    with hold_lock(lock, note="first"):
        with pytest.raises(BusyError):
            hold_lock(lock, refuse, "second").__enter__()
        assert lock.read_text() == "first"
    with hold_lock(lock):
        assert lock.read_text() == "first"


def test_who_waits_gets_it(lock: Path) -> None:
    """Without `refuse` a second waits, also for one who deletes the file: two are never in."""
    inside: list[int] = []

    def enter(number: int) -> None:
        with hold_lock(lock):
            inside.append(number)
            assert inside == [number]
            time.sleep(0.01)
            inside.remove(number)
            lock.unlink()

    waiting = [Thread(target=enter, args=(number,)) for number in range(8)]
    for thread in waiting:
        thread.start()
    for thread in waiting:
        thread.join(timeout=30)
    assert inside == []
    assert not lock.exists()


def test_a_killed_holder_holds_nothing(lock: Path) -> None:
    """The system lets go of its lock; the file and its note stay."""
    command, environment = [sys.executable, "-c", HOLDER, str(lock)], {"PYTHONPATH": str(ROOT)}
    with subprocess.Popen(
        command, env=os.environ | environment, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        with pytest.raises(BusyError, match=r"^somebody is at it$"):
            hold_lock(lock, refuse).__enter__()
        process.kill()
    with hold_lock(lock, refuse):
        assert lock.read_text() == "somebody"


def test_a_child_that_is_given_it_holds_it_too(lock: Path) -> None:
    """Until it ends nobody else gets the lock."""
    with hold_lock(lock) as descriptor:
        child = subprocess.Popen(["sleep", "60"], pass_fds=[descriptor])
    with pytest.raises(BusyError, match=r"^nobody is at it$"):
        hold_lock(lock, refuse).__enter__()
    child.kill()
    child.wait()
    with hold_lock(lock, refuse):
        pass


PREFIX = "second-look-test-"
# Makes folders and clears them, as fast as it can, and sees that each stays its own.
OWNER = f"""
from secondlook.config.processes import make_temporary_folder
print("ready", flush=True)
for number in range(150):
    with make_temporary_folder("{PREFIX}") as folder:
        assert len(list(folder.iterdir())) == 1
        (folder / "mine").write_text("mine")
        assert (folder / "mine").read_text() == "mine"
"""


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give the folder that temporary folders are made in."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    return tmp_path


def test_a_folder_goes_with_all_in_it(temporary: Path) -> None:
    """Files, folders and links, but nothing that a link leads to; also after an error."""
    (temporary / "elsewhere").mkdir()
    (temporary / "elsewhere/kept").touch()

    def fill() -> None:
        with make_temporary_folder(PREFIX) as folder:
            (folder / "deep/down").mkdir(parents=True)
            (folder / "deep/down/file").touch()
            (folder / "link").symlink_to(temporary / "elsewhere")
            assert folder.stat().st_mode & 0o777 == 0o700
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fill()
    assert [path.name for path in temporary.iterdir()] == ["elsewhere"]
    assert (temporary / "elsewhere/kept").exists()


def test_a_start_clears_what_nobody_owns(temporary: Path) -> None:
    """Killed before the lock, in the work, or while clearing; nothing of others or by other names.

    Whoever lives keeps its folder.
    """
    for name in (f"{PREFIX}empty", f"{PREFIX}cleared", f"{PREFIX}left", "second-look-other-x"):
        (temporary / name).mkdir()
    (temporary / f"{PREFIX}cleared/rest").touch()
    (temporary / f"{PREFIX}left" / OWNER_LOCK).touch()
    (temporary / f"{PREFIX}file").touch()
    asked: list[str] = []
    with (
        make_temporary_folder(PREFIX, lambda folder: asked.append(folder.name)) as first,
        make_temporary_folder(PREFIX, lambda folder: asked.append(folder.name)) as second,
    ):
        there = {path for path in temporary.iterdir() if path.is_dir()}
        assert there == {first, second, temporary / "second-look-other-x"}
    assert sorted(asked) == [f"{PREFIX}{name}" for name in ("cleared", "empty", "left")]


def test_starts_at_once_keep_their_folders(temporary: Path) -> None:
    """None takes that of another for abandoned, not even before it is locked."""
    command, environment = [sys.executable, "-c", OWNER], {"PYTHONPATH": str(ROOT)}
    owners = [
        subprocess.Popen(command, env=os.environ | environment, stdout=subprocess.DEVNULL)
        for _ in range(4)
    ]
    assert [owner.wait() for owner in owners] == [0] * 4
    assert list(temporary.iterdir()) == []
