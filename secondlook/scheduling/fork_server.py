"""A process that has imported what stages need, and forks a child that is ready for each of them.

Importing TensorFlow takes longer than many a small training. No network is made and no device
looked for before the fork, so that a child is what a fresh process would be. Who asks is told in
fork_client.py.
"""

import atexit
import gc
import json
import os
import runpy
import signal
import socket
import subprocess
import sys
from collections.abc import Iterable, Mapping
from contextlib import ExitStack, closing, suppress
from importlib import import_module
from multiprocessing import get_context
from multiprocessing.connection import wait
from multiprocessing.process import BaseProcess
from subprocess import DEVNULL, PIPE, TimeoutExpired
from typing import Any, Self, TextIO

from secondlook.config.dvc import SIGNAL, name_overseer, raise_interrupt
from secondlook.config.processes import build_environment, make_temporary_folder, start_command
from secondlook.scheduling.fork_client import (
    STARTED,
    VARIABLE,
    hash_code,
    list_early_variables,
)
from secondlook.training import environment

PATIENCE = 5.0  # seconds that a request may take to arrive, and the server to end
LATE = b"l"  # is told when all runs are trained
# What stages import; where one of these libraries would import another that stages go without, that
# is left out as they do it: in secondlook/training.
LIBRARIES = {
    ("keras", "tensorflow"): environment.LEFT_OUT,
    (
        *("sklearn.model_selection", "sklearn.linear_model", "sklearn.random_projection"),
        *("scipy.stats", "scipy.special", "scipy.linalg", "h5py", "threadpoolctl", "psutil"),
    ): ("pandas",),
}
MODULES = (
    *("stages.train", "stages.evaluate", "stages.trial", "secondlook.commands.command_group"),
    *("secondlook.config.params", "secondlook.tracking.live", "secondlook.training.backbone"),
    *("secondlook.training.optimization", "secondlook.training.layer_outputs"),
)
# What compare, report and track ask for besides: imported while dvc looks what is to be done. Not
# MLflow, which looks around as it is imported: secondlook/tracking says first what it may do.
LATE_MODULES = (
    *("stages.compare", "stages.report", "stages.track", "secondlook.report.figures", "pandas"),
)


class ForkServer:
    """One server, from when somebody has use for it to the end of this context."""

    def __init__(self) -> None:
        self._held = ExitStack()
        self._process: subprocess.Popen[str] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._held.close()

    def start(self) -> None:
        """Start it, unless there is one; where that cannot be, stages are run as usual."""
        if os.environ.get(VARIABLE):
            return
        with suppress(OSError):
            folder = self._held.enter_context(make_temporary_folder("second-look-fork-"))
            address = str(folder / "socket")
            with closing(socket.socket(socket.AF_UNIX)) as listener:
                listener.bind(address)
                listener.listen()  # from now on who asks waits for an answer
                number = listener.fileno()
                command = (sys.executable, "-m", "secondlook.scheduling.fork_server", str(number))
                starting = start_command(
                    [*command],
                    environment=build_environment(PYTHONUNBUFFERED="1"),
                    stdin=PIPE,
                    stdout=DEVNULL,
                    stderr=DEVNULL,
                    pass_fds=[number],
                )
                self._process = self._held.enter_context(starting)
                self._held.callback(_end_server, self._process)
            os.environ[VARIABLE] = address
            self._held.callback(os.environ.pop, VARIABLE)

    def prepare_late_stages(self) -> None:
        """Let it import what the stages after the trainings need, where it is there."""
        if self._process and self._process.stdin:
            with suppress(OSError):
                os.write(self._process.stdin.fileno(), LATE)


def _end_server(process: "subprocess.Popen[str]") -> None:
    """End a server: at once while it still imports, else after the last of its children."""
    if process.stdin:
        process.stdin.close()
    process.terminate()
    try:
        process.wait(PATIENCE)
    except TimeoutExpired:
        process.kill()


