"""Several runs at once: how many, in which order, and each under a dvc of its own to its end.

Runs do not depend on each other: `dvc repro -s` trains and evaluates one, and the lock of dvc
keeps dvc.lock whole. How many threads each has is not touched, as that would change the bits.
"""

import json
import os
import re
import subprocess
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from queue import Empty, Queue
from threading import Thread

from secondlook.artifacts.files import write_atomically
from secondlook.artifacts.parallel import count_workers
from secondlook.config.dvc import (
    ERROR_PREFIX,
    build_dvc_command,
    find_failure_reason,
    name_overseer,
)
from secondlook.config.params import Params
from secondlook.config.processes import build_environment, interrupt_session, start_command

NOTES_FOLDER = Path(".dvc", "tmp", "second_look")
TIMES_FILE = NOTES_FOLDER / "times.json"  # seconds an allowed epoch, of the last training of each
GPU_VARIABLE = "CUDA_VISIBLE_DEVICES"
JOB_MEMORY = 1.5  # GiB that TensorFlow, a small network and dvc take together
MEMORY_LIMITS = Path("/sys/fs/cgroup")  # of the container, where there is one
REFUSED = "Unable to acquire lock"  # of dvc's note of who reads what: it waits for that 3 s at most
MAX_STARTS = 5  # of one job that dvc refused so
GRACE = 20.0  # seconds that an interrupted training has to save its state
EPOCH_LINE = re.compile(r"epoch (\d+)  .*\bvalidation/loss ([\d.]+|nan|inf)")
STAGE_LINE = re.compile(r"Running stage '(train|evaluate)@")
STATES = {"train": "training", "evaluate": "evaluating"}
Slot = dict[str, str]  # what the environment of one job at a time has besides


@dataclass(eq=False)
class Job:
    """A run to be trained and evaluated, and how far it is; `epochs` are those allowed."""

    run: str
    epochs: int
    state: str = "waiting"  # starting | training | evaluating | done | failed
    epoch: int = 0
    loss: float | None = None
    reason: str = ""
    starts: int = 0
    lines: list[str] = field(default_factory=list)
    started: float = 0.0  # monotonic seconds, as all times here
    first_seen: tuple[int, float] | None = None  # epoch, and when
    trained_for: float | None = None  # seconds, of a training from its first epoch to its last

    def start(self) -> None:
        """Begin, or begin again."""
        self.state, self.starts, self.started = "starting", self.starts + 1, time.monotonic()
        self.lines.clear()

    def read_line(self, line: str) -> None:
        """Learn from a line of dvc or a stage how far it is."""
        self.lines.append(line)
        if found := STAGE_LINE.match(line):
            self._enter(found[1])
        elif found := EPOCH_LINE.match(line):
            self.epoch, self.loss = int(found[1]), float(found[2])
            self.first_seen = self.first_seen or (self.epoch, time.monotonic())

    def _enter(self, stage: str) -> None:
        now, was = time.monotonic(), self.state
        self.state = STATES[stage]
        if stage == "train":
            self.started = now
        elif was == STATES["train"] and self.first_seen and self.first_seen[0] == 1:
            self.trained_for = now - self.started

    def end(self, status: int) -> None:
        """Be done, or failed for a reason; or waiting, where dvc refused and may be asked again."""
        if status == 0:
            self.state = "done"
        elif self._is_refused() and self.starts < MAX_STARTS:
            self.state = "waiting"
        else:
            self.state = "failed"
            self.reason = find_failure_reason(self.lines) or f"exit status {status}"

    def _is_refused(self) -> bool:
        return any(REFUSED in line for line in self.lines if line.startswith(ERROR_PREFIX))

    @property
    def seconds_left(self) -> float | None:
        """Return how long the training lasts at most, by its epochs so far; None where unknown."""
        if self.state != STATES["train"] or not self.first_seen or self.epoch == self.first_seen[0]:
            return None
        epoch, since = self.first_seen
        return (time.monotonic() - since) / (self.epoch - epoch) * (self.epochs - self.epoch)


def make_jobs(params: Params, runs: Iterable[str]) -> list[Job]:
    """Return the jobs of runs, the longest first.

    How long one takes is told by its last training, else by that of others, and its epochs.
    """
    phases = {run: [one, one.fine_tune] for run in runs if (one := params.run(run))}
    allowed = {run: sum(phase.epochs for phase in each if phase) for run, each in phases.items()}
    known = _load_times()
    other = sum(known.values()) / len(known) if known else 1.0
    order = sorted(allowed, key=lambda run: -allowed[run] * known.get(run, other))
    return [Job(run, allowed[run]) for run in order]


def _load_times() -> dict[str, float]:
    """Return the seconds an allowed epoch took of each run; nothing where the note is damaged."""
    with suppress(OSError, ValueError, AttributeError):
        noted = json.loads(TIMES_FILE.read_text(encoding="utf-8"))
        return {run: float(seconds) for run, seconds in noted.items()}
    return {}


