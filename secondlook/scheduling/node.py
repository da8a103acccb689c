"""What a machine of a cluster does for one run: clone, pull, train, evaluate, push.

An engine sends this file as it is, and runs `run_task` on a node. So it imports nothing of the
project: the code that trains is that of the clone, whatever version the node has. DVC's remote is
the medium: arrays are pulled, results pushed, and a run that is there already is only looked up.
"""

import fcntl
import hashlib
import json
import os
import platform
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from threading import Thread
from typing import Any

Say = Callable[[str], object]  # is given each line that is printed
COMPARED = ("tensorflow", "keras")  # packages of which another version gives other numbers
TRIES, PAUSE = 3, 5.0  # how often the remote is asked, and seconds between
GRACE = 20.0  # seconds that an interrupted training has to save its state
POLL = 0.2  # seconds between two looks at a command: an interruption is noticed so soon
# What dvc says once it no longer depends on the remote
TRAINS = ("Running stage 'train@", "Running stage 'data/sweep/dvc.yaml:trial@")
FOREIGN_VARIABLES = ("RAY_", "GIT_", "DVC_")  # of whoever started the node; a token among them
NVIDIA_DEVICE = Path("/dev/nvidiactl")
WEIGHTS = "data/weights/*.dvc"  # of pretrained networks
NOTES = Path(".dvc", "tmp", "second_look")  # below the folder that DVC_ROOT names


def list_versions() -> dict[str, str]:
    """Return the versions that have to be the same at home and on a node."""
    found = {"Python": ".".join(platform.python_version_tuple()[:2])}
    for package in COMPARED:
        found[package] = "none"
        with suppress(PackageNotFoundError):
            found[package] = version(package)
    return found


def run_task(task: Mapping[str, Any], bundle: bytes, say: Say) -> dict[str, Any]:
    """Train and evaluate one run of a snapshot of the project, and push what came of it.

    `task` names the run, its stages for dvc, the commit of the bundle, the project's folder in it,
    the versions at home, and may name the MLflow server and where this node keeps things. Returns
    `refused` (why) where it cannot; else the exit `status`, and where that is 0 the text of
    dvc.lock, the notes of the training by file name, and the name of the node if it trained here.
    """
    say(f"node: {socket.gethostname()}")
    here, home = list_versions(), task["versions"]
    wrong = [
        f"{name} {here[name]} ({home[name]} at home)" for name in home if here[name] != home[name]
    ]
    if wrong:
        return {"refused": f"{socket.gethostname()} has {', '.join(wrong)}"}
    kept = Path(task["cache"] or _find_cache_home()).expanduser()
    try:
        kept.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=kept).close()
    except OSError as error:  # full, read-only or no folder: it would fail one run after the other
        told = f"{kept}: {error.strerror} (cluster.cache in params.yaml)"
        return {"refused": f"{socket.gethostname()} cannot write into {told}"}
    with _make_clone(kept / "clones", bundle, task["commit"]) as clone:
        work = _NodeWork(task, clone / task["folder"], kept, say)
        status = work.run()
        return {"status": status} | (work.collect() if status == 0 else {})


def _find_cache_home() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache", "second-look")


@contextmanager
def _make_clone(folder: Path, bundle: bytes, commit: str) -> Iterator[Path]:
    """Give a clone of the bundle that goes away again, as do those of workers that were killed."""
    folder.mkdir(parents=True, exist_ok=True)
    with ExitStack() as held:
        # One that is made, and not locked yet, would look abandoned to the others.
        with (folder.parent / "clones.lock").open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            _remove_abandoned(folder)
            own = Path(tempfile.mkdtemp(dir=folder))
            held.callback(shutil.rmtree, own, ignore_errors=True)
            fcntl.flock(held.enter_context((own / "lock").open("w")), fcntl.LOCK_EX)
        (own / "bundle").write_bytes(bundle)
        clone = own / "clone"
        _run_git("clone", "--quiet", "--branch", "snapshot", str(own / "bundle"), str(clone))
        if _run_git("-C", str(clone), "rev-parse", "HEAD").strip() != commit:
            raise RuntimeError(f"the bundle holds another commit than {commit}")
        yield clone


def _remove_abandoned(folder: Path) -> None:
    """Remove the clones whose locks nobody holds."""
    for clone in folder.iterdir():
        with suppress(OSError), (clone / "lock").open() as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(clone, ignore_errors=True)


def _quote(path: Path) -> str:
    """Return a path as DVC's configuration takes it, where commas and # mean something."""
    return f"'{path}'" if '"' in str(path) else f'"{path}"'


def _run_git(*arguments: str) -> str:
    command = ("git", "-c", "core.hooksPath=/dev/null", "-c", "advice.detachedHead=false")
    done = subprocess.run((*command, *arguments), capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"git {arguments[0]}: {' '.join(done.stderr.split())}")
    return done.stdout


