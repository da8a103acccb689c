"""What is said while a retraining goes on: to people on stderr, and to a log that MLflow keeps."""

import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from stages.core.errors import SecondLookError
from stages.core.tracking.clock import NOTES

LOG = NOTES / "log.txt"
DRAWING = NOTES / "drawing.txt"  # what DVC says of the report, after the record is made
OURS, DVCS = "secondlook: ", "ERROR: "  # how the lines begin that tell why a stage failed
WARNING = "secondlook: warning"


@dataclass
class Transcript:
    """The lines said so far; `quiet`: not on stderr; `lock`: a descriptor that children hold."""

    quiet: bool
    lock: int
    path: Path = LOG
    lines: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Begin a new log in place of that of the last retraining."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.path.write_text("", encoding="utf-8")

    def say(self, line: str) -> None:
        """Say a line."""
        self.lines.append(line)
        with self.path.open("a", encoding="utf-8") as file:
            file.write(f"{line}\n")
        if not self.quiet:
            print(line, file=sys.stderr, flush=True)

    def dvc(self, *arguments: str) -> None:
        """Run dvc; SecondLookError, with what the stage said of it, where it fails."""
        self.run([sys.executable, "-m", "dvc", *arguments], f"dvc {' '.join(arguments)}")

    def shell(self, command: str, key: str) -> None:
        """Run a shell command of params.yaml; SecondLookError where it fails."""
        self.run(["/bin/sh", "-c", command], f"params.yaml: {key}: `{command}`")

    def run(self, command: list[str], title: str) -> None:
        """Run a command that ends with us, and say what it says."""
        start = len(self.lines)
        with subprocess.Popen(
            command,
            env=environ(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,
            pass_fds=[self.lock],
        ) as process:
            try:
                for line in process.stdout or ():
                    self.say(line.rstrip("\n"))
            except BaseException:
                os.killpg(process.pid, signal.SIGKILL)
                raise
        if process.returncode:
            reason = _reason(self.lines[start:]) or f"exit status {process.returncode}"
            raise SecondLookError(f"{title}: {reason}")


def environ() -> Mapping[str, str]:
    """Return the environment in which `python` is this one: schedulers set a bare PATH."""
    path = os.environ.get("PATH", os.defpath)
    ours = {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{path}", "PYTHONUNBUFFERED": "1"}
    return os.environ | ours


def _reason(lines: list[str]) -> str | None:
    """Return why a command failed: the last line of a stage's own, of dvc's, or any."""
    told = [line for line in lines if line.startswith(OURS) and not line.startswith(WARNING)]
    errors = [line for line in lines if line.startswith(DVCS)]
    spoken = [line for line in lines if line.strip()]
    last = next((found[-1] for found in (told, errors, spoken) if found), None)
    return last and last.removeprefix(OURS).removeprefix(DVCS)
