"""`secondlook repro --ray` on real Ray nodes, with stages that are a line of shell each."""

import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.cluster import RayCluster, pretend_tensorflow, run_cluster
from tests.support.home import REPRO, list_home_variables, read_to_end, run_home, start_home
from tests.support.project import commit_all, list_stages_run, make_environment, run_command
from tests.support.s3 import S3_VARIABLES, add_s3_remote, run_s3
from tests.support.shell_pipeline import (
    PATIENCE,
    build_shell_project,
    open_gate,
    read_log,
    wait_for_trainings,
    wait_until_idle,
)

pytestmark = pytest.mark.cluster


@pytest.fixture(scope="module")
def cluster() -> Iterator[RayCluster]:
    """Give two nodes, for tests that leave them alive; at the end no process of a task is left."""
    with run_cluster(head_cpus=0) as started:
        started.start_nodes(1, "first", "second", **S3_VARIABLES)
        yield started


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Give a project of two runs, with a gate: no training ends before it is opened."""
    made = build_shell_project(tmp_path / "project")
    (tmp_path / "gate").touch()
    return made


def test_nodes_train_and_home_takes_it_over(project: Path, cluster: RayCluster) -> None:
    """What is not committed counts; dvc.lock is that of `dvc repro`, and the rest is done here."""
    open_gate(project)
    (project / "code.txt").write_text("not committed")
    head = run_command(project, "git", "status", "--porcelain")
    printed = run_home(project, cluster)
    told = f"on 2 of 3 nodes of Ray at {cluster.address}, 2 at once (1 CPU each)"
    assert f"repro: 2 runs to train {told}" in printed
    assert "first: epoch 2  train/loss" in printed
    assert "where it was trained, is another machine than this: CPU: another then" in printed
    assert (project / "data/train/second/history.csv").read_text() == "not committed"
    assert sorted(read_log(project)) == ["first", "second"]
    assert run_command(project, "git", "status", "--porcelain") == f"{head}?? dvc.lock\n"
    locked = (project / "dvc.lock").read_bytes()
    assert list_stages_run(run_command(project, "dvc", "repro", "--force")) != []
    assert (project / "dvc.lock").read_bytes() == locked
    assert list_stages_run(run_home(project, cluster)) == ["track"]


def test_no_more_runs_at_once_than_fit(tmp_path: Path, cluster: RayCluster) -> None:
    """Two nodes of one CPU: two of four runs, until these are done."""
    project = build_shell_project(tmp_path / "project", ("a", "b", "c", "d"))
    (tmp_path / "gate").touch()
    with start_home(project, cluster) as process:
        wait_for_trainings(project, 2)
        time.sleep(8)
        assert len(read_log(project)) == 2
        open_gate(project)
        read_to_end(process)
    assert sorted(read_log(project)) == ["a", "b", "c", "d"]


def test_a_run_that_fails_ends_no_other(project: Path, cluster: RayCluster) -> None:
    """What the others made is here; the reason is told, and nothing is compared."""
    open_gate(project)
    params = project / "params.yaml"
    params.write_text(params.read_text() + "# fails: second\n")
    printed = run_home(project, cluster, fails=True)
    assert "secondlook: run second failed: second cannot be (more in" in printed
    assert "secondlook: 1 of 2 runs failed; compare, report, track wait" in printed
    assert (project / "data/evaluate/first/metrics.json").exists()
    assert not (project / "data/compare").exists()


def test_home_is_killed_and_started_again(project: Path, cluster: RayCluster) -> None:
    """No process goes on; the next start ends with every run."""
    with start_home(project, cluster) as process:
        wait_for_trainings(project, 2)
        process.kill()
    wait_until_idle(cluster.folder / ".cache")
    open_gate(project)
    run_home(project, cluster)
    assert (project / "data/compare/made").exists()


def test_ctrl_c_ends_what_nodes_do(project: Path, cluster: RayCluster) -> None:
    """Exit status 130, one line, and no process is left on any node."""
    with start_home(project, cluster) as process:
        wait_for_trainings(project, 2)
        process.send_signal(signal.SIGINT)
        printed, _ = process.communicate(timeout=PATIENCE)
    assert process.returncode == 130
    assert "secondlook: interrupted; what was trained is saved; the next" in printed
    assert "Traceback" not in printed
    wait_until_idle(cluster.folder / ".cache")


def test_two_homes_at_once(project: Path, cluster: RayCluster, tmp_path: Path) -> None:
    """Two clones of a project with one remote: both end right, with the same dvc.lock."""
    run_command(project, "git", "clone", "--quiet", ".", str(tmp_path / "other"))
    other = tmp_path / "other"
    with start_home(project, cluster) as one, start_home(other, cluster) as two:
        wait_for_trainings(project, 2)
        open_gate(project)
        read_to_end(one)
        read_to_end(two)
    assert (project / "dvc.lock").read_bytes() == (other / "dvc.lock").read_bytes()
    assert (other / "data/compare/made").exists()


def test_the_remote_goes_down_in_the_middle(project: Path, cluster: RayCluster) -> None:
    """What was trained stays on its node, and is only pushed when the remote is back."""
    remote, away = project.parent / "remote", project.parent / "away"
    with start_home(project, cluster) as process:
        wait_for_trainings(project, 2)
        remote.rename(away)
        remote.write_text("no folder")
        open_gate(project)
        assert "secondlook: 2 of 2 runs failed" in read_to_end(process, fails=True)
    remote.unlink()
    away.rename(remote)
    run_home(project, cluster)
    assert sorted(read_log(project)) == ["first", "second"]


def test_nodes_that_are_wrong_or_die(project: Path, tmp_path: Path) -> None:
    """Other packages: it trains nothing. It dies: another takes its run. The head: one line."""
    with run_cluster(head_cpus=0) as cluster:
        cluster.start_nodes(1, "old", **pretend_tensorflow(tmp_path / "packages", "2.20.0"))
        printed = run_home(project, cluster, "--jobs", "1", fails=True)
        assert printed.count("failed: no node is left that can:") == 2
        assert "has tensorflow 2.20.0 (2.21.0 at home)" in printed
        assert read_log(project) == []
        cluster.start_nodes(1, "doomed")
        with start_home(project, cluster) as home:
            wait_for_trainings(project, 1)
            cluster.start_nodes(1, "sound")
            wait_for_trainings(project, 2)
            cluster.nodes["doomed"].kill()
            open_gate(project)
            printed = read_to_end(home)
        assert "(2.21.0 at home): it goes to another" in printed
        assert set(read_log(project)) == {"first", "second"}
        assert (project / "data/compare/made").exists()
        (tmp_path / "gate").touch()
        (project / "code.txt").write_text("second version")
        before = len(read_log(project))
        with start_home(project, cluster) as home:
            wait_for_trainings(project, before + 1)
            cluster.nodes["head"].kill()
            printed = read_to_end(home, fails=True)
        assert "secondlook: run first failed: the cluster is gone: --ray" in printed, printed
        open_gate(project)  # a stage would notice that its dvc is gone; a line of shell does not
        wait_until_idle(cluster.folder / ".cache")
        for node in cluster.nodes.values():  # without a head Ray ends them later
            node.kill()


@pytest.mark.parametrize(
    ("address", "changes", "told"),
    [
        ("127.0.0.1:9", {}, "--ray 127.0.0.1:9: Connection refused; is `ray start --head` running"),
        ("nowhere", {}, "--ray: found 'nowhere'; expected auto"),
        (None, {"RAY_AUTH_TOKEN": "f" * 32}, "is the cluster's token this machine's too"),
        (None, {"RAY_AUTH_TOKEN_PATH": ""}, "no authentication token was found"),
    ],
)
def test_a_cluster_that_cannot_be_used_is_one_line(
    project: Path,
    cluster: RayCluster,
    address: str | None,
    changes: dict[str, str],
    told: str,
) -> None:
    """Before anything is computed or pushed."""
    environment = make_environment(project, **(list_home_variables(cluster) | changes))
    command = [*REPRO, address or cluster.address]
    done = subprocess.run(
        command, cwd=project, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert told in done.stderr
    assert done.stderr.count("\n") == 1
    assert not (project / "data/preprocess").exists()


def test_a_run_that_no_node_has_room_for_is_told(project: Path, cluster: RayCluster) -> None:
    """What it takes, and what the nodes have."""
    params = project / "params.yaml"
    params.write_text(params.read_text() + "cluster: {cpus: 64, gpus: 0.5}\n")
    printed = run_home(project, cluster, fails=True)
    assert (
        "a run takes 64 CPU and 0.5 GPU of a node (cluster in params.yaml), and none of 3"
        in printed
    )
    assert not (project / "data/preprocess").exists()


def test_through_s3(project: Path, cluster: RayCluster) -> None:
    """A bucket that is missing is one line; with it, runs come home, also to another clone."""
    open_gate(project)
    with run_s3() as server:
        add_s3_remote(project, server, "missing")
        printed = run_home(project, cluster, fails=True)
        assert "secondlook: --ray: the remote s3 does not answer: ERROR" in printed
        assert read_log(project) == []
        add_s3_remote(project, server)
        run_home(project, cluster)
        commit_all(project, "Trained")
        clone = project.parent / "clone"
        run_command(project, "git", "clone", "--quiet", ".", str(clone))
        assert "repro: 2 runs trained before: to be pulled" in run_home(clone, cluster)
        assert sorted(read_log(project)) == ["first", "second"]
