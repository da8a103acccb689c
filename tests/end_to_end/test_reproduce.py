"""`reproduce`, end to end: real git, dvc, MLflow and TensorFlow, with two short runs.

A run from a clean tree is made again in test_pretrained.py.
"""

import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from secondlook.artifacts import files
from secondlook.data import idx
from secondlook.tracking import store
from tests.support.project import commit_all, edit_params, run_command

if TYPE_CHECKING:
    from mlflow.entities import Run

DIGITS = "data/digits"
WATCHED = (
    ".dvc/cache",
    "data",
    "stages",
    "secondlook",
    "mlruns",
    "mlflow.db",
    "dvc.lock",
    "params.yaml",
)


@pytest.fixture
def project(finished_project: Path, tmp_path: Path) -> Path:
    """Give a copy of the finished project, with its MLflow, to change."""
    folder = Path(shutil.copytree(finished_project, tmp_path / "project", symlinks=True))
    store.relocate_artifacts(folder / "mlflow.db", folder / "mlruns")
    (tmp_path / "temporary").mkdir()
    return folder


def build_command(*arguments: str) -> list[str]:
    """Return the command line of `reproduce`."""
    return [sys.executable, "-m", "stages", "reproduce", *arguments]


def make_environment(folder: Path) -> dict[str, str]:
    """Return the environment of a user whose temporary files lie beside the project."""
    path = f"{Path(sys.executable).parent}:/usr/bin:/bin"
    return {"PATH": path, "HOME": str(folder.parent), "TMPDIR": str(folder.parent / "temporary")}


