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

import psutil
import pytest
from mlflow.entities import Run

from tests.mirror import assert_mirrored, client, runs, steps
from tests.pipeline_builder import change, ran, run, surroundings
from tests.postgres import PASSWORD, QUOTED, Cluster, postgres
from tests.servers import SECRET, free_port, server

LONG = {"class_weight": "balanced", "epochs": 40}
TRACK = [sys.executable, "-m", "stages", "track"]


@dataclass(frozen=True)
class Site:
    """A server, the database behind it, its artifact folder, and two projects that log to it."""

    uri: str
    cluster: Cluster
    folder: Path
    projects: tuple[Path, Path]

    def run(self, project: Path, *command: str, fails: bool = False) -> str:
        """Run a command in a project that tracks to the server; its output is kept."""
        printed = run(project, *command, fails=fails, MLFLOW_TRACKING_URI=self.uri)
        with (self.folder / "printed").open("a") as file:
            file.write(printed)
        return printed


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    """Give a PostgreSQL without databases."""
    with postgres() as started:
        yield started


@pytest.fixture(scope="module")
def site(
    cluster: Cluster, pipeline: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Site]:
    """Give a server that knows nothing yet, and two finished projects."""
    folder, port = tmp_path_factory.mktemp("server"), free_port()
    first, second = (
        Path(shutil.copytree(pipeline, folder / name, symlinks=True))
        for name in ("first", "second")
    )
    with server(folder, cluster.create("mlflow"), port) as there:
        yield Site(there.uri, cluster, folder, (first, second))


def wait_for(site: Site, status: str) -> Run:
    """Return the long run of the first project once it has an epoch or more, and the status."""
    deadline, asked = time.monotonic() + 120, client(site.folder, site.uri)
    while time.monotonic() < deadline:
        for found in runs(asked).values():
            long = found.data.params.get("train.epochs") == "40"
            if long and found.info.status == status and "train/objective" in found.data.metrics:
                return found
        time.sleep(0.1)
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
    change(project, {"runs": {"unweighted": {}, "weighted": LONG}, "track": {"live_after": 0}})
    environment = surroundings(project, MLFLOW_TRACKING_URI=site.uri)
    with subprocess.Popen(["dvc", "repro"], cwd=project, env=environment) as repro:
        begun = wait_for(site, "RUNNING")
        kill_training(repro)
    assert repro.returncode != 0
    killed = wait_for(site, "KILLED")
    assert len(steps(client(site.folder, site.uri), killed, "train/objective")) < 40
    assert "train@weighted" in ran(site.run(project, "dvc", "repro"))
    assert assert_mirrored(project, site.uri)["weighted"] == killed.info.run_id == begun.info.run_id


def test_two_projects_share_the_server(site: Site) -> None:
    """What both have is there once, each finds its own; the report is that of the last to track."""
    first, second = site.projects
    for project in (first, second, first):
        assert ran(site.run(project, "dvc", "repro")) == ["track"]
        assert_mirrored(project, site.uri)
    asked = client(site.folder, site.uri)
    assert len(runs(asked)) == 3
    assert len(runs(asked, "second_look.data")) == 1


def test_lost_artifacts_come_back(site: Site) -> None:
    """With the server's artifact folder gone, one `dvc repro` logs every file again."""
    project = site.projects[0]
    before = assert_mirrored(project, site.uri)
    shutil.rmtree(site.folder / "artifacts")
    assert ran(site.run(project, "dvc", "repro")) == ["track"]
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
    folder, port = tmp_path_factory.mktemp("empty"), free_port()
    with server(folder, site.cluster.create("empty"), port) as there:
        environment = surroundings(folder, MLFLOW_TRACKING_URI=there.uri)
        six = [
            subprocess.Popen(TRACK, cwd=project, env=environment, stdout=subprocess.DEVNULL)
            for project in site.projects * 3
        ]
        assert [process.wait() for process in six] == [0] * 6
        trained = [path for each in site.projects for path in each.glob("data/train/*/run.json")]
        keys = {json.loads(path.read_text())["key"] for path in trained}
        assert runs(client(folder, there.uri)).keys() == keys
        for project in site.projects:
            run(project, "dvc", "repro", MLFLOW_TRACKING_URI=there.uri)
            assert_mirrored(project, there.uri)


def test_a_database_alone_will_do(site: Site, cluster: Cluster) -> None:
    """Without a server, PostgreSQL holds the runs and the project's mlruns/ their files."""
    project, uri = site.projects[1], cluster.create("direct")
    shutil.rmtree(project / "mlruns")
    printed = run(project, "dvc", "repro", MLFLOW_TRACKING_URI=uri)
    assert_mirrored(project, uri)
    assert next((project / "mlruns").glob("*/artifacts/run.json"))
    wrong = uri.replace(QUOTED, "Qwrong%2Fsecret")
    refused = run(project, *TRACK, fails=True, MLFLOW_TRACKING_URI=wrong)
    assert "password authentication failed" in refused
    stored = cluster.contents("direct")
    for secret in (PASSWORD, QUOTED, "Qwrong", "looker"):
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
    assert SECRET not in site.cluster.contents("mlflow")
