"""The home of a cluster: `secondlook repro --ray` in a project, as a process."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from tests.support.cluster import RayCluster
from tests.support.project import ROOT, start_printing
from tests.support.s3 import S3_VARIABLES
from tests.support.shell_pipeline import PATIENCE

if TYPE_CHECKING:
    import subprocess
    from contextlib import AbstractContextManager

REPRO = (sys.executable, "-m", "stages", "repro", "--ray")


def list_home_variables(cluster: RayCluster) -> dict[str, str]:
    """Return what the command has in its environment: the cluster's token, the bucket's key."""
    return {"PYTHONPATH": str(ROOT), **cluster.variables, **S3_VARIABLES}


def start_home(
    project: Path, cluster: RayCluster, *options: str
) -> "AbstractContextManager[subprocess.Popen[str]]":
    """Start the command in a project; it is killed if the test fails."""
    command = (*REPRO, cluster.address, *options)
    return start_printing(project, *command, **list_home_variables(cluster))


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