class _NodeWork:
    """The steps of a task in a clone."""

    def __init__(self, task: Mapping[str, Any], project: Path, kept: Path, say: Say) -> None:
        self.task, self.project, self.kept, self.say = task, project, kept, say
        self.state = Path(task["state"] or kept / "state").expanduser()
        self.lines: list[str] = []
        self.trained = False  # here and now, not restored

    def run(self) -> int:
        """Pull the arrays, train and evaluate, push; return the first exit status that is not 0."""
        self._configure_dvc()
        names = self.task["stages"]
        with self._hold_lock("pull.lock"):
            weights = [str(path) for path in self.project.glob(WEIGHTS)]
            status = self._ask(("pull", "preprocess", *weights))
        if status == 0:
            status = self._ask(("repro", "--pull", "--single-item", *names))
        return status or self._ask(("push", "--run-cache", *names))

    def collect(self) -> dict[str, Any]:
        """Return what home has to know of a run that is in the remote now."""
        key = json.loads((self.project / self.task["result"]).read_text(encoding="utf-8"))["key"]
        names = [f"{key}.json", f"{key}.environment.json"]
        notes = [path for name in names if (path := self.state / NOTES / name).exists()]
        return {
            "lock": (self.project / self.task["lock"]).read_text(encoding="utf-8"),
            "notes": {path.name: json.loads(path.read_bytes()) for path in notes},
            "node": socket.gethostname() if self.trained else "",
        }

    def _configure_dvc(self) -> None:
        """Give DVC the cache that all tasks on this node share, linked and not copied."""
        # A cache for each remote: what one project computed is not pushed to another's.
        remote = hashlib.sha256((self.project / ".dvc" / "config").read_bytes()).hexdigest()
        text = f"""[core]
    analytics = false
    check_update = false
    site_cache_dir = {_quote(self.project.parent / "site")}
[cache]
    dir = {_quote(self.kept / "cache" / remote[:16])}
    type = "reflink,hardlink,symlink,copy"
"""
        (self.project / ".dvc" / "config.local").write_text(text, encoding="utf-8")
        (self.state / NOTES).mkdir(parents=True, exist_ok=True)

    @contextmanager
    def _hold_lock(self, name: str) -> Iterator[None]:
        """Hold a lock of this node; it is asked again and again, so that one can be interrupted."""
        with (self.kept / name).open("w") as file:
            while True:
                with suppress(BlockingIOError):
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                time.sleep(POLL)
            yield

    def _ask(self, arguments: Sequence[str]) -> int:
        """Run dvc, again where the remote may be what failed; return its exit status."""
        for left in reversed(range(TRIES)):
            self.lines.clear()
            status = self._run([sys.executable, "-m", "dvc", *arguments])
            if status == 0 or any(line.startswith(TRAINS) for line in self.lines) or not left:
                break
            self.say(f"dvc {arguments[0]} failed; again in {PAUSE:.0f} s")
            time.sleep(PAUSE)
        return status

    def _run(self, command: Sequence[str]) -> int:
        process = subprocess.Popen(
            command,
            cwd=self.project,
            env=self._build_environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
            start_new_session=True,
        )
        reader = Thread(target=self._read_lines, args=(process,), daemon=True)
        reader.start()
        try:
            while (status := process.poll()) is None:
                time.sleep(POLL)
        except BaseException:
            _end_session(process)
            raise
        reader.join()
        return status

    def _read_lines(self, process: "subprocess.Popen[str]") -> None:
        for line in process.stdout or ():
            self.lines.append(line.rstrip("\n"))
            self.trained |= line.startswith(TRAINS)
            self.say(self.lines[-1])

    def _build_environment(self) -> dict[str, str]:
        """Return the variables this node was started with: Ray sets others, as for threads."""
        import psutil

        worker = psutil.Process()
        found = worker.environ()
        own = {name: its for name, its in found.items() if not name.startswith(FOREIGN_VARIABLES)}
        if self.task["gpus"]:
            own["CUDA_VISIBLE_DEVICES"] = os.environ.get("CUDA_VISIBLE_DEVICES", "")
        elif NVIDIA_DEVICE.exists():  # else TensorFlow would take all GPUs that nobody asked for
            own["CUDA_VISIBLE_DEVICES"] = ""
        store = f"sqlite:///{self.project.parent / 'mlflow.db'}"  # thrown away
        return {
            "MLFLOW_TRACKING_URI": self.task["tracking"] or store,
            **own,
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{own.get('PATH', os.defpath)}",
            "PYTHONPATH": os.pathsep.join(filter(None, (str(self.project), own.get("PYTHONPATH")))),
            "PYTHONUNBUFFERED": "1",
            "DVC_ROOT": str(self.state),
            "SECOND_LOOK_OVERSEER": f"{os.getpid()} {worker.create_time()}",
        }


def _end_session(process: "subprocess.Popen[str]") -> None:
    """Interrupt dvc and all it started, as Ctrl-C does; kill what is left after a while."""
    with suppress(ProcessLookupError):  # all of them are at their end
        os.killpg(process.pid, signal.SIGINT)
        with suppress(subprocess.TimeoutExpired):
            process.wait(GRACE)
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
