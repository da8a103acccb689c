"""The project's own pipeline, its stages replaced by a line of shell each: a run takes no time.

What happens around the stages is real: dvc.yaml with its graph, dvc, git, remotes and commands.
"""

import time
from pathlib import Path
from typing import Any

import yaml

from tests.support.project import ROOT, commit_all, run_command

RUNS = ("first", "second")
PATIENCE = 60.0  # seconds that anything may take on a busy machine
DVC_CONFIG = """[core]
    analytics = false
    check_update = false
    remote = shared
['remote "shared"']
    url = {}
"""
# A training writes down that it began, and ends when there is no gate; it may find a state.
SCRIPT = """
case $1 in
split|preprocess|compare|report)
    mkdir -p data/$1; echo $1 > data/$1/made; echo '{}' > data/$1/facts.json ;;
train)
    grep -q "fails: $2" params.yaml && { echo "secondlook: $2 cannot be" >&2; exit 1; }
    echo "$2" >> LOG
    for epoch in 1 2; do echo "epoch $epoch  train/loss 1.0  validation/loss 0.$epoch"; done
    while [ -e GATE ]; do sleep 0.1; done
    notes=$DVC_ROOT/.dvc/tmp/second_look
    mkdir -p data/train/$2 $notes
    echo "[1000, 2000]" > $notes/key-$2.json
    echo '{"weights": "w", "environment": {"CPU": "another"}}' > $notes/key-$2.environment.json
    echo "{\\"key\\": \\"key-$2\\"}" > data/train/$2/run.json
    cat code.txt > data/train/$2/history.csv; echo > data/train/$2/predictions.npz ;;
evaluate)
    mkdir -p data/evaluate/$2
    for name in metrics details operating; do echo '{}' > data/evaluate/$2/$name.json; done ;;
esac
"""


def build_shell_project(folder: Path, runs: tuple[str, ...] = RUNS) -> Path:
    """Make the project in a folder, with a folder beside it as DVC's remote, and commit it.

    Beside it lie `gate`, while which is there no training ends, and `log`, of those that began.
    """
    folder.mkdir(parents=True)
    pipeline: dict[str, Any] = yaml.safe_load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))
    del pipeline["plots"]
    for name, stage in pipeline["stages"].items():
        each = stage.get("do", stage)
        each["cmd"] = f"sh stage.sh {name} ${{key}}" if "do" in stage else f"sh stage.sh {name}"
        each.pop("params", None)
        deps = [
            dep
            for dep in each["deps"]
            if dep.startswith("data/") and not dep.endswith((".jsonl", "sweep/results.json"))
        ]
        each["deps"] = [*deps, "stage.sh", *(["code.txt"] if name == "train" else [])]
    (folder / "dvc.yaml").write_text(yaml.safe_dump(pipeline, sort_keys=False), encoding="utf-8")
    params = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    params |= {"runs": {run: {} for run in runs}, "report": {"reference": runs[0]}}
    (folder / "params.yaml").write_text(yaml.safe_dump(params), encoding="utf-8")
    beside = folder.parent.resolve()
    script = SCRIPT.replace("GATE", str(beside / "gate")).replace("LOG", str(beside / "log"))
    (folder / "stage.sh").write_text(script, encoding="utf-8")
    (folder / "code.txt").write_text("first version\n", encoding="utf-8")
    (folder / ".gitignore").write_text("/data/\n/.dvc/tmp/\n", encoding="utf-8")
    (folder / "data/digits").mkdir(parents=True)
    (folder / "data/digits/image.png").write_text("raw", encoding="utf-8")
    (beside / "remote").mkdir(exist_ok=True)
    (folder / ".dvc").mkdir()
    (folder / ".dvc/config").write_text(DVC_CONFIG.format(beside / "remote"), encoding="utf-8")
    (folder / ".dvc/.gitignore").write_text("/config.local\n/tmp\n/cache\n", encoding="utf-8")
    run_command(folder, "git", "init", "--quiet")
    commit_all(folder, "Start")
    return folder


def read_log(project: Path) -> list[str]:
    """Return the runs whose trainings began, in their order."""
    log = project.parent / "log"
    return log.read_text(encoding="utf-8").split() if log.exists() else []


def open_gate(project: Path) -> None:
    """Let trainings end."""
    (project.parent / "gate").unlink(missing_ok=True)


def wait_for_trainings(project: Path, number: int) -> None:
    """Wait until so many trainings have begun."""
    deadline = time.monotonic() + PATIENCE
    while len(read_log(project)) < number:
        assert time.monotonic() < deadline
        time.sleep(0.1)


def wait_until_idle(folder: Path) -> None:
    """Wait until no process works in a folder."""
    deadline = time.monotonic() + PATIENCE
    while left := _list_processes(folder):
        assert time.monotonic() < deadline, left
        time.sleep(0.2)


def _list_processes(folder: Path) -> list[str]:
    """Return the command lines of processes that work in a folder."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if (process / "cwd").readlink().is_relative_to(folder):
                found.append((process / "cmdline").read_text().replace("\0", " "))
        except OSError:
            continue
    return found
