"""A real MLflow server with PostgreSQL behind it and an artifact folder of its own."""

import json
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest

from tests.support.mirror import assert_mirrored, find_runs_by_tag, list_steps, make_client
from tests.support.project import edit_params, list_stages_run, make_environment, run_command
from tests.support.servers import (
    POSTGRES_PASSWORD,
    QUOTED_PASSWORD,
    SECRET,
    PostgresCluster,
    find_free_port,
    run_mlflow_server,
    run_postgres,
)

if TYPE_CHECKING:
    from mlflow.entities import Run

pytestmark = pytest.mark.server

EPOCHS = 100  # of a training that is surely killed in its course
LONG = {"class_weight": "balanced", "epochs": EPOCHS}
TRACK = [sys.executable, "-m", "stages", "track"]


@dataclass(frozen=True)
class Site:
    """A server, the database behind it, its artifact folder, and two projects that log to it."""

    uri: str
    cluster: PostgresCluster
    folder: Path
    projects: tuple[Path, Path]

    def run(self, project: Path, *command: str, fails: bool = False) -> str:
        """Run a command in a project that tracks to the server; its output is kept."""
        printed = run_command(project, *command, fails=fails, MLFLOW_TRACKING_URI=self.uri)
        with (self.folder / "printed").open("a") as file:
            file.write(printed)
        return printed


@pytest.fixture(scope="module")
def cluster() -> Iterator[PostgresCluster]:
    """Give a PostgreSQL without databases."""
    with run_postgres() as started:
        yield started


@pytest.fixture(scope="module")
def site(
    cluster: PostgresCluster, finished_project: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Site]:
    """Give a server that knows nothing yet, and two finished projects."""
    folder, port = tmp_path_factory.mktemp("server"), find_free_port()
    first, second = (
        Path(shutil.copytree(finished_project, folder / name, symlinks=True))
        for name in ("first", "second")
    )
    with run_mlflow_server(folder, cluster.create_database("mlflow"), port) as there:
        yield Site(there.uri, cluster, folder, (first, second))


def wait_for(site: Site, status: str) -> "Run":
    """Return the long run of the first project once it has an epoch or more, and the status."""
    deadline, asked = time.monotonic() + 120, make_client(site.folder, site.uri)
    while time.monotonic() < deadline:
        for found in find_runs_by_tag(asked).values():
            long = found.data.params.get("train.epochs") == str(EPOCHS)
            if long and found.info.status == status and "train/objective" in found.data.metrics:
                return found
        time.sleep(0.3)  # a server that is asked all the time has none for the training
    return pytest.fail(f"the run never became {status}")


def kill_training(of: "subprocess.Popen[bytes]") -> None:
    """Kill the training below a running dvc, and nothing else."""
    (training,) = (
        process
        for process in psutil.Process(of.pid).children(recursive=True)
        if process.cmdline()[1:4] == ["-m", "stages", "train"]
    )
    training.send_signal(signal.SIGKILL)


def test_a_killed_training_ends_as_one_run(site: Site) -> None:
    """Killed in its course it is KILLED; the next `dvc repro` ends it, with each epoch once."""
    project = site.projects[0]
    edit_params(project, {"runs": {"unweighted": {}, "weighted": LONG}, "track": {"live_after": 0}})
    environment = make_environment(project, MLFLOW_TRACKING_URI=site.uri)
    with subprocess.Popen(["dvc", "repro"], cwd=project, env=environment) as repro:
        begun = wait_for(site, "RUNNING")
        kill_training(repro)
    assert repro.returncode != 0
    killed = wait_for(site, "KILLED")
    assert len(list_steps(make_client(site.folder, site.uri), killed, "train/objective")) < EPOCHS
    assert "train@weighted" in list_stages_run(site.run(project, "dvc", "repro"))
    assert assert_mirrored(project, site.uri)["weighted"] == killed.info.run_id == begun.info.run_id


