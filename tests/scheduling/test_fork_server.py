"""Stages by children of the fork server: what they write and say, and how each of them ends."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from secondlook.scheduling.fork_server import ForkServer
from tests.end_to_end.test_interrupted import read_folder, read_until_epoch, remove_output
from tests.support.fork_server import UNDONE, Home, run_home
from tests.support.project import ROOT, copy_project, edit_params, run_in_process

pytestmark = pytest.mark.slow
LONG = {"epochs": 2000, "checkpoint_seconds": 0}


@pytest.fixture(scope="module")
def home(finished_project: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    """Give a server for a copy of the finished project, to all tests: it takes seconds to start."""
    with run_home(copy_project(finished_project, tmp_path_factory.mktemp("home"))) as home:
        yield home


def wait_for_end(*processes: psutil.Process) -> None:
    """Wait until processes have ended, as they should soon."""
    _, left = psutil.wait_procs(processes, timeout=30)
    assert left == []


def test_what_a_child_does_is_what_a_process_does(home: Home) -> None:
    """The same bytes, lines, variables, mistakes and exit status, in the folder of who asks."""
    project, folder = home.project, home.project / "data/train/weighted"
    before = remove_output(folder)
    status, printed = home.do("train", "weighted", CUDA_VISIBLE_DEVICES="-1")
    assert (status, read_folder(folder)) == (0, before)
    assert [line[:8] for line in printed.splitlines()] == ["epoch 1 ", "epoch 2 "]
    notes = (project / ".dvc/tmp/second_look").glob("*.environment.json")
    assert any('"variable CUDA_VISIBLE_DEVICES": "-1"' in path.read_text() for path in notes)
    details = (project / "data/evaluate/weighted/details.json").read_bytes()
    (project / "data/evaluate/weighted/details.json").unlink()
    assert home.do("evaluate", "weighted") == (0, "")
    assert (project / "data/evaluate/weighted/details.json").read_bytes() == details
    status, printed = home.do("evaluate", "other")
    assert (status, len(printed.splitlines())) == (1, 1)
    assert printed.startswith("secondlook: params.yaml: runs: no run 'other'")
    status, printed = home.do("train", "weighted", "more")
    assert (status, "Got unexpected extra argument (more)" in printed) == (2, True)


def test_what_is_not_as_it_was_is_run_as_usual(home: Home) -> None:
    """Edited code, other variables that are read early, other stages, no server: no child."""
    assert home.do("preprocess") == (UNDONE, "")
    assert home.do("evaluate", "weighted", OMP_NUM_THREADS="1") == (UNDONE, "")
    code = home.project / "secondlook/evaluation/metrics.py"
    code.write_text(code.read_text() + "\n")
    assert home.do("evaluate", "weighted") == (UNDONE, "")
    code.write_text(code.read_text()[:-1])
    assert home.do("evaluate", "weighted") == (0, "")


def test_children_end_with_who_asked(home: Home) -> None:
    """Two at once: by Ctrl-C one is saved, by a kill the other is gone; by SIGTERM likewise."""
    edit_params(home.project, {"train": LONG})
    with home.ask("train", "weighted") as first, home.ask("train", "unweighted") as second:
        read_until_epoch(first, 2)
        read_until_epoch(second, 2)
        workers = home.find_server().children()
        assert len(workers) == 2
        first.send_signal(signal.SIGINT)
        printed, _ = first.communicate()
        assert first.returncode == 130
        assert "is saved: `dvc repro` resumes after it" in printed
        assert "Traceback" not in printed
        second.kill()
        wait_for_end(*workers)
    with home.ask("train", "weighted") as third:
        assert "resuming at epoch " in read_until_epoch(third, 2)
        third.terminate()
        third.communicate()
        assert third.returncode == -signal.SIGTERM
        assert home.find_server().children() == []


def test_a_child_that_is_killed_kills_who_asked(home: Home) -> None:
    """As if it had been killed itself: what it is to tell by its exit status."""
    edit_params(home.project, {"train": LONG})
    with home.ask("train", "weighted") as asked:
        read_until_epoch(asked, 2)
        home.find_server().children()[0].kill()
        asked.communicate()
    assert asked.returncode == -signal.SIGKILL


def test_a_server_that_is_killed_is_done_without(project_copy: Path) -> None:
    """What trains is saved, and who asked fails in one line; from then on stages run as usual."""
    edit_params(project_copy, {"train": LONG})
    with run_home(project_copy) as home:
        with home.ask("train", "weighted") as asked:
            read_until_epoch(asked, 2)
            worker = home.find_server().children()[0]
            home.find_server().kill()
            printed, _ = asked.communicate()
        wait_for_end(worker)
        assert home.do("evaluate", "weighted") == (UNDONE, "")
    assert asked.returncode == 1
    said = [line for line in printed.splitlines() if not line.startswith("epoch ")]
    assert len(said) == 2
    assert any("the process that began this stage was killed" in line for line in said)
    assert any("is saved: `dvc repro` resumes after it" in line for line in said)


def test_a_server_ends_with_its_home(project_copy: Path) -> None:
    """Killed, as a power cut would: neither the server nor a child is left, and it can go on."""
    edit_params(project_copy, {"train": LONG})
    with run_home(project_copy) as home:
        server, started = home.find_server(), psutil.Process(home.process.pid).create_time()
        overseer = f"{home.process.pid} {started}"
        with home.ask("train", "weighted", SECOND_LOOK_OVERSEER=overseer) as asked:
            read_until_epoch(asked, 2)
            worker = server.children()[0]
            home.process.kill()
            printed, _ = asked.communicate()
        assert asked.returncode == 130
        assert "is saved: `dvc repro` resumes after it" in printed
        wait_for_end(server, worker)


def test_nothing_is_begun_before_a_fork() -> None:
    """TensorFlow is imported, and neither has a context nor looked for devices: a child does."""
    code = (
        "from secondlook.scheduling import fork_server\n"
        "fork_server.import_libraries()\n"
        "from tensorflow.python.eager import context\n"
        "here = context.context()\n"
        "assert (here._initialized, here._physical_devices) == (False, None)\n"
        "import sys\n"
        "assert not {'pandas', 'matplotlib', 'mlflow'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)


def test_nothing_to_do_starts_no_server(
    project_copy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A `repro` of what is up to date imports nothing beforehand."""
    monkeypatch.setattr(ForkServer, "start", lambda _: pytest.fail("started"))
    assert run_in_process(project_copy, "repro").returncode == 0