class _Server:
    """What this process was made of when it began, and which children are at work for whom."""

    def __init__(self, listener: socket.socket) -> None:
        self.listener = listener
        self.code, self.variables = hash_code(), list_early_variables(os.environ)
        self.overseer = name_overseer()  # children end with us, and dvc's end is told to them
        self.workers: dict[socket.socket, BaseProcess] = {}

    def serve(self, home: int) -> None:
        """Do what is asked until `home`, a pipe, is at its end, and until the last child is."""
        asked: tuple[Any, ...] = (home, self.listener)
        while asked or self.workers:
            ended = {worker.sentinel: worker for worker in self.workers.values()}
            ready = wait([*asked, *self.workers, *ended])
            if home in ready and os.read(home, 1) == LATE:
                _preload(LATE_MODULES)
            elif home in ready:
                asked = ()
                self.listener.close()  # who comes now runs the stage as usual
            elif self.listener in ready:
                self._accept()
            for connection, worker in list(self.workers.items()):
                if worker.sentinel in ready or (
                    connection in ready and not _pass_on(connection, worker)
                ):
                    self._end(connection, worker)

    def _accept(self) -> None:
        """Fork a child for whoever asks; they run the stage as usual where that is refused."""
        connection, _ = self.listener.accept()
        connection.settimeout(PATIENCE)
        descriptors: list[int] = []
        try:
            _, descriptors, *_ = socket.recv_fds(connection, 1, 3)
            with connection.makefile("rb") as sent:
                request = json.loads(sent.readline())
            if self._suits(request):
                arguments = (connection, request, descriptors)
                worker = get_context("fork").Process(target=self._work, args=arguments)
                worker.start()
                self.workers[connection] = worker
        except (OSError, ValueError):  # who asked is gone
            pass
        finally:
            for descriptor in descriptors:
                os.close(descriptor)
            if connection not in self.workers:
                connection.close()

    def _suits(self, request: Mapping[str, Any]) -> bool:
        """Tell whether a child would be what a process is that begins now."""
        same = list_early_variables(request["variables"]) == self.variables
        return same and request["code"] == self.code == hash_code()

    def _work(
        self, connection: socket.socket, request: Mapping[str, Any], descriptors: list[int]
    ) -> None:
        """Become the process that asked, in a child, and do its work."""
        os.setsid()
        for other in (self.listener, *self.workers):
            other.close()
        for number, descriptor in enumerate(descriptors):
            os.dup2(descriptor, number)
            os.close(descriptor)
        sys.stdout, sys.stderr = _open_stream(sys.stdout), _open_stream(sys.stderr)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        os.chdir(request["folder"])
        os.environ.clear()
        os.environ |= request["variables"] | self.overseer
        del os.environ[VARIABLE]  # it does the stage itself
        sys.argv, sys.path[:] = request["argv"], request["path"]
        with connection:
            connection.sendall(STARTED)
        try:
            runpy.run_module("stages", run_name="__main__", alter_sys=True)
        finally:
            atexit._run_exitfuncs()  # noqa: SLF001 - else a child of multiprocessing has none

    def _end(self, connection: socket.socket, worker: BaseProcess) -> None:
        """Tell how a child ended."""
        worker.join()
        with connection, suppress(OSError):
            connection.sendall(str(worker.exitcode).encode())
        del self.workers[connection]


def _open_stream(before: TextIO) -> TextIO:
    """Return a stream to where the descriptor of another one leads now."""
    return open(before.fileno(), "w", 1, before.encoding, before.errors, closefd=False)


def _pass_on(connection: socket.socket, worker: BaseProcess) -> bool:
    """Send a child the signals that are told; kill it, and return False, where nobody tells any."""
    told = b""
    with suppress(OSError):
        told = connection.recv(64)
    pid = worker.pid or -1  # of one that was started it is known
    for number in told:
        os.kill(pid, number)
    if not told:
        with suppress(ProcessLookupError):  # it has no session of its own yet
            os.killpg(pid, signal.SIGKILL)
        worker.kill()
    return bool(told)


def import_libraries() -> None:
    """Import what trainings ask for, as they do, and use nothing of it."""
    environment.choose_backend()
    for names, left_out in LIBRARIES.items():
        with environment.leave_out(left_out):
            _preload(names)
    _preload(MODULES)


def _preload(names: Iterable[str]) -> None:
    for name in names:
        import_module(name)
    gc.freeze()  # else each child copies the memory of all that garbage is looked for in


def main() -> None:
    """Serve at the socket whose descriptor is given, until standard input ends."""
    gc.set_threshold(50_000)
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # as a command does
    signal.signal(SIGNAL, raise_interrupt)  # a child is told so from its first moment
    server = _Server(socket.socket(fileno=int(sys.argv[1])))  # before anyone edits the code
    import_libraries()
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    server.serve(sys.stdin.fileno())
    os._exit(0)  # there is nothing to be tidied, which takes a second


if __name__ == "__main__":
    main()
