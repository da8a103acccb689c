"""The home of a cluster: `secondlook repro --ray` in a project, as a process."""

import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tests.support.cluster import RayCluster
from tests.support.project import ROOT, make_environment
from tests.support.s3 import S3_VARIABLES
from tests.support.shell_pipeline import PATIENCE

REPRO = (sys.executable, "-m", "stages", "repro", "--ray")


def make_home_environment(
    project: Path, cluster: RayCluster, variables: Mapping[str, str]
) -> dict[str, str]:
    """Return the environment of the command, with the cluster's token and the bucket's key."""
    own = {"PYTHONPATH": str(ROOT), **cluster.variables, **S3_VARIABLES}
    return make_environment(project, **(own | dict(variables)))


@contextmanager
def start_home(
    project: Path, cluster: RayCluster, *options: str
) -> "Iterator[subprocess.Popen[str]]":
    """Start the command in a project; it is killed if the test fails."""
    with subprocess.Popen(
        [*REPRO, cluster.address, *options],
        cwd=project,
        env=make_home_environment(project, cluster, {}),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def run_home(project: Path, cluster: RayCluster, *options: str, fails: bool = False) -> str:
    """Run the command in a project to its end, and return what it printed."""
    with start_home(project, cluster, *options) as process:
        return read_to_end(process, fails=fails)


def read_to_end(process: "subprocess.Popen[str]", *, fails: bool = False) -> str:
    """Return what the command prints until its end, which is no traceback."""
    printed, _ = process.communicate(timeout=PATIENCE)
    assert process.returncode == int(fails), printed
    assert "Traceback" not in printed
    return printed
