"""A fork server as `secondlook repro` starts one, and stages asked of it as dvc would."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import psutil

from secondlook.scheduling.fork_client import VARIABLE
from tests.support.project import ROOT, SERVER, make_environment, start_printing

HOME = """
import os, sys
from secondlook.scheduling.fork_server import VARIABLE, ForkServer
with ForkServer() as server:
    server.start()
    if sys.argv[1:]:
        server.prepare_late_stages()
    print(os.environ[VARIABLE], flush=True)
    sys.stdin.read()
"""
UNDONE = 77  # exit status of ASK where the stage is to be run as usual
ASK = f"""
import os, sys
from secondlook.scheduling.fork_client import run_in_fork
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"  # as a command does
status = run_in_fork(sys.argv[1:])
sys.exit({UNDONE} if status is None else status)
"""


class Home:
    """A process that started a server, and what dvc's stages are given to find that."""

    def __init__(self, project: Path, process: "subprocess.Popen[str]", address: str) -> None:
        self.project, self.process = project, process
        self.variables = {VARIABLE: address, "DVC_STAGE": "x", "PYTHONUNBUFFERED": "1"}

    def find_server(self) -> psutil.Process:
        """Return the server."""
        return psutil.Process(self.process.pid).children()[0]

    def ask(self, *stage: str, **variables: str) -> "AbstractContextManager[subprocess.Popen[str]]":
        """Give the process that asks for a stage; it is killed if the block fails."""
        command = (sys.executable, "-c", ASK, *stage)
        return start_printing(self.project, *command, **self.variables, **variables)

    def do(self, *stage: str, **variables: str) -> tuple[int, str]:
        """Return the exit status of a stage, and what it printed."""
        with self.ask(*stage, **variables) as process:
            printed, _ = process.communicate()
        return process.returncode, printed


@contextmanager
def run_home(project: Path, *, late: bool = False, **variables: str) -> Iterator[Home]:
    """Give a server for a project, ended afterwards by its home; `late`: for late stages too."""
    with subprocess.Popen(
        [sys.executable, "-c", HOME, *(["late"] if late else [])],
        cwd=project,
        env=make_environment(project, **variables),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        home = Home(project, process, process.stdout.readline().strip())
        server = home.find_server()
        yield home
        process.communicate()
    assert not server.is_running()
    assert process.returncode or not Path(home.variables[VARIABLE]).parent.exists()


@contextmanager
def share_server(folder: Path) -> Iterator[None]:
    """Let the stages that `run_command` has dvc run be done by one server, in whatever project.

    They have one HOME then, `folder`: a server does nothing for who has other variables.
    """
    with run_home(ROOT, late=True, HOME=str(folder)) as home:
        SERVER.update(HOME=str(folder), **{VARIABLE: home.variables[VARIABLE]})
        try:
            yield
        finally:
            SERVER.clear()
