"""A real Ray cluster of several nodes on this machine, and an S3 server, each gone with the test.

Every process of a node has the node's mark in its environment, and so have those that tasks start:
by it a node is killed whole, and a test knows that none is left.
"""

import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import pytest

from tests.support.project import make_environment
from tests.support.servers import START_SECONDS, find_free_port

MARK = "SECOND_LOOK_TEST_NODE"
END_SECONDS = 60
RAY = str(Path(sys.executable).with_name("ray"))
NODE_VARIABLES = {
    "RAY_ENABLE_UV_RUN_RUNTIME_ENV": "0",
    "RAY_USAGE_STATS_ENABLED": "0",
    # Else a machine that tests keep busy kills tasks.
    "RAY_memory_monitor_refresh_ms": "0",
    # A frozen node is dead after a quarter of a minute; one whose processes die is so at once.
    "RAY_health_check_initial_delay_ms": "5000",
    "RAY_health_check_period_ms": "1000",
    "RAY_health_check_timeout_ms": "4000",
    "RAY_health_check_failure_threshold": "3",
    # Nodes end themselves so many seconds after the head.
    "RAY_gcs_rpc_server_reconnect_timeout_s": "10",
}


@dataclass(frozen=True)
class RayNode:
    """One node: what `ray start` began, and its mark."""

    mark: str
    process: "subprocess.Popen[bytes]"
    log: Path

    def list_processes(self) -> list[psutil.Process]:
        """Return the living processes of the node, with those that its tasks started."""
        return [process for process in psutil.process_iter() if _read_mark(process) == self.mark]

    def send_signal(self, number: signal.Signals) -> None:
        """Send all of them a signal: SIGSTOP makes a node that does not answer."""
        for process in self.list_processes():
            with suppress(psutil.Error):
                process.send_signal(number)

    def kill(self) -> None:
        """Kill all of them, as a power cut does."""
        deadline = time.monotonic() + END_SECONDS
        while self.list_processes() and time.monotonic() < deadline:
            self.send_signal(signal.SIGKILL)
            time.sleep(0.05)
        self.process.wait()

    def stop(self) -> list[str]:
        """End the node as `ray stop` does; return what is still there after it, and kill that."""
        self.process.terminate()
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(END_SECONDS)
        left = [shown for process in self.list_processes() if (shown := _show_process(process))]
        self.kill()
        return left


@dataclass
class RayCluster:
    """A head and its nodes, in a folder with a short path: sockets are in it."""

    folder: Path
    port: int
    nodes: dict[str, RayNode] = field(default_factory=dict)

    @property
    def address(self) -> str:
        """What a user gives to --ray."""
        return f"127.0.0.1:{self.port}"

    @property
    def variables(self) -> dict[str, str]:
        """What a user needs in the environment to be let in."""
        return {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN_PATH": str(self.folder / "token")}

    def start_head(self, cpus: int) -> RayNode:
        """Start the head; with `cpus` of 0 no task runs there."""
        command = ["--head", "--port", str(self.port), "--include-dashboard=false"]
        command += ["--ray-client-server-port", str(find_free_port())]
        return wait_for_node(self._launch_node("head", cpus, command, {}))

    def start_nodes(self, cpus: int, *names: str, **variables: str) -> list[RayNode]:
        """Start nodes at once, each of `cpus` CPUs, and return when all have joined.

        The variables are added to their environment, and by that to the environment of tasks.
        """
        command = ["--address", self.address]
        started = [self._launch_node(name, cpus, command, variables) for name in names]
        return [wait_for_node(node) for node in started]

    def _launch_node(
        self, name: str, cpus: int, options: list[str], variables: dict[str, str]
    ) -> RayNode:
        mark = f"{self.folder.name}-{name}"
        log = self.folder / f"{name}.log"
        command = [RAY, "start", "--block", "--disable-usage-stats", *options]
        command += [
            "--num-cpus",
            str(cpus),
            "--num-gpus",
            "0",
            "--temp-dir",
            str(self.folder / name),
        ]
        command += ["--node-ip-address", "127.0.0.1", "--object-store-memory", str(80 * 2**20)]
        command += ["--min-worker-port", "0", "--max-worker-port", "0"]
        environment = make_environment(self.folder / name, **NODE_VARIABLES, **self.variables)
        with log.open("wb") as written:
            process = subprocess.Popen(
                command,
                env=environment | {MARK: mark} | variables,
                cwd=self.folder,
                stdout=written,
                stderr=written,
                start_new_session=True,
            )
        self.nodes[name] = RayNode(mark, process, log)
        return self.nodes[name]


def _read_mark(process: psutil.Process) -> str | None:
    try:
        return process.environ().get(MARK)
    except psutil.Error:  # gone, a zombie, or somebody else's
        return None


def _show_process(process: psutil.Process) -> str:
    with suppress(psutil.Error):
        return f"{process.pid} {' '.join(process.cmdline())[:200]}"
    return ""


def wait_for_node(node: RayNode) -> RayNode:
    """Return the node once it has joined."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and node.process.poll() is None:
        if "Ray runtime started" in node.log.read_text():
            return node
        time.sleep(0.1)
    pytest.fail(f"the node did not start:\n{node.log.read_text()}")


@contextmanager
def run_cluster(*names: str, head_cpus: int = 1, cpus: int = 1) -> Iterator[RayCluster]:
    """Start a head and nodes of these names; at the end all must go, with what tasks started."""
    # Not pytest's folder: a socket's path has at most 107 characters.
    folder = Path(tempfile.mkdtemp(prefix="ray-", dir="/tmp"))
    (folder / "token").write_text(secrets.token_hex(32))
    (folder / "token").chmod(0o600)
    cluster = RayCluster(folder, find_free_port())
    left: list[str] = []
    try:
        cluster.start_head(head_cpus)
        cluster.start_nodes(cpus, *names)
        yield cluster
    finally:
        for node in reversed(cluster.nodes.values()):
            left += node.stop()
        shutil.rmtree(folder, ignore_errors=True)
    assert left == []


def pretend_tensorflow(folder: Path, version: str) -> dict[str, str]:
    """Return variables for a node whose Python says that it has this version of TensorFlow."""
    information = folder / f"tensorflow-{version}.dist-info"
    information.mkdir(parents=True)
    told = f"Metadata-Version: 2.1\nName: tensorflow\nVersion: {version}\n"
    (information / "METADATA").write_text(told)
    return {"PYTHONPATH": str(folder)}
