"""The home of a cluster: what nodes are given, and how what they return becomes the project's own.

DVC's remote is the medium: the arrays are pushed once, nodes push what they trained, and home pulls
it. The code goes as a snapshot of the working tree, which holds what git would see of it.
"""

import json
import os
import shutil
import tempfile
from collections.abc import Callable, Mapping
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from secondlook.artifacts.files import write_atomically
from secondlook.config.dvc import run_dvc, tells_only_missing
from secondlook.config.errors import SecondLookError
from secondlook.config.params import Params
from secondlook.config.processes import run_git
from secondlook.scheduling.dvc_lock import add_lock_entries, name_stages, parse_lock_entries
from secondlook.scheduling.jobs import NOTES_FOLDER, Events, Job, Slot
from secondlook.scheduling.node import WEIGHTS, list_versions
from secondlook.tracking.location import parse_uri
from secondlook.training.environment import describe_changes, describe_environment

if TYPE_CHECKING:
    from concurrent.futures import Future

    from secondlook.scheduling.ray_engine import Report, Submit

RESULT_FILES = {"train": "run.json", "trial": "trial.json"}  # which tell the run key
MAX_SNAPSHOT = 100 * 2**20  # bytes; more are images or models that git should not have seen
# Of the commit, so that the same files are the same commit, and nobody's name travels.
NOBODY = {
    f"GIT_{who}_{what}": told
    for who in ("AUTHOR", "COMMITTER")
    for what, told in (("NAME", "-"), ("EMAIL", "-"), ("DATE", "2000-01-01T00:00:00Z"))
}


@dataclass(frozen=True)
class Snapshot:
    """The working tree as a commit in a git bundle; `folder` is the project's inside of it."""

    commit: str
    folder: str
    bundle: bytes = field(repr=False)


def check_remote() -> str:
    """Return the name of the default remote, as nodes will know it too.

    Raises SecondLookError where there is none, nodes would not be told of it, or its path is one
    that means something else to them.
    """
    from dvc.config import Config, ConfigError
    from dvc.config_schema import RelPath

    try:
        config = Config(str(Path(".dvc").resolve()))
        name, committed = config["core"].get("remote"), config.load_one("repo")
    except ConfigError as error:
        raise SecondLookError(f".dvc/config: {' '.join(str(error).split())}") from error
    if not name:
        raise SecondLookError(
            "--ray: DVC has no default remote, through which nodes get the arrays and return what "
            "they trained; `dvc remote add --default NAME URL`"
        )
    url = committed.get("remote", {}).get(name, {}).get("url")
    if url is None or committed.get("core", {}).get("remote") != name:
        raise SecondLookError(
            f"--ray: the remote {name} does not stand in .dvc/config, which nodes are given; "
            "`dvc remote add --default` it without --local (credentials may stay in config.local)"
        )
    if isinstance(url, RelPath):  # dvc made an absolute one of it
        raise SecondLookError(
            f"--ray: the remote {name} is a path relative to this project ({url}); expected a URL, "
            "or a folder that all nodes share, from / on"
        )
    return str(name)


def push_arrays(remote: str) -> None:
    """Push what trainings read; SecondLookError where the remote does not take it."""
    weights = map(str, Path().glob(WEIGHTS))
    command = ("--wait-for-lock", "push", "--remote", remote, "preprocess", *weights)
    done = run_dvc(*command, capture=True)
    if done.returncode:
        told = [line for line in done.stderr.splitlines() if line.startswith("ERROR")]
        why = " ".join(" ".join(told or done.stderr.splitlines()[-1:]).split())
        raise SecondLookError(f"--ray: the remote {remote} does not answer: {why}")


def take_snapshot(data_path: str) -> Snapshot:
    """Return the working tree, with what is not committed yet and without the images.

    Neither HEAD nor the index nor the objects of the repository are touched. Raises
    SecondLookError where there is no repository, or the tree is larger than code can be.
    """
    prefix = run_git("rev-parse", "--show-prefix").strip()
    with tempfile.TemporaryDirectory() as made:
        copy, bundle = Path(made, "repository"), Path(made, "bundle")
        run_git("init", "--quiet", "--bare", str(copy))
        commit = _commit_working_tree(copy, data_path)
        there = ("--git-dir", str(copy))
        run_git(*there, "update-ref", "refs/heads/snapshot", commit)
        run_git(*there, "bundle", "create", "--quiet", str(bundle), "snapshot")
        if (size := bundle.stat().st_size) > MAX_SNAPSHOT:
            raise SecondLookError(
                f"--ray: the files that git sees are {size / 2**20:.0f} MiB, more than the "
                f"{MAX_SNAPSHOT / 2**20:.0f} that go to every node; let .gitignore name what no "
                "training reads"
            )
        return Snapshot(commit, prefix, bundle.read_bytes())


