"""What a run costs on the nodes of a cluster and at home, measured on this machine alone.

The commands are those of `secondlook repro --ray`: a bundle of the code, and on a node a clone of
it, `dvc pull`, `dvc repro`, `dvc push --run-cache`; at home `dvc pull` of all runs and `dvc repro`,
which finds everything done. The remote is a folder: how long bytes take on a network is for the
simulation to say (cluster_makespan.py). DVC's own cost grows with the number of runs, as each
command reads the whole pipeline and dvc.lock; so it is measured with several numbers of runs, all
of them the same run by other names: one is trained, the others have its records. What is measured
is the time of processors, which other work on the machine does not change: a node has its own.
"""

import re
import resource
import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from scipy.optimize import nnls

from tests.support.project import build_project, commit_all, run_command

RUNS = (10, 50, 100)  # numbers of runs that DVC's own cost is measured with
TRAINED = "trial-0"
IMPORTS = "import tensorflow, keras"
NETWORK = ("data/train", "data/evaluate")
CHANGES = {"runs": {TRAINED: {}}, "report": {"reference": TRAINED}}


@dataclass
class Costs:
    """Seconds and bytes; what depends on the number of runs is a list of three, see RUNS.

    preprocess, bundle, push_arrays, collect and finish are home's; the rest is that of each run on
    a node, of which `pull_cold` is once a node.
    """

    preprocess: float = 0.0  # dvc repro preprocess
    push_arrays: float = 0.0  # dvc push preprocess
    bundle: float = 0.0  # git bundle of the working tree
    clone: float = 0.0  # git clone of the bundle
    pull_cold: float = 0.0  # dvc pull preprocess into an empty cache, more than a linked one takes
    imports: float = 0.0  # of TensorFlow and Keras, a part of `train`
    train: float = 0.0  # train and evaluate, without DVC's own cost
    array_bytes: float = 0.0
    run_bytes: float = 0.0
    pull: list[float] = field(default_factory=list)  # dvc pull preprocess, linked
    check: list[float] = field(default_factory=list)  # dvc repro of one run that is done
    push: list[float] = field(default_factory=list)  # dvc push --run-cache of one run
    status: list[float] = field(default_factory=list)  # dvc status
    collect: list[float] = field(default_factory=list)  # dvc pull train evaluate: of all runs
    finish: list[float] = field(default_factory=list)  # dvc repro of all runs that are done

    def compute_at(self, name: str, runs: int) -> float:
        """Return one of the lists for any number of runs.

        It is constant, linear and quadratic parts, none of them negative, nearest to what was
        measured.
        """
        parts, _ = nnls(np.vander(RUNS, 3).astype(float), np.array(getattr(self, name)))
        return float(np.polyval(parts, runs))


def measure_costs(folder: Path) -> Costs:
    """Measure everything once, in a folder."""
    costs = Costs()
    home = build_project(folder / "home", CHANGES)
    run_command(home, "dvc", "remote", "add", "--default", "remote", str(folder / "remote"))
    costs.preprocess = time_command(home, "dvc", "repro", "preprocess")
    costs.push_arrays = time_command(home, "dvc", "push", "preprocess")
    commit_all(home, "Preprocess")
    costs.bundle = time_command(home, "git", "bundle", "create", "--quiet", "../bundle", "HEAD")
    costs.imports = time_command(home, sys.executable, "-c", IMPORTS)
    node = folder / "node"
    costs.clone = make_clone(folder, node, "cache")
    costs.pull_cold = time_command(node, "dvc", "pull", "preprocess")
    whole = time_command(node, "dvc", "repro", "--single-item", *name_stages(TRAINED))
    check = time_command(node, "dvc", "repro", "--single-item", *name_stages(TRAINED))
    costs.train = max(costs.imports, whole - check)
    run_command(node, "dvc", "push", "--run-cache", *name_stages(TRAINED))
    costs.array_bytes = count_bytes(node / "data/preprocess")
    costs.run_bytes = sum(count_bytes(node / where / TRAINED) for where in NETWORK)
    for runs in RUNS:
        measure_with_runs(costs, folder, node, runs)
    costs.pull_cold = max(0.0, costs.pull_cold - costs.compute_at("pull", 1))
    return costs


def measure_with_runs(costs: Costs, folder: Path, node: Path, runs: int) -> None:
    """Add what DVC takes with so many runs, on a node and at home."""
    names = [f"trial-{i}" for i in range(runs)]
    for place, cache in (("busy", "cache"), ("back", f"fresh{runs}")):
        project = folder / f"{place}{runs}"
        shutil.copytree(node, project, symlinks=True)
        shutil.rmtree(project / "data/train")
        shutil.rmtree(project / "data/evaluate")
        multiply_runs(project, names)
        choose_cache(project, folder / cache)
    busy, back = folder / f"busy{runs}", folder / f"back{runs}"
    costs.pull.append(time_command(busy, "dvc", "pull", "preprocess"))
    costs.collect.append(time_command(back, "dvc", "pull", "train", "evaluate"))
    costs.status.append(time_command(back, "dvc", "status", "--json"))
    costs.finish.append(time_command(back, "dvc", "repro", "evaluate"))
    single = name_stages(names[-1])
    costs.check.append(time_command(back, "dvc", "repro", "--single-item", *single))
    costs.push.append(time_command(back, "dvc", "push", "--run-cache", *single))


def multiply_runs(project: Path, names: Sequence[str]) -> None:
    """Let the one run that was trained be there by so many names, all of them up to date."""
    wiring = project / "params.yaml"
    text = wiring.read_text(encoding="utf-8")
    entries = "".join(f"  {name}: {{}}\n" for name in names)
    wiring.write_text(text.replace(f"  {TRAINED}: {{}}\n", entries), encoding="utf-8")
    lock = project / "dvc.lock"
    head, *parts = re.split(r"(?m)^(?=  \S)", lock.read_text(encoding="utf-8"))
    pattern = rf"{TRAINED}\b"
    copies = [re.sub(pattern, name, part) for part in parts if TRAINED in part for name in names]
    lock.write_text(head + "".join([*(p for p in parts if TRAINED not in p), *copies]))


def make_clone(folder: Path, clone: Path, cache: str) -> float:
    """Clone the bundle as a node does, with a DVC cache of its own; return the seconds."""
    seconds = time_command(folder, "git", "clone", "--quiet", "bundle", str(clone))
    choose_cache(clone, folder / cache)
    return seconds


def choose_cache(project: Path, cache: Path) -> None:
    """Let the project link from a cache."""
    text = f"[cache]\n    dir = {cache}\n    type = hardlink,symlink,copy\n"
    (project / ".dvc" / "config.local").write_text(text, encoding="utf-8")


def name_stages(run: str) -> list[str]:
    """Return the stages of a run."""
    return [f"train@{run}", f"evaluate@{run}"]


def count_bytes(folder: Path) -> int:
    """Return what is in a folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def time_command(folder: Path, *command: str) -> float:
    """Return how many seconds of a processor a command took, with those it started."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    run_command(folder, *command)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
