"""Trainings as jobs: in which order, how far each is, and so many at a time to their end.

Where a job is at work, an engine decides: this machine (local_engine.py), or a cluster.
"""

import json
import re
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from queue import Empty, Queue
from typing import Protocol

from secondlook.artifacts.files import write_atomically
from secondlook.config.dvc import ERROR_PREFIX, find_failure_reason
from secondlook.config.training import TrainParams
from secondlook.scheduling.dvc_lock import name_stages

NOTES_FOLDER = Path(".dvc", "tmp", "second_look")
TIMES_FILE = NOTES_FOLDER / "times.json"  # seconds an allowed epoch, of the last training of each
REFUSED = "Unable to acquire lock"  # of dvc's note of who reads what: it waits for that 3 s at most
MAX_STARTS = 5  # of one job that dvc refused so
GRACE = 20.0  # seconds that an interrupted training has to save its state
NODE_PREFIX = "node: "  # of the line that says on which machine of a cluster a job is at work
EPOCH_LINE = re.compile(r"epoch (\d+)  .*\bvalidation/loss ([\d.]+|nan|inf)")
STAGE_LINE = re.compile(r"Running stage '(?:\S+:)?(train|evaluate|trial)@")
STATES = {"train": "training", "evaluate": "evaluating", "trial": "training"}
Slot = dict[str, str]  # what the environment of one job at a time has besides


class Work(Protocol):
    """A job at work somewhere."""

    def wait(self) -> int:
        """Return the exit status, once the last line was told."""

    def interrupt(self) -> None:
        """Ask it to end soon, as Ctrl-C does."""


Events = Queue["tuple[Job, str | None]"]  # a line of a job; None: its last has been told
Engine = Callable[["Job", Slot, Events, ExitStack], Work]  # starts a job; the stack ends it


@dataclass(eq=False)
class Job:
    """A run or trial to be trained, and how far it is; `epochs` are those allowed.

    stages: what dvc calls what is to be done, in order; those of a run where none are given.
    """

    run: str
    epochs: int
    stages: list[str] = field(default_factory=list)
    state: str = "waiting"  # starting | training | evaluating | done | failed
    epoch: int = 0
    loss: float | None = None
    reason: str = ""
    starts: int = 0
    node: str = ""  # of a cluster
    lines: list[str] = field(default_factory=list)
    started: float = 0.0  # monotonic seconds, as all times here
    first_seen: tuple[int, float] | None = None  # epoch, and when
    trained_for: float | None = None  # seconds, of a training from its first epoch to its last

    def __post_init__(self) -> None:
        self.stages = self.stages or name_stages([self.run])

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
        elif line.startswith(NODE_PREFIX):
            self.node, self.first_seen = line.removeprefix(NODE_PREFIX), None

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


ShowLine = Callable[[Job, str], None]


def make_jobs(
    trainings: Mapping[str, TrainParams],
    list_stages: Callable[[str], list[str]] = lambda run: name_stages([run]),
) -> list[Job]:
    """Return the jobs of runs or trials by their names, the longest first.

    How long one takes is told by its last training, else by that of others, and its epochs.
    """
    phases = {run: [one, one.fine_tune] for run, one in trainings.items()}
    allowed = {run: sum(phase.epochs for phase in each if phase) for run, each in phases.items()}
    known = _load_times()
    other = sum(known.values()) / len(known) if known else 1.0
    order = sorted(allowed, key=lambda run: -allowed[run] * known.get(run, other))
    return [Job(run, allowed[run], list_stages(run)) for run in order]


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


def run_jobs(
    jobs: Sequence[Job],
    slots: Sequence[Slot],
    engine: Engine,
    show_line: ShowLine,
) -> None:
    """Run all jobs to their end, one a slot at a time; that one fails ends no other.

    On KeyboardInterrupt those at work are interrupted, too, and have a while to save their state.
    """
    waiting, free = deque(jobs), list(slots)
    working: dict[Job, tuple[Work, Slot, ExitStack]] = {}
    events: Events = Queue()
    with ExitStack() as kept:
        try:
            while waiting or working:
                while waiting and free:
                    job, slot = waiting.popleft(), free.pop(0)
                    held = kept.enter_context(ExitStack())
                    job.start()
                    working[job] = (engine(job, slot, events, held), slot, held)
                job, line = events.get()
                if line is not None:
                    job.read_line(line)
                    show_line(job, line)
                    continue
                work, slot, held = working.pop(job)
                job.end(work.wait())
                held.close()
                free.append(slot)
                if job.state == "waiting":
                    waiting.append(job)
        except KeyboardInterrupt:
            _interrupt_jobs({job: work for job, (work, *_) in working.items()}, events)
            raise


def _interrupt_jobs(working: Mapping[Job, Work], events: Events) -> None:
    """Interrupt jobs as a terminal would, and wait until they have ended, but not for ever."""
    for work in working.values():
        work.interrupt()
    left, deadline = set(working), time.monotonic() + GRACE
    with suppress(Empty):
        while left:
            job, line = events.get(timeout=max(0, deadline - time.monotonic()))
            if line is None:
                left.discard(job)