def test_two_projects_share_the_server(site: Site) -> None:
    """What both have is there once, each finds its own; the report is that of the last to track."""
    first, second = site.projects
    for project in (first, second, first):
        assert list_stages_run(site.run(project, "dvc", "repro")) == ["track"]
        assert_mirrored(project, site.uri)
    asked = make_client(site.folder, site.uri)
    assert len(find_runs_by_tag(asked)) == 3
    assert len(find_runs_by_tag(asked, "second_look.data")) == 1


def test_lost_artifacts_come_back(site: Site) -> None:
    """With the server's artifact folder gone, one `dvc repro` logs every file again."""
    project = site.projects[0]
    before = assert_mirrored(project, site.uri)
    shutil.rmtree(site.folder / "artifacts")
    assert list_stages_run(site.run(project, "dvc", "repro")) == ["track"]
    assert assert_mirrored(project, site.uri) == before


def test_a_moved_project_finds_its_runs(site: Site) -> None:
    """Under another path, everything is there already."""
    project = site.projects[0]
    before = assert_mirrored(project, site.uri)
    moved = project.rename(project.with_name("moved"))
    assert "already there: unweighted, weighted" in site.run(moved, "dvc", "repro")
    moved.rename(project)
    assert assert_mirrored(project, site.uri) == before


def test_six_processes_of_two_projects_start_at_once(
    site: Site, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """On a server whose database was lost, all six succeed, and every run is there once."""
    folder, port = tmp_path_factory.mktemp("empty"), find_free_port()
    with run_mlflow_server(folder, site.cluster.create_database("empty"), port) as there:
        environment = make_environment(folder, MLFLOW_TRACKING_URI=there.uri)
        six = [
            subprocess.Popen(TRACK, cwd=project, env=environment, stdout=subprocess.DEVNULL)
            for project in site.projects * 3
        ]
        assert [process.wait() for process in six] == [0] * 6
        trained = [path for each in site.projects for path in each.glob("data/train/*/run.json")]
        keys = {json.loads(path.read_text())["key"] for path in trained}
        assert find_runs_by_tag(make_client(folder, there.uri)).keys() == keys
        for project in site.projects:
            run_command(project, *TRACK, MLFLOW_TRACKING_URI=there.uri)
            assert_mirrored(project, there.uri)


def test_a_database_alone_will_do(site: Site, cluster: PostgresCluster) -> None:
    """Without a server, PostgreSQL holds the runs and the project's mlruns/ their files."""
    project, uri = site.projects[1], cluster.create_database("direct")
    shutil.rmtree(project / "mlruns")
    printed = run_command(project, "dvc", "repro", MLFLOW_TRACKING_URI=uri)
    assert_mirrored(project, uri)
    assert next((project / "mlruns").glob("*/artifacts/run.json"))
    wrong = uri.replace(QUOTED_PASSWORD, "Qwrong%2Fsecret")
    refused = run_command(project, *TRACK, fails=True, MLFLOW_TRACKING_URI=wrong)
    assert "password authentication failed" in refused
    stored = cluster.dump_database("direct")
    for secret in (POSTGRES_PASSWORD, QUOTED_PASSWORD, "Qwrong", "looker"):
        assert secret not in printed + refused + stored


def test_no_credentials_are_left_anywhere(site: Site) -> None:
    """Not in a project's files, its outputs, the server's database, or the artifacts."""
    project, makefile = site.projects[0], site.projects[0] / "Makefile"
    makefile.write_text(f"export MLFLOW_TRACKING_URI = {site.uri}\n")
    shutil.rmtree(site.folder / "artifacts", ignore_errors=True)
    site.run(project, "dvc", "repro")
    kept = [path for path in site.folder.rglob("*") if path.is_file()]
    assert [path for path in kept if SECRET.encode() in path.read_bytes()] == [makefile]
    (difference, *_) = (path for path in kept if path.name == "uncommitted.diff")
    assert "+export MLFLOW_TRACKING_URI = http://127.0.0.1:" in difference.read_text()
    assert SECRET not in site.cluster.dump_database("mlflow")