def reproduce(
    folder: Path, *arguments: str, fails: bool = False, **variables: str
) -> tuple[int, str]:
    """Return the exit status and what was printed; look that nothing was left or changed."""
    before = read_state(folder)
    done = subprocess.run(
        build_command(*arguments),
        cwd=folder,
        env=make_environment(folder) | variables,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert ("Traceback" in done.stdout) == fails, done.stdout
    assert read_state(folder) == before
    assert list((folder.parent / "temporary").iterdir()) == []
    return done.returncode, done.stdout


def read_state(folder: Path) -> dict[str, object]:
    """Return what must not change: git's status and worktrees, and when files were written."""
    paths = (path for name in WATCHED for path in (folder / name, *(folder / name).rglob("*")))
    known = {str(p): p.stat().st_mtime_ns for p in paths if p.is_file() and p.suffix != ".pyc"}
    asked = (("status", "--porcelain"), ("worktree", "list"), ("for-each-ref",))
    return known | {" ".join(each): run_command(folder, "git", *each) for each in asked}


def find_run(folder: Path, name: str) -> "Run":
    """Return the newest run of that name in MLflow."""
    from mlflow import MlflowClient

    client = MlflowClient(f"sqlite:///{folder / 'mlflow.db'}")
    ids = [experiment.experiment_id for experiment in client.search_experiments()]
    return next(run for run in client.search_runs(ids) if run.info.run_name == name)


def find_artifact(folder: Path, name: str, path: str) -> Path:
    """Return the file of an artifact of the run."""
    run_id: str = find_run(folder, name).info.run_id
    return folder / "mlruns" / run_id / "artifacts" / path


def test_a_dirty_tree_is_made_again_after_it_changed(project: Path) -> None:
    """Code and parameters that were never committed come back from MLflow, by the run's id."""
    edit_params(project, {"runs": {"short": {"epochs": 1}}, "report": {"reference": "short"}})
    evaluate = project / "stages/evaluate.py"
    evaluate.write_text(evaluate.read_text() + "\n# never committed\n")
    (project / "stages/new.py").write_text('"""Never committed."""\n')
    run_command(project, "dvc", "repro")
    run_id = find_run(project, "short").info.run_id
    run_command(project, "git", "checkout", "--quiet", ".")
    (project / "stages/new.py").unlink()
    evaluate.write_text("raise SystemExit\n")
    (project / "params.yaml").write_text("no params at all")
    status, printed = reproduce(project, run_id)
    assert "and its uncommitted changes" in printed
    assert "not what dvc.lock recorded" not in printed
    assert "bit-identical" in printed
    assert status == 0


def test_an_experiment_is_made_again(project: Path) -> None:
    """One that ran in a copy of its own, with a parameter of its own."""
    setting = ["--set-param", "evaluate.curve_points=20"]
    run_command(project, "dvc", "exp", "run", "--temp", "--name", "few", *setting)
    status, printed = reproduce(project, "unweighted")
    assert "experiment few" in printed
    assert "bit-identical" in printed
    assert status == 0


def test_the_first_number_that_differs_is_named(project: Path) -> None:
    """Where MLflow has another number, it is told with stage, place and environment; status 1."""
    history = find_artifact(project, "weighted", "history.csv")
    rows = list(files.read_csv(history))
    rows[1]["train/objective"] = "0.5"
    files.write_csv(history, rows[0], rows)
    noted = find_artifact(project, "weighted", "environment.json")
    files.write_json(noted, files.read_json(noted) | {"package keras": "3.0"})
    status, printed = reproduce(project, "weighted")
    assert "  preprocess  identical" in printed
    told = "different, first in train: history.csv: row 2: train/objective: 0.5 then, 0."
    assert told in printed
    assert "predictions of test: 0 apart at most, 0 of " in printed
    assert "    keras: 3.0 then, " in printed
    assert status == 1


def test_against_other_images_and_code(project: Path) -> None:
    """The same parameters on what is committed now, paired by the images that both answered."""
    images, labels = (project / DIGITS / name for name in list_idx_files(project))
    for path, dimensions in ((images, 3), (labels, 1)):
        idx.write_idx(path, idx.read_idx(path, dimensions)[100:].copy())
    commit_all(project, "Fewer images")
    status, printed = reproduce(project, "unweighted", "--against", "HEAD")
    assert "the images are others now" in printed
    assert "test images that both answered" in printed
    assert "right only then: " in printed
    assert "  log_loss " in printed
    assert status == 1


def list_idx_files(project: Path) -> list[str]:
    """Return the names of the two IDX files, images first."""
    return sorted(path.name for path in (project / DIGITS).glob("*.gz"))


def test_what_cannot_be_made_is_one_line(project: Path) -> None:
    """A wrong name, a commit that is not here, no git, and images that are gone: status 2."""
    from mlflow import MlflowClient

    assert reproduce(project, "wieghted") == (
        2,
        "secondlook: MLflow at mlflow.db: no run 'wieghted'; did you mean weighted?\n",
    )
    status, printed = reproduce(project, "weighted", PATH=str(Path(sys.executable).parent))
    assert (status, "secondlook: git: not found; " in printed) == (2, True)
    client = MlflowClient(f"sqlite:///{project / 'mlflow.db'}")
    run_id = find_run(project, "weighted").info.run_id
    client.set_tag(run_id, "mlflow.source.git.commit", "f" * 40)
    status, printed = reproduce(project, "weighted")
    assert (status, f"commit {'f' * 40} is not in this clone" in printed) == (2, True)
    lock = find_artifact(project, "unweighted", "source/dvc.lock")
    text = lock.read_text()
    lock.write_text(text.replace(text.split("data/digits\n")[1].split("md5: ")[1][:32], "0" * 32))
    status, printed = reproduce(project, "unweighted")
    told = (
        f"secondlook: data/digits: the images of the run (md5 {'0' * 32}.dir, 3 files) are neither"
    )
    assert (status, told in printed) == (2, True)


def test_a_stage_that_fails_is_told(project: Path) -> None:
    """Why stands above, in the stage's own words; then a line, and status 2."""
    (project / "stages/split.py").write_text("raise OSError('no luck')\n")
    commit_all(project, "Break")
    status, printed = reproduce(project, "weighted", "--against", "HEAD", fails=True)
    assert "OSError: no luck" in printed
    assert printed.endswith(
        "secondlook: `dvc repro preprocess` failed in the worktree: why stands above\n"
    )
    assert status == 2


def test_it_can_be_interrupted(project: Path) -> None:
    """Ctrl-C while a stage runs stops that too, and leaves nothing."""
    before = read_state(project)
    process = subprocess.Popen(
        build_command("weighted"),
        cwd=project,
        env=make_environment(project) | {"PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert process.stdout is not None
    for line in process.stdout:
        if "Running stage 'preprocess'" in line:
            break
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=30)
    assert process.returncode == 130
    assert read_state(project) == before
    assert list((project.parent / "temporary").iterdir()) == []
