"""States that are written while the process is killed, or while the disk is full."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from secondlook.training.checkpoint import Checkpoint
from tests.support.project import ROOT

pytestmark = pytest.mark.slow

KEY = "a" * 64
# Saves epoch after epoch, as fast as the disk takes them, and tells each that is safe.
SAVING = f"""
import numpy as np
from secondlook.training.checkpoint import Checkpoint, TrainingState
with Checkpoint("{KEY}", 0) as saved:
    for epoch in range(1, 10_000):
        while not saved.is_due():
            pass
        print(saved.epoch, flush=True)
        saved.save(TrainingState(epoch, [0], [], {{}}, [np.full(500_000, float(epoch))], []))
"""
LIMITED = f"""
import resource
import numpy as np
from secondlook.training.checkpoint import Checkpoint, TrainingState
with Checkpoint("{KEY}", 0) as saved:
    for epoch, size in enumerate([10, 10**6, 10**6, 10], start=1):
        resource.setrlimit(resource.RLIMIT_FSIZE, (10**5, -1))
        saved.save(TrainingState(epoch, [0], [], {{}}, [np.zeros(size)], []))
        saved.wait_for_write()
        print(saved.epoch, len(list(saved.path.parent.iterdir())))
"""


@pytest.fixture(autouse=True)
def _here(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Save into an empty project."""
    assert Path.cwd() == project
    monkeypatch.delenv("DVC_ROOT", raising=False)


def start_saving(code: str) -> "subprocess.Popen[str]":
    """Start a process that saves states in the current folder."""
    return subprocess.Popen(
        [sys.executable, "-c", code],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_a_kill_while_writing_loses_one_epoch_at_most() -> None:
    """Whenever the process is killed, the last epoch that was safe, or a later one, is read."""
    chance = np.random.default_rng(4)
    for _ in range(5):
        with start_saving(SAVING) as process:
            assert process.stdout is not None
            safe = [int(process.stdout.readline()) for _ in range(3)]
            time.sleep(chance.uniform(0, 0.2))
            os.kill(process.pid, signal.SIGKILL)
            safe += [int(line) for line in process.stdout.read().splitlines()]
        state = Checkpoint(KEY, 0).read()
        assert state is not None
        assert state.epoch >= safe[-1]
        assert state.variables[0].tolist() == [state.epoch] * 500_000


def test_a_full_disk_does_not_end_a_training() -> None:
    """One line warns as long as it lasts, the last state that was written stays, saving goes on."""
    with start_saving(LIMITED) as process:
        printed, warned = process.communicate()
    # The epoch on disk after each of four, and the files there.
    assert printed.splitlines() == ["1 1", "1 1", "1 1", "4 1"]
    (line,) = warned.splitlines()
    assert line.endswith(
        "File too large: epoch 2 is not saved; an interruption would lose what follows epoch 1"
    )
