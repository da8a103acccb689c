"""What `secondlook repro` shows of its jobs, and in which order dvc.lock has what is new."""

import io
from pathlib import Path

import pytest
from rich.console import Console

from secondlook.scheduling.dvc_lock import name_stages, order_lock_entries
from secondlook.scheduling.job_table import build_table
from secondlook.scheduling.jobs import Job

HEAD = "schema: '2.0'\nstages:\n"
EPOCHS = [f"epoch {epoch}  train/loss 0.5  validation/loss 0.25" for epoch in (1, 2)]


def format_entry(name: str) -> str:
    """Return an entry of dvc.lock."""
    return f"  {name}:\n    cmd: python -m stages\n    deps:\n    - path: {name}\n      size: 3\n"


@pytest.mark.parametrize(
    ("before", "found", "wanted"),
    [
        ("", "split train@b evaluate@b train@a evaluate@a", "split train@a train@b evaluate@a eva"),
        ("split train@b evaluate@b compare", "split train@b evaluate@b compare train@a", "split"),
        ("train@b", "train@b evaluate@b train@a evaluate@a", "train@b train@a evaluate@a evaluate"),
        ("train@b", "", ""),
    ],
)
def test_new_entries_stand_as_dvc_repro_writes_them(
    before: str, found: str, wanted: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All trainings, then all evaluations; what was there keeps its place."""
    monkeypatch.chdir(tmp_path)
    Path("dvc.lock").write_text(HEAD + "".join(map(format_entry, found.split())))
    order_lock_entries(before.split(), name_stages(["a", "b"]))
    text = Path("dvc.lock").read_text()
    names = [line.strip(" :") for line in text.splitlines()[2:] if line[2] != " "]
    assert " ".join(names).startswith(wanted)
    assert text == HEAD + "".join(map(format_entry, names))
    assert sorted(names) == sorted(found.split())


def test_what_follows_the_stages_is_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A dvc.lock with more than stages is not touched."""
    monkeypatch.chdir(tmp_path)
    text = f"{HEAD}{format_entry('train@b')}{format_entry('train@a')}datasets: []\n"
    Path("dvc.lock").write_text(text)
    order_lock_entries([], name_stages(["a", "b"]))
    assert Path("dvc.lock").read_text() == text


def print_table(jobs: list[Job], rows: int) -> str:
    """Return the table as a terminal shows it."""
    console = Console(file=io.StringIO(), width=80)
    console.print(build_table(jobs, rows))
    printed: str = console.file.getvalue()  # type: ignore[attr-defined]
    return printed


def test_the_table_says_how_far_each_run_is() -> None:
    """Epoch, loss and time left of a training; the name of a run is no markup."""
    job = Job("[red]", 60)
    job.start()
    for line in ("Running stage 'train@[red]':", *EPOCHS):
        job.read_line(line)
    row = print_table([job, Job("dense", 10)], 10).splitlines()[1]
    assert row.split()[:4] == ["[red]", "training", "2/60", "0.2500"]
    assert "at most 0:00:" in row


def test_where_not_all_fit_those_at_work_are_shown() -> None:
    """Of many runs the failed and running ones; how many more there are is told."""
    jobs = [Job(f"run-{number}", 3) for number in range(40)]
    jobs[30].start()
    jobs[35].state = "failed"
    shown = print_table(jobs, 5)
    assert [line.split()[0] for line in shown.splitlines()[1:4]] == ["run-35", "run-30", "run-0"]
    assert "and 35 more" in shown