def note_times(jobs: Iterable[Job]) -> None:
    """Note how long whole trainings took, for the order of the next time."""
    told = {job.run: job.trained_for / job.epochs for job in jobs if job.trained_for}
    TIMES_FILE.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(TIMES_FILE, [json.dumps(_load_times() | told).encode()])


def list_gpus() -> list[str]:
    """Return the NVIDIA GPUs by the names that CUDA_VISIBLE_DEVICES has for them."""
    if (given := os.environ.get(GPU_VARIABLE)) is not None:
        return [name.strip() for name in given.split(",") if name.strip() not in {"", "-1"}]
    with suppress(OSError, subprocess.SubprocessError):
        told = subprocess.run(
            ["nvidia-smi", "-L"], capture_output=True, text=True, check=True, timeout=60
        )
        found = [line for line in told.stdout.splitlines() if line.startswith("GPU ")]
        return [str(number) for number in range(len(found))]
    return []


def measure_free_memory() -> float:
    """Return how much memory (GiB) may still be taken, of the machine and of the container."""
    import psutil

    free = [psutil.virtual_memory().available]
    with suppress(OSError, ValueError, KeyError):  # no container, or one without a limit
        told = [(MEMORY_LIMITS / f"memory.{name}").read_text() for name in ("max", "current")]
        stat = (MEMORY_LIMITS / "memory.stat").read_text().splitlines()
        cached = int(dict(line.split(" ", 1) for line in stat)["inactive_file"])
        free.append(int(told[0]) - int(told[1]) + cached)
    return min(free) / 2**30


def choose_slots(wanted: int | None, count: int) -> tuple[list[Slot], str]:
    """Return the slots for so many runs, one for each that goes on at once, and why so many.

    Each GPU has one run at a time, unless more are `wanted`; they share in turn then.
    """
    cores, memory, gpus = count_workers(), measure_free_memory(), list_gpus()
    fitting = min(cores, max(1, int(memory / JOB_MEMORY)), len(gpus) or cores)
    chosen = min(count, wanted or fitting)
    told = f"{_count(cores, 'core')}, {memory:.1f} GiB of memory free, {_count(len(gpus), 'GPU')}"
    slots: list[Slot] = [
        {GPU_VARIABLE: gpus[place % len(gpus)]} if gpus else {} for place in range(chosen)
    ]
    return slots, told if wanted is None else f"as asked; {told}"


def _count(number: int, noun: str) -> str:
    return f"{number or 'no'} {noun}{'s' if number > 1 else ''}"


def run_jobs(
    jobs: Sequence[Job], slots: Sequence[Slot], show_line: Callable[[Job, str], None]
) -> None:
    """Run all jobs to their end, one a slot at a time; that one fails ends no other.

    On KeyboardInterrupt those at work are interrupted, too, and have a while to save their state.
    """
    waiting, free = deque(jobs), list(slots)
    working: dict[Job, tuple[Process, Slot, ExitStack]] = {}
    events: Events = Queue()
    with ExitStack() as kept:
        try:
            while waiting or working:
                while waiting and free:
                    job, slot = waiting.popleft(), free.pop(0)
                    held = kept.enter_context(ExitStack())
                    working[job] = (_start(job, slot, events, held), slot, held)
                job, line = events.get()
                if line is not None:
                    job.read_line(line)
                    show_line(job, line)
                    continue
                process, slot, held = working.pop(job)
                job.end(process.wait())
                held.close()
                free.append(slot)
                if job.state == "waiting":
                    waiting.append(job)
        except KeyboardInterrupt:
            _interrupt_jobs({job: process for job, (process, *_) in working.items()}, events)
            raise


Events = Queue[tuple[Job, str | None]]  # a line of a job; None: its last has been read
Process = subprocess.Popen[str]


def _start(job: Job, slot: Slot, events: Events, held: ExitStack) -> Process:
    """Start the dvc of a job, and pass on what it says; it is killed where `held` ends early."""
    job.start()
    targets = [f"train@{job.run}", f"evaluate@{job.run}"]
    variables = os.environ | name_overseer() | slot
    process = held.enter_context(
        start_command(
            build_dvc_command("--wait-for-lock", "repro", "--single-item", *targets),
            environment=build_environment(variables, PYTHONUNBUFFERED="1"),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
    )
    Thread(target=_pass_on, args=(job, process, events), daemon=True).start()
    return process


def _pass_on(job: Job, process: Process, events: Events) -> None:
    with suppress(ValueError):  # it was killed, and its pipe closed meanwhile
        for line in process.stdout or ():
            events.put((job, line.rstrip("\n")))
    events.put((job, None))


def _interrupt_jobs(working: Mapping[Job, Process], events: Events) -> None:
    """Interrupt jobs as a terminal would, and wait until they have ended, but not for ever."""
    for process in working.values():
        interrupt_session(process)
    left, deadline = set(working), time.monotonic() + GRACE
    with suppress(Empty):
        while left:
            job, line = events.get(timeout=max(0, deadline - time.monotonic()))
            if line is None:
                left.discard(job)
