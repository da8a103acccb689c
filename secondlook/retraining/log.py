"""What is said while a retraining goes on, and its record as people read it.

It goes to people on stderr and to a log that MLflow keeps; so does what commands of it say, of
which the reason of a failure is taken. The record becomes lines, and a note on its page in MLflow.
"""

import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from secondlook.artifacts.retraining_history import ConditionCheck, RetrainingRecord, ServiceModel
from secondlook.config.dvc import build_dvc_command, find_failure_reason, forget_ended_processes
from secondlook.config.errors import SecondLookError
from secondlook.config.processes import Command, build_environment, start_command
from secondlook.tracking.provenance import NOTES_FOLDER

LOG_FILE = NOTES_FOLDER / "log.txt"
REPORT_LOG_FILE = NOTES_FOLDER / "drawing.txt"  # what dvc says of the report, after the record


@dataclass
class RetrainingLog:
    """The lines said so far; `quiet`: not on stderr; `lock`: a descriptor that children hold."""

    quiet: bool
    lock: int
    path: Path = LOG_FILE
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

    def run_dvc(self, *arguments: str) -> None:
        """Run dvc; SecondLookError, with what the stage said of it, where it fails."""
        forget_ended_processes(Path())
        self.run_command(build_dvc_command(*arguments), f"dvc {' '.join(arguments)}")

    def run_repro(self, jobs: int) -> None:
        """Run `secondlook repro`, so many runs at once; SecondLookError where one fails."""
        command = [sys.executable, "-m", "stages", "repro", "--jobs", str(jobs)]
        self.run_command(command, f"secondlook repro --jobs {jobs}")

    def run_shell(self, command: str, key: str) -> None:
        """Run a shell command of params.yaml; SecondLookError where it fails."""
        self.run_command(["/bin/sh", "-c", command], f"params.yaml: {key}: `{command}`")

    def run_command(self, command: Command, title: str) -> None:
        """Run a command that ends with us, and say what it says."""
        start = len(self.lines)
        with start_command(
            command,
            environment=build_environment(PYTHONUNBUFFERED="1"),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            pass_fds=[self.lock],
        ) as process:
            for line in process.stdout or ():
                self.say(line.rstrip("\n"))
        if process.returncode:
            reason = find_failure_reason(self.lines[start:]) or f"exit status {process.returncode}"
            raise SecondLookError(f"{title}: {reason}")


def format_record(record: RetrainingRecord) -> Iterator[str]:
    """Yield the record line by line, what came of it first."""
    yield f"{record.action}: {record.outcome}: {record.reason}"
    if record.service is not None:
        yield f"  in service: {_format_model(record.service)}{_format_previous(record)}"
    if record.challenger not in (None, record.service):
        yield f"  challenger: {_format_model(record.challenger)}"
    if record.data is not None:
        yield f"  data: {format_data_counts(record)}"
    yield from (f"  {_format_check(check)}" for check in (*record.data_checks, *record.gate))
    if record.retraining is not None:
        yield f"  record: MLflow run {record.retraining}"


def format_note(record: RetrainingRecord) -> str:
    """Return the record as Markdown with links to runs, for the page of its MLflow run."""
    first, *rest = format_record(record)
    text = "\n".join([f"**{first}**", "", *(f"-{line[1:]}" for line in rest)])
    return re.sub(r"\brun ([0-9a-f]{32})\b", r"run [\1](#/runs/\1)", text)


def _format_model(found: ServiceModel) -> str:
    """Return which model it is: its name, version and MLflow run."""
    version = f"version {found.version}, " if found.version else ""
    return f"{found.name} ({version}run {found.run})"


def format_data_counts(record: RetrainingRecord) -> str:
    """Return how many images there are, and how many are new and gone; nothing where unknown."""
    found = record.data
    if found is None:
        return ""
    moved = "" if found.added is None else f", {found.added} new, {found.removed} gone"
    return f"{found.images} images{moved}"


def _format_previous(record: RetrainingRecord) -> str:
    if record.before is None or record.before == record.service:
        return ""
    return f"; before: {_format_model(record.before)}"


def _format_check(check: ConditionCheck) -> str:
    return f"{'passed' if check.passed else 'FAILED'}  {check.told}"
