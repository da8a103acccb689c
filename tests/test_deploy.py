"""What deploy/ holds: each file is taken by its own tool, and cron really runs its line."""

import fcntl
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import yaml

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


def test_kuberay_takes_the_job() -> None:
    """Its fields are among those of KubeRay, by a schema of our own: no package brings that one."""
    schema = str(ROOT / "tests/support/rayjob.schema.json")
    tool = (sys.executable, "-m", "check_jsonschema")
    check_with_tool(*tool, "--schemafile", schema, str(DEPLOY / "rayjob.yml"))


def load_ray_cluster() -> dict[str, Any]:
    """Return the cluster that deploy/rayjob.yml asks for."""
    job = yaml.safe_load((DEPLOY / "rayjob.yml").read_text(encoding="utf-8"))
    cluster: dict[str, Any] = job["spec"]["rayClusterSpec"]
    return cluster


def list_pod_templates() -> list[dict[str, Any]]:
    """Return the pods of that cluster, the head's first."""
    cluster = load_ray_cluster()
    return [group["template"] for group in (cluster["headGroupSpec"], *cluster["workerGroupSpecs"])]


def test_kubernetes_takes_the_pods_of_the_ray_job(tmp_path: Path) -> None:
    """Each is what Kubernetes' schema of pod templates asks for."""
    for number, template in enumerate(list_pod_templates()):
        manifest = {"apiVersion": "v1", "kind": "PodTemplate", "template": template}
        found = tmp_path / f"{number}.yml"
        found.write_text(yaml.safe_dump({"metadata": {"name": "pod"}} | manifest))
        tool = "from kubernetes_validate.__main__ import main; main()"
        check_with_tool(sys.executable, "-c", tool, "--strict", "--quiet", str(found))


def test_the_ray_job_lets_nobody_in_and_holds_no_secret() -> None:
    """Ray asks for a token, and what secrets hold reaches the pods by their names alone."""
    assert load_ray_cluster()["authOptions"] == {"mode": "token", "secretName": "second-look-ray"}
    for template in list_pod_templates():
        (container,) = template["spec"]["containers"]
        assert container["envFrom"] == [{"secretRef": {"name": "second-look"}}]
        assert "env" not in container


def test_the_ray_job_runs_the_ray_of_the_lock() -> None:
    """Workers of another version are refused by the head."""
    lock = (ROOT / "requirements-dev.lock").read_text(encoding="utf-8")
    assert f"\nray=={load_ray_cluster()['rayVersion']} " in lock


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
