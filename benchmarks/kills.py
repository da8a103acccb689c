"""Do trainings that are killed at random moments end with the same bytes? Of every default run.

Each run is trained once in one go. Then it is trained several times over, killed (SIGKILL) once
or more on the way, and resumed until it ends; what it leaves is compared with the first. The
moments are drawn from a seed: most between the first epoch and the last byte of the outputs, some
while the process still starts. The runs are the default ones, with their augmentation and early
stopping, but of fewer epochs, and saved after every one, so that many kills fall into a write.
Target: always the same, after thirty kills at least.
"""

import re
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

from benchmarks.measuring import Measurement
from secondlook.artifacts import files
from secondlook.config.params import load_params
from tests.support.project import build_project, run_command

EPOCHS = 16
KILLS = (1, 2, 2)  # on the way of each training
EARLY_SHARE = 0.2  # share of kills while a process starts
SEED = 3


def measure(folder: Path) -> list[Measurement]:
    """Kill the trainings of every run, and tell what came of them."""
    shorter = {name: min(EPOCHS, load_params().run(name).epochs) for name in load_params().runs}
    runs = {name: change | {"epochs": shorter[name]} for name, change in load_params().runs.items()}
    track = {"live_after": 10**6}  # no process beside it that tells MLflow
    changes = {"train": {"checkpoint_seconds": 0}, "runs": runs, "track": track}
    project = build_project(folder / "project", changes)
    for stage in ("split", "preprocess"):
        run_command(project, "python", "-m", "stages", stage)
    chance = np.random.default_rng(SEED)
    return make_measurements([KilledTraining(project, name, chance).run_trials() for name in runs])


def make_measurements(victims: "list[KilledTraining]") -> list[Measurement]:
    """Return the share of trainings that ended with the same bytes, run by run, and all kills."""
    kills = float(sum(victim.kills for victim in victims))
    lost = [epochs for victim in victims for epochs in victim.lost]
    return [
        *(
            Measurement(f"{victim.name}: same bytes", [victim.share], "", at_least=1.0, digits=2)
            for victim in victims
        ),
        Measurement("kills", [kills], "", at_least=30.0, digits=0),
        Measurement("finished epochs that a kill cost", lost, "", digits=0),
    ]


class KilledTraining:
    """A run that is trained, and killed while it is."""

    def __init__(self, project: Path, name: str, chance: np.random.Generator) -> None:
        self.project, self.name, self.chance = project, name, chance
        self.starting, self.training, self.epochs = 0.0, 0.0, 0  # seconds, seconds, in one go
        self.reached = self.kills = 0
        self.lost: list[float] = []
        self.share = 0.0

    def run_trials(self) -> "KilledTraining":
        """Train in one go, then with kills; note how often the bytes were the same."""
        whole, same = self._train_in_one_go(), []
        for kills in KILLS:
            wanted = self.kills + kills
            while self.kills < wanted:
                self._kill()
            same.append(self._train_to_the_end() == whole)
        self.share = float(np.mean(same))
        return self

    def _train_in_one_go(self) -> str:
        start = time.perf_counter()
        with self._start_training() as process:
            assert process.stdout is not None
            process.stdout.readline()
            first = time.perf_counter()
            rest = process.communicate()[0].splitlines()
        self.starting, self.training = first - start, time.perf_counter() - first
        self.epochs = len(rest) + 1
        return self._digest_and_remove_outputs()

    def _train_to_the_end(self) -> str:
        with self._start_training() as process:
            self._note_progress(process.communicate()[0])
        if process.returncode:
            raise RuntimeError(f"train {self.name} failed: exit status {process.returncode}")
        return self._digest_and_remove_outputs()

    def _kill(self) -> None:
        """Kill a training, unless it is faster; its outputs then count for nothing."""
        with self._start_training() as process:
            assert process.stdout is not None
            first = self._wait(process)
            if process.poll() is None:
                self.kills += 1
                process.kill()
                self._note_progress(first + process.stdout.read())
                return
        self._digest_and_remove_outputs()

    def _wait(self, process: "subprocess.Popen[str]") -> str:
        """Wait until a random moment; return the line printed before, if it was waited for."""
        if self.chance.random() < EARLY_SHARE:
            time.sleep(self.chance.uniform(0, self.starting))
            return ""
        first = process.stdout.readline() if process.stdout else ""
        time.sleep(self.chance.uniform(0, self.training * (1 - self.reached / self.epochs)))
        return first

    def _note_progress(self, printed: str) -> None:
        """Note where a process resumed, and how far it came."""
        for after in re.findall(r"(?m)^resuming at epoch (\d+)", printed):
            self.lost.append(float(self.reached - int(after) + 1))
        for after in re.findall(r"(?m)^epoch (\d+)", printed):
            self.reached = int(after)

    def _digest_and_remove_outputs(self) -> str:
        """Return a digest of the outputs, and remove them."""
        paths = sorted((self.project / files.stage_folder("train", self.name)).iterdir())
        digest = files.hash_files(*paths)
        for path in paths:
            path.unlink()
        self.reached = 0
        return digest

    def _start_training(self) -> "subprocess.Popen[str]":
        command = [sys.executable, "-m", "stages", "train", self.name]
        return subprocess.Popen(command, cwd=self.project, stdout=subprocess.PIPE, text=True)
