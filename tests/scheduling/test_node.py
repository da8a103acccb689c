"""What a node does for a run, with the real git and dvc and a folder as remote."""

import fcntl
import shutil
import subprocess
import sys
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import chdir
from pathlib import Path
from typing import Any

import pytest

from secondlook.scheduling import node
from secondlook.scheduling.cluster import Snapshot, take_snapshot
from secondlook.scheduling.dvc_lock import parse_lock_entries
from secondlook.scheduling.node import list_versions, run_task
from tests.support.project import run_command
from tests.support.shell_pipeline import build_shell_project, read_log


@pytest.fixture(scope="module")
def preprocessed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a project whose arrays are in the remote."""
    project = build_shell_project(tmp_path_factory.mktemp("home") / "project")
    run_command(project, "dvc", "repro", "preprocess")
    run_command(project, "dvc", "push", "preprocess")
    return project


@pytest.fixture
def snapshot(preprocessed: Path) -> Snapshot:
    """Give what nodes are sent of it."""
    with chdir(preprocessed):
        return take_snapshot("data/digits")


def make_task(
    snapshot: Snapshot, folder: Path, run: str = "first", **changes: object
) -> dict[str, Any]:
    """Return the task of a run, on a node that keeps things in a folder."""
    told: dict[str, Any] = {"run": run, "stages": [f"train@{run}", f"evaluate@{run}"]}
    told |= {"lock": "dvc.lock", "result": f"data/train/{run}/run.json"}
    told |= {"commit": snapshot.commit, "folder": snapshot.folder, "gpus": 0}
    told |= {"versions": list_versions(), "tracking": None, "cache": str(folder), "state": None}
    return told | changes


def do(task: Mapping[str, Any], snapshot: Snapshot) -> tuple[dict[str, Any], str]:
    """Return what a node reports of a task, and what it said."""
    said: list[str] = []
    return run_task(task, snapshot.bundle, said.append), "\n".join(said)


def test_a_run_is_trained_once_and_pushed(
    preprocessed: Path, snapshot: Snapshot, tmp_path: Path
) -> None:
    """The second node finds it in the remote; both report the entries that dvc would have here."""
    first, said = do(make_task(snapshot, tmp_path / "one"), snapshot)
    assert first["status"] == 0
    assert "epoch 2" in said
    assert first["node"] != ""
    assert first["notes"]["key-first.json"] == [1000, 2000]
    again, said = do(make_task(snapshot, tmp_path / "two"), snapshot)
    assert "Running stage" not in said
    assert again["node"] == ""
    assert read_log(preprocessed) == ["first"]
    entries, others = parse_lock_entries(first["lock"]), parse_lock_entries(again["lock"])
    assert entries == others
    assert {"train@first", "evaluate@first"} < entries.keys()
    assert list((tmp_path / "one" / "clones").iterdir()) == []


def test_raw_images_do_not_travel(snapshot: Snapshot, tmp_path: Path) -> None:
    """A clone of the bundle has the code, and neither images nor arrays nor DVC's local files."""
    (tmp_path / "bundle").write_bytes(snapshot.bundle)
    run_command(tmp_path, "git", "clone", "--quiet", "--branch", "snapshot", "bundle", "clone")
    found = {str(path.relative_to(tmp_path / "clone")) for path in (tmp_path / "clone").rglob("*")}
    assert {"dvc.yaml", "dvc.lock", "code.txt", ".dvc/config"} <= found
    assert not {name for name in found if name.startswith("data")}


def test_other_versions_are_refused(snapshot: Snapshot, tmp_path: Path) -> None:
    """Before anything is cloned; both versions are told."""
    wanted = list_versions() | {"keras": "9.9.9"}
    report, _ = do(make_task(snapshot, tmp_path / "node", versions=wanted), snapshot)
    assert list(report) == ["refused"]
    assert f"keras {list_versions()['keras']} (9.9.9 at home)" in report["refused"]
    assert not (tmp_path / "node").exists()


def test_a_node_that_cannot_write_is_refused(snapshot: Snapshot, tmp_path: Path) -> None:
    """It would fail one run after the other, in a second each."""
    (tmp_path / "file").write_text("no folder")
    report, _ = do(make_task(snapshot, tmp_path / "file" / "cache"), snapshot)
    assert "cannot write into" in report["refused"]
    assert "cluster.cache in params.yaml" in report["refused"]


def test_tasks_that_begin_together_keep_their_clones(snapshot: Snapshot, tmp_path: Path) -> None:
    """One that is just made is not taken for what a killed worker left."""
    task = make_task(snapshot, tmp_path / "a,b # c", run="second")
    with ThreadPoolExecutor(3) as pool:
        reports = list(pool.map(lambda _: do(task, snapshot)[0]["status"], range(3)))
    assert reports == [0, 0, 0]


def test_a_bundle_of_another_commit_is_not_run(snapshot: Snapshot, tmp_path: Path) -> None:
    """What is sent has to be what was said."""
    task = make_task(snapshot, tmp_path / "node", commit="0" * 40)
    with pytest.raises(RuntimeError, match="another commit"):
        do(task, snapshot)
    assert list((tmp_path / "node" / "clones").iterdir()) == []


def test_a_remote_that_fails_is_asked_again(
    preprocessed: Path, snapshot: Snapshot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Gone for a moment it costs a moment; gone for good, the exit status is dvc's."""
    remote, away = preprocessed.parent / "remote", tmp_path / "away"
    monkeypatch.setattr(node, "PAUSE", 0.0)
    remote.rename(away)
    remote.write_text("no folder")
    try:
        report, said = do(make_task(snapshot, tmp_path / "node"), snapshot)
    finally:
        remote.unlink()
        away.rename(remote)
    assert report["status"] != 0
    assert said.count("dvc pull failed; again in") == 2
    assert "lock" not in report


def test_a_training_that_fails_is_not_repeated(preprocessed: Path, tmp_path: Path) -> None:
    """Its reason is among what was said, and the status is dvc's."""
    project = Path(shutil.copytree(preprocessed, tmp_path / "project", symlinks=True))
    params = project / "params.yaml"
    params.write_text(params.read_text() + "# fails: second\n")
    (project / "code.txt").write_text("never trained")
    with chdir(project):
        changed = take_snapshot("data/digits")
    report, said = do(make_task(changed, tmp_path / "node", run="second"), changed)
    assert report["status"] != 0
    assert said.count("secondlook: second cannot be") == 1


def test_what_killed_workers_left_is_removed(snapshot: Snapshot, tmp_path: Path) -> None:
    """The clone of one that is gone goes; that of one at work stays."""
    clones = tmp_path / "node" / "clones"
    for name in ("gone", "busy"):
        (clones / name).mkdir(parents=True)
        (clones / name / "lock").touch()
    with (clones / "busy" / "lock").open() as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        do(make_task(snapshot, tmp_path / "node"), snapshot)
    assert [path.name for path in clones.iterdir()] == ["busy"]


def test_it_needs_nothing_of_the_project() -> None:
    """A node may have another version of Second Look, or none: the file imports none of it."""
    code = (
        "import runpy, sys; runpy.run_path(sys.argv[1]);"
        " print([n for n in sys.modules if n.startswith(('secondlook', 'stages'))])"
    )
    bare = [sys.executable, "-I", "-S", "-c", code, node.__file__]  # without any library
    done = subprocess.run(bare, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
