"""The cluster and S3 server that tests of `repro --ray` stand on are real, and leave nothing."""

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import cluster, s3
from tests.support.cluster import RayCluster
from tests.support.project import make_environment, run_command
from tests.support.servers import START_SECONDS

pytestmark = pytest.mark.slow
OTHER = "2.20.0"

DRIVER = """
import sys
import ray

ray.init(address=sys.argv[1], log_to_driver=False, logging_level="ERROR")

@ray.remote(num_cpus=1, max_retries=3)
def work(log, seconds):
    import importlib.metadata, os, subprocess, time
    child = subprocess.Popen(["sleep", "600"], start_new_session=True)
    print("started", file=open(log, "a"), flush=True)
    try:
        for _ in range(int(seconds * 10)):
            time.sleep(0.1)
    finally:
        child.kill()
    return os.environ["SECOND_LOOK_TEST_NODE"], importlib.metadata.version("tensorflow")

print(ray.get(work.remote(sys.argv[2], float(sys.argv[3]))))
"""


@pytest.fixture(scope="module")
def loopback() -> Iterator[RayCluster]:
    """Give a head without tasks, and two nodes; all must go at the end."""
    with cluster.run_cluster("first", "second", head_cpus=0) as running:
        yield running


def start_driver(running: RayCluster, log: Path, seconds: float) -> "subprocess.Popen[str]":
    """Start a process that has one task done by the cluster, and return when the task began."""
    log.write_text("")
    driver = subprocess.Popen(
        [sys.executable, "-c", DRIVER, running.address, str(log), str(seconds)],
        env=make_environment(log.parent, **running.variables),
        stdout=subprocess.PIPE,
        text=True,
    )
    wait_for_start(log, 1)
    return driver


def wait_for_start(log: Path, count: int) -> None:
    """Return when the task has been started as many times."""
    deadline = time.monotonic() + START_SECONDS
    while log.read_text().count("started") < count:
        assert time.monotonic() < deadline
        time.sleep(0.1)


def find_busy_node(running: RayCluster) -> str:
    """Return the name of the node that a task's child runs on."""
    (name,) = (
        name
        for name, node in running.nodes.items()
        if any(process.name() == "sleep" for process in node.list_processes())
    )
    return name


def test_a_task_of_a_killed_node_runs_on_the_other(loopback: RayCluster, tmp_path: Path) -> None:
    """All that the node ran is gone, and the task ends on the node that is left."""
    driver = start_driver(loopback, tmp_path / "log", 5)
    name = find_busy_node(loopback)
    (other,) = {"first", "second"} - {name}
    loopback.nodes[name].kill()
    assert loopback.nodes[name].list_processes() == []
    wait_for_start(tmp_path / "log", 2)
    assert find_busy_node(loopback) == other
    said, _ = driver.communicate(timeout=START_SECONDS)
    assert loopback.nodes[other].mark in said
    loopback.start_nodes(1, name)


def test_a_frozen_node_is_given_up(loopback: RayCluster, tmp_path: Path) -> None:
    """Its processes answer nothing, and home is told so in a quarter of a minute."""
    asked = (
        "import ray, sys; ray.init(address=sys.argv[1]); print(*(n['Alive'] for n in ray.nodes()))"
    )
    loopback.start_nodes(1, "third")
    loopback.nodes["third"].send_signal(signal.SIGSTOP)
    said = ""
    deadline = time.monotonic() + START_SECONDS
    while "False" not in said and time.monotonic() < deadline:
        command = (sys.executable, "-c", asked, loopback.address)
        said = run_command(tmp_path, *command, fails=False, **loopback.variables)
    loopback.nodes["third"].kill()
    assert "False" in said


def test_nobody_is_let_in_without_the_token(loopback: RayCluster, tmp_path: Path) -> None:
    """Another token is refused."""
    (tmp_path / "token").write_text("0" * 64)
    other = loopback.variables | {"RAY_AUTH_TOKEN_PATH": str(tmp_path / "token")}
    asked = "import ray, sys; ray.init(address=sys.argv[1])"
    command = (sys.executable, "-c", asked, loopback.address)
    said = run_command(tmp_path, *command, fails=True, RAY_NUM_REDIS_GET_RETRIES="1", **other)
    assert "InvalidAuthToken" in said


def test_a_node_can_pretend_another_tensorflow(tmp_path: Path) -> None:
    """Its Python finds the version that it is told to have."""
    asked = "import importlib.metadata; print(importlib.metadata.version('tensorflow'))"
    variables = cluster.pretend_tensorflow(tmp_path / "other", OTHER)
    assert (
        run_command(tmp_path, sys.executable, "-c", asked, fails=False, **variables) == f"{OTHER}\n"
    )


def test_an_s3_remote_can_go_down_and_come_back(tmp_path: Path) -> None:
    """What was pushed before is there after."""
    project = tmp_path / "project"
    project.mkdir()
    run_command(project, "git", "init", "--quiet")
    run_command(project, "dvc", "init", "--quiet")
    (project / "file").write_text("a")
    run_command(project, "dvc", "add", "--quiet", "file")
    with s3.run_s3() as server:
        s3.add_s3_remote(project, server)
        assert "1 file pushed" in run_command(
            project, "dvc", "push", fails=False, **server.variables
        )
        server.stop()
        run_command(project, "dvc", "push", fails=True, **server.variables)
        server.start()
        assert "up to date" in run_command(project, "dvc", "push", fails=False, **server.variables)
