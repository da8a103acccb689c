"""Real MLflow servers on loopback, which a test can stop, freeze and start again."""

import os
import secrets
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

SECRET = secrets.token_hex(8)  # has to be found nowhere, not even in a copy of this file
STARTING = 300  # seconds
# Processes that none of this needs take as long to start as the server itself.
LEAN = {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false", "MLFLOW_DISABLE_TELEMETRY": "true"}


@dataclass(frozen=True)
class Server:
    """A server that runs; `uri` holds a user and a password."""

    uri: str
    process: "subprocess.Popen[bytes]"

    def freeze(self) -> None:
        """Let it accept connections and say nothing, as a computer does that is swapping."""
        os.killpg(self.process.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on."""
        os.killpg(self.process.pid, signal.SIGCONT)


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def address(port: int) -> str:
    """Return the tracking URI of the server at a port."""
    return f"http://me:{SECRET}@127.0.0.1:{port}"


@contextmanager
def server(folder: Path, backend: str, port: int) -> Iterator[Server]:
    """Start a server on the database `backend` that keeps artifacts in `folder`/artifacts."""
    command = [sys.executable, "-m", "mlflow", "server", "--port", str(port), "--workers", "1"]
    command += ["--backend-store-uri", backend]
    command += ["--artifacts-destination", str(folder / "artifacts")]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            command, stdout=log, stderr=log, env=os.environ | LEAN, start_new_session=True
        )
    try:
        wait_for(f"http://127.0.0.1:{port}/health", process, folder / "log")
        yield Server(address(port), process)
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)  # its workers too
        process.wait()


def wait_for(url: str, process: "subprocess.Popen[bytes]", log: Path) -> None:
    """Return once the server answers."""
    deadline = time.monotonic() + STARTING
    while time.monotonic() < deadline and process.poll() is None:
        try:
            urllib.request.urlopen(url, timeout=5).close()  # noqa: S310 - the server above
        except OSError:
            time.sleep(0.2)
        else:
            return
    pytest.fail(f"the server did not start:\n{log.read_text()}")