def _commit_working_tree(copy: Path, data_path: str) -> str:
    """Return the commit of the working tree in an empty repository, which borrows our objects."""
    objects = Path(run_git("rev-parse", "--git-path", "objects").strip()).resolve()
    (copy / "objects" / "info" / "alternates").write_text(f"{objects}\n", encoding="utf-8")
    apart, index = NOBODY | {"GIT_OBJECT_DIRECTORY": str(copy / "objects")}, copy / "working.index"
    with suppress(FileNotFoundError):  # nothing was ever added
        shutil.copy(run_git("rev-parse", "--git-path", "index").strip(), index)
    run_git("add", "--all", ":/", index=index, variables=apart)
    left_out = [Path(".dvc", "config.local").resolve()]  # it may hold credentials
    if Path(data_path).resolve().is_relative_to(run_git("rev-parse", "--show-toplevel").strip()):
        left_out += [Path(data_path).absolute(), Path(data_path).resolve()]  # it may be a link
    remove = ("rm", "-r", "--force", "--cached", "--quiet", "--ignore-unmatch", "--")
    run_git(*remove, *map(str, left_out), index=index, variables=apart)
    tree = run_git("write-tree", index=index, variables=apart).strip()
    return run_git("commit-tree", tree, "-m", "Snapshot", variables=apart).strip()


@dataclass
class Home:
    """What tasks are made of, and what came of those that ended; an engine for jobs."""

    params: Params
    snapshot: Snapshot
    submit: "Submit"
    unfinished: list[str] = field(default_factory=list)  # runs that were begun
    environments: dict[str, dict[str, str]] = field(default_factory=dict)  # of trainings, by node

    def start_job(self, job: Job, _slot: Slot, events: Events, _held: ExitStack) -> "ClusterWork":
        """Let a node do a job, and pass on what it says."""
        task = self._make_task(job)
        self.unfinished.append(job.run)
        future = self.submit(task, self.snapshot.bundle, lambda line: events.put((job, line)))
        future.add_done_callback(lambda done: _tell_end(job, done, events))
        return ClusterWork(job, future, self.adopt)

    def _make_task(self, job: Job) -> dict[str, Any]:
        cluster = self.params.cluster
        stage = job.stages[0].rpartition(":")[2].partition("@")[0]
        return {
            "run": job.run,
            "stages": job.stages,
            "lock": str(_locate_lock(job)),
            "result": f"data/{stage}/{job.run}/{RESULT_FILES[stage]}",
            "commit": self.snapshot.commit,
            "folder": self.snapshot.folder,
            "versions": list_versions(),
            "tracking": find_shared_tracking(),
            "gpus": cluster.gpus,
            "cache": cluster.cache,
            "state": cluster.state,
        }

    def adopt(self, job: Job, report: "Report") -> None:
        """Write what a node returned into dvc.lock and the project's notes."""
        entries = parse_lock_entries(report["lock"])
        names = [stage.rpartition(":")[2] for stage in job.stages]
        add_lock_entries({name: entries[name] for name in names}, _locate_lock(job))
        self.unfinished.remove(job.run)
        NOTES_FOLDER.mkdir(parents=True, exist_ok=True)
        for name, note in report["notes"].items():
            if isinstance(note, dict) and report["node"]:  # where it trained, beside with what
                note["environment"]["node"] = report["node"]
                self.environments[report["node"]] = note["environment"]
            write_atomically(NOTES_FOLDER / name, [json.dumps(note).encode()])

    def list_differences(self) -> list[str]:
        """Return, in words, how the machines that trained differ from this one."""
        here = describe_environment()
        for there in self.environments.values():
            there.pop("variable CUDA_VISIBLE_DEVICES", None)  # which of its GPUs it was given
            here.setdefault("GPU", there.get("GPU", "none"))  # of nodes among each other
        return [
            f"{node}, where it was trained, is another machine than this: {', '.join(found)}"
            for node, there in sorted(self.environments.items())
            if (found := list(describe_changes(there, here)))
        ]


def _locate_lock(job: Job) -> Path:
    """Return the lock file of the pipeline that a job's stages are of."""
    return Path(job.stages[0].rpartition(":")[0] or "dvc.yaml").with_suffix(".lock")


def _tell_end(job: Job, done: "Future[Report]", events: Events) -> None:
    """Put what ended a task among its lines, and that these are all."""
    if error := done.exception():
        events.put((job, f"secondlook: {error}"))
    events.put((job, None))


@dataclass(frozen=True)
class ClusterWork:
    """A task on a node."""

    job: Job
    future: "Future[Report]"
    adopt: Callable[[Job, "Report"], None]

    def wait(self) -> int:
        """Return the exit status, after what the node returned has been adopted."""
        if self.future.exception():
            return 1
        report = self.future.result()
        if report["status"] == 0:
            self.adopt(self.job, report)
        return int(report["status"])

    def interrupt(self) -> None:
        """Interrupt it on its node."""
        self.future.cancel()


def is_only_missing(run: str, stale: Mapping[str, list[Any]]) -> bool:
    """Tell whether dvc.lock tells of a run as it would be, and its files alone are not here."""
    told = [each for name in name_stages([run]) for each in stale.get(name, [])]
    return f"train@{run}" in stale and tells_only_missing(told)


def find_shared_tracking() -> str | None:
    """Return the MLflow server that nodes log epochs to; None where that is a file of home.

    Nor is it given where its URI holds a password: nodes then have their own variable.
    """
    parts = parse_uri(uri := os.environ.get("MLFLOW_TRACKING_URI", ""))
    secret = parts.credentials or parts.query
    return uri if parts.scheme in ("http", "https") and not secret else None
