"""Jobs on this machine: how many at once, on which GPU, and each under a dvc of its own.

Runs do not depend on each other: `dvc repro -s` trains and evaluates one, and the lock of dvc
keeps dvc.lock whole. How many threads each has is not touched, as that would change the bits.
"""

import os
import subprocess
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Thread

from secondlook.artifacts.parallel import count_workers
from secondlook.config.dvc import build_dvc_command, name_overseer
from secondlook.config.processes import build_environment, interrupt_session, start_command
from secondlook.scheduling.jobs import Events, Job, Slot

GPU_VARIABLE = "CUDA_VISIBLE_DEVICES"
JOB_MEMORY = 1.5  # GiB that TensorFlow, a small network and dvc take together
MEMORY_LIMITS = Path("/sys/fs/cgroup")  # of the container, where there is one


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


@dataclass(frozen=True)
class LocalWork:
    """The dvc of a job."""

    process: "subprocess.Popen[str]"

    def wait(self) -> int:
        """Return its exit status."""
        return self.process.wait()

    def interrupt(self) -> None:
        """Interrupt it and all that it started, as Ctrl-C does."""
        interrupt_session(self.process)


def start_local_job(job: Job, slot: Slot, events: Events, held: ExitStack) -> LocalWork:
    """Start the dvc of a job, and pass on what it says; it is killed where `held` ends early."""
    variables = os.environ | name_overseer() | slot
    process = held.enter_context(
        start_command(
            build_dvc_command("--wait-for-lock", "repro", "--single-item", *job.stages),
            environment=build_environment(variables, PYTHONUNBUFFERED="1"),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
    )
    Thread(target=_pass_on, args=(job, process, events), daemon=True).start()
    return LocalWork(process)


def _pass_on(job: Job, process: "subprocess.Popen[str]", events: Events) -> None:
    with suppress(ValueError):  # it was killed, and its pipe closed meanwhile
        for line in process.stdout or ():
            events.put((job, line.rstrip("\n")))
    events.put((job, None))
