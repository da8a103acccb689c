"""A stage that is done by a child of the fork server, which has the libraries already.

The process that dvc started stands for the child: passes Ctrl-C on, ends with the dvc above it, and
ends as the child does. Where anything is other than when the server began (code, libraries,
variables), or the server is gone, the stage is run as usual.
"""

import hashlib
import json
import os
import signal
import socket
import sys
import sysconfig
from collections.abc import Mapping
from contextlib import closing, nullcontext, suppress
from pathlib import Path
from types import FrameType

from secondlook.config.dvc import SECONDS, SIGNAL, end_with_dvc
from secondlook.config.processes import handle_signals

VARIABLE = "SECOND_LOOK_FORK_SERVER"  # where the server listens
STAGES = ("train", "evaluate", "trial", "compare", "report", "track")  # whose imports take longest
STARTED = b"+"  # is told by a child at work; its exit status follows
CODE = Path(__file__).parents[2]  # the folder of both packages
# Nothing reads these variables as it is imported: they may differ from the server's.
LATE_PREFIXES = ("DVC_", "SECOND_LOOK_", "MLFLOW_", "GIT_")
LATE_VARIABLES = {
    *("CUDA_VISIBLE_DEVICES", "PYTHONUNBUFFERED", "PATH", "PWD", "OLDPWD", "SHLVL", "_"),
    *("TERM", "COLUMNS", "LINES"),
}


def run_in_fork(arguments: list[str]) -> int | None:
    """Let a child of the server do a stage; return its exit status, None where none can.

    Ends as the child does where a signal ended that. Raises KeyboardInterrupt before it began.
    """
    if not os.environ.get(VARIABLE) or not arguments or arguments[0] not in STAGES:
        return None
    with closing(socket.socket(socket.AF_UNIX)) as connection:
        try:
            connection.connect(os.environ[VARIABLE])
            _send_request(connection)
            started = connection.recv(1) == STARTED
        except OSError:
            return None
        status = _await_status(connection) if started else None
    if status is not None and status < 0:
        with suppress(OSError):  # SIGKILL cannot be handled otherwise
            signal.signal(-status, signal.SIG_DFL)
        os.kill(os.getpid(), -status)
    return status


def _send_request(connection: socket.socket) -> None:
    """Ask for a child that becomes what this process is."""
    request = {
        "code": hash_code(),
        "argv": sys.argv,
        "path": sys.path,
        "folder": str(Path.cwd()),
        "variables": dict(os.environ),
    }
    socket.send_fds(connection, [b"\n"], [0, 1, 2])
    connection.sendall(json.dumps(request).encode() + b"\n")


def hash_code() -> str:
    """Return the SHA-256 (hex) of what a process is made of: this Python, libraries, all code."""
    libraries = Path(sysconfig.get_path("purelib"))  # one more, or less, shows in its time
    told = (sys.version, sys.prefix, sys.flags.optimize, libraries.stat().st_mtime_ns)
    digest = hashlib.sha256(repr(told).encode())
    for package in ("stages", "secondlook"):
        for file in sorted((CODE / package).rglob("*")):
            if "__pycache__" not in file.parts and file.is_file():
                content = file.read_bytes()
                digest.update(f"{file.relative_to(CODE)} {len(content)}\n".encode() + content)
    return digest.hexdigest()


def list_early_variables(variables: Mapping[str, str]) -> dict[str, str]:
    """Return the variables that may have been read as something was imported."""
    return {
        name: value
        for name, value in variables.items()
        if name not in LATE_VARIABLES and not name.startswith(LATE_PREFIXES)
    }


def _await_status(connection: socket.socket) -> int:
    """Return the exit status of the child, which ends by Ctrl-C and with the dvc above us."""

    def pass_on(number: int, _: FrameType | None) -> None:
        with suppress(OSError):  # it has ended just now
            connection.sendall(bytes([number]))

    told, watch = b"", True
    with handle_signals(pass_on, (signal.SIGTERM, signal.SIGHUP)):
        while True:
            try:
                with end_with_dvc() if watch else nullcontext():
                    told += _read_to_end(connection)
                break
            except KeyboardInterrupt:
                pass_on(SIGNAL, None)
                watch = False  # that dvc is gone is told once
    if not told:
        print(
            "secondlook: the process that began this stage was killed, and the stage ended with "
            "it; the next `dvc repro` goes on after what is saved",
            file=sys.stderr,
        )
    return int(told or 1)


def _read_to_end(connection: socket.socket) -> bytes:
    """Return what is sent until the other side closes; looks up now and then, to hear of dvc."""
    told = b""
    connection.settimeout(SECONDS)
    while True:
        with suppress(TimeoutError):
            part = connection.recv(64)
            if not part:
                return told
            told += part
