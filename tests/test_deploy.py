"""What deploy/ holds: each file is taken by its own tool, and cron really runs its line."""

import fcntl
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.support import cron, retraining
from tests.support.project import ROOT, skip_or_fail
from tests.support.retraining import deliver_digits, find_version

DEPLOY = ROOT / "deploy"
WORKFLOWS = (DEPLOY / "github-workflow.yml", ROOT / ".github" / "workflows" / "test.yml")
HOME = "/srv/second-look"  # where the files of deploy/ say that the project is
PATIENCE = 400  # seconds that cron has to start a retraining, and that to end


def check_with_tool(*command: str) -> None:
    """Run a tool that refuses what is wrong."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def link_environment(folder: Path) -> Path:
    """Let the folder hold the environment that the tests run in, as a project holds its .venv."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / ".venv").symlink_to(sys.prefix)
    return folder


def test_systemd_takes_the_units(tmp_path: Path) -> None:
    """`systemd-analyze verify` finds nothing wrong with service and timer."""
    if not shutil.which("systemd-analyze"):
        skip_or_fail("systemd-analyze is not here")
    project = link_environment(tmp_path / "project")
    for name in ("second-look.service", "second-look.timer"):
        text = (DEPLOY / name).read_text(encoding="utf-8")
        (tmp_path / name).write_text(text.replace(HOME, str(project)), encoding="utf-8")
    units = [str(tmp_path / name) for name in ("second-look.service", "second-look.timer")]
    check_with_tool("systemd-analyze", "verify", "--recursive-errors=no", *units)


def test_systemd_takes_no_failure_for_what_is_none() -> None:
    """The service calls exit status 3 and 75 a success, as the command's help means them."""
    text = (DEPLOY / "second-look.service").read_text(encoding="utf-8")
    assert "\nSuccessExitStatus=3 75\n" in text


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.stem)
def test_github_takes_the_workflow(workflow: Path) -> None:
    """The workflow is what GitHub's schema of workflows asks for."""
    schema = ("--builtin-schema", "vendor.github-workflows")
    tool = (sys.executable, "-m", "check_jsonschema")
    check_with_tool(*tool, *schema, str(workflow))


@pytest.mark.parametrize(("workflow", "count"), zip(WORKFLOWS, (3, 4), strict=True))
def test_the_steps_of_the_workflow_are_shell(tmp_path: Path, workflow: Path, count: int) -> None:
    """Bash can read each of them; what GitHub puts in is put in before."""
    text = workflow.read_text(encoding="utf-8")
    steps = re.findall(r"        run: (?:\|\n)?((?: {10}.*\n|\n)+|.+)", text)
    steps = [step for step in steps if not step.startswith("dvc ")]
    assert len(steps) == count
    for number, step in enumerate(steps):
        script = tmp_path / f"{number}.sh"
        script.write_text(re.sub(r"\$\{\{.*?\}\}", "", step), encoding="utf-8")
        check_with_tool("bash", "-n", str(script))


def test_kubernetes_takes_the_cron_job() -> None:
    """The manifest is what Kubernetes' schema asks for, with no key that it does not know."""
    tool = "from kubernetes_validate.__main__ import main; main()"
    found = str(DEPLOY / "kubernetes.yml")
    check_with_tool(sys.executable, "-c", tool, "--strict", "--quiet", found)


@pytest.mark.slow
def test_cron_retrains(tmp_path: Path) -> None:
    """The line of deploy/crontab, every minute: a model is in service, and MLflow says so."""
    project = retraining.build_growing_project(tmp_path / "project")
    link_environment(project)
    deliver_digits(project, 0, 300)
    line = (DEPLOY / "crontab").read_text(encoding="utf-8").splitlines()[-1]
    every_minute = line.replace(HOME, str(project)).replace("0 3 * * *", "* * * * *")
    with cron.run_crontab(f"PYTHONPATH={project}\n{every_minute}\n"):
        deadline = time.monotonic() + PATIENCE
        while find_version(project) is None and time.monotonic() < deadline:
            time.sleep(1)
    wait_for_lock(project)
    champion = find_version(project)
    said = (project / "retrain.log").read_text(encoding="utf-8")
    assert champion is not None, said
    assert champion.tags["second_look.retraining"]
    assert "retrain: promoted: " in said


def wait_for_lock(project: Path) -> None:
    """Wait for what cron started: it ends by itself, and nothing starts it again."""
    with (project / ".dvc/tmp/second_look/retrain.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
