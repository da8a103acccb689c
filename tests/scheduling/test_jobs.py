"""How many runs go on at once, in which order, and what becomes of each: with the real dvc."""

import os
import signal
import threading
import time
from pathlib import Path

import psutil
import pytest
import yaml

from secondlook.config.processes import hold_lock
from secondlook.scheduling import jobs as scheduling
from secondlook.scheduling import local_engine
from secondlook.scheduling.jobs import Job, make_jobs, run_jobs
from secondlook.scheduling.local_engine import GPU_VARIABLE, choose_slots, start_local_job
from tests.support.project import make_params

EPOCHS = 'for i in 1 2; do echo "epoch $i  train/loss 1.0  validation/loss 0.$i"; done'


@pytest.fixture
def pipeline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Enter a project whose trainings are a line of shell each: `bad` fails, `long` goes on."""
    monkeypatch.chdir(tmp_path)
    Path(".dvc/tmp").mkdir(parents=True)
    Path(".dvc/config").write_text("[core]\n no_scm = true\n analytics = false\n")
    trainings = {
        "good": f"{EPOCHS}; echo $CUDA_VISIBLE_DEVICES >",
        "other": "echo $CUDA_VISIBLE_DEVICES >",
        "bad": "echo 'secondlook: it cannot be'; exit 1; :",
        "long": f"{EPOCHS}; sleep 600; :",
    }
    train = {"cmd": "${item} trained-${key}", "outs": ["trained-${key}"]}
    evaluate = {"cmd": "cp trained-${key} told-${key}", "deps": ["trained-${key}"]}
    evaluate |= {"outs": ["told-${key}"]}
    steps = {"train": train, "evaluate": evaluate}
    stages = {name: {"foreach": trainings, "do": step} for name, step in steps.items()}
    Path("dvc.yaml").write_text(yaml.safe_dump({"stages": stages}))
    return tmp_path


def print_line(job: Job, line: str) -> None:
    """Let pytest show the line where a test fails."""
    print(f"{job.run}: {line}")


def test_each_run_has_its_gpu_and_no_failure_ends_another(pipeline: Path) -> None:
    """Two slots, three runs: the one that fails says why, the others are trained and evaluated."""
    jobs = [Job(run, epochs=2) for run in ("bad", "good", "other")]
    run_jobs(jobs, [{GPU_VARIABLE: "3"}, {GPU_VARIABLE: "7"}], start_local_job, print_line)
    bad, good, other = jobs
    assert (bad.state, bad.reason) == ("failed", "it cannot be")
    assert (good.state, good.epoch, good.loss) == ("done", 2, 0.2)
    assert other.state == "done"
    assert (pipeline / "told-good").read_text() == "7\n"
    assert (pipeline / "told-other").read_text() in {"3\n", "7\n"}
    lock = yaml.safe_load((pipeline / "dvc.lock").read_text())
    assert set(lock["stages"]) == {
        f"{stage}@{run}" for stage in ("train", "evaluate") for run in ("good", "other")
    }


def test_a_refusal_of_dvc_is_asked_again(pipeline: Path) -> None:
    """While another holds dvc's note of who reads what, a run waits longer than the 3 s of dvc."""
    job = Job("good", epochs=2)

    def hold() -> None:
        with hold_lock(pipeline / ".dvc/tmp/rwlock.lock"):
            held.set()
            while job.starts < 2:
                time.sleep(0.05)

    held = threading.Event()
    holder = threading.Thread(target=hold, daemon=True)
    holder.start()
    held.wait()
    run_jobs([job], [{}], start_local_job, print_line)
    assert job.state == "done"
    assert job.starts > 1


@pytest.mark.usefixtures("pipeline")
def test_an_interruption_leaves_no_process() -> None:
    """Ctrl-C ends dvc and what it started, at once."""
    interrupted = list[float]()

    def interrupt(job: Job, _line: str) -> None:
        # Not as soon as dvc says that it runs the stage: a child that it has just forked is still
        # Python, and would not hear of it, so that it is killed at last.
        if job.epoch and not interrupted:
            interrupted.append(time.monotonic())
            os.kill(os.getpid(), signal.SIGINT)

    before = set(psutil.Process().children(recursive=True))  # a browser of other tests, say
    with pytest.raises(KeyboardInterrupt):
        run_jobs([Job("long", epochs=2)], [{}], start_local_job, interrupt)
    assert time.monotonic() - interrupted[0] < scheduling.GRACE
    left = set(psutil.Process().children(recursive=True)) - before
    assert [each for each in left if each.is_running()] == []


def test_the_longest_goes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the epochs allowed, until a training has told how long it takes."""
    monkeypatch.chdir(tmp_path)
    params = make_params()

    def order_runs(*runs: str) -> list[str]:
        return [job.run for job in make_jobs({run: params.run(run) for run in runs})]

    assert order_runs("dense", "weighted", "overfit")[0] == "overfit"
    slow, quick = Job("dense", 10, trained_for=500.0), Job("weighted", 10, trained_for=1.0)
    scheduling.note_times([slow, quick, Job("overfit", 60, trained_for=60.0)])
    assert order_runs("weighted", "overfit", "dense") == ["dense", "overfit", "weighted"]
    scheduling.TIMES_FILE.write_text("[")
    assert order_runs("dense", "overfit")[0] == "overfit"


def test_only_a_whole_training_tells_how_long_it_takes() -> None:
    """One that goes on from a saved state does not; what is left is told from its epochs."""
    whole, resumed = Job("a", 4), Job("b", 4)
    for job, first in ((whole, 1), (resumed, 3)):
        job.start()
        job.read_line(f"Running stage 'train@{job.run}':")
        for epoch in range(first, 5):
            assert (job.seconds_left is None) == (epoch < first + 2)
            job.read_line(
                f"epoch {epoch}  train/loss 1.0000  validation/loss nan  validation/f1 0.5"
            )
        job.read_line(f"Running stage 'evaluate@{job.run}':")
    assert whole.trained_for is not None
    assert resumed.trained_for is None


@pytest.mark.parametrize(
    ("machine", "given", "wanted", "told"),
    [
        ((4, 64), "", None, [{}] * 4),
        ((16, 64), "", None, [{}] * 6),
        ((4, 3.2), "", None, [{}] * 2),
        ((4, 0.1), "-1", None, [{}]),
        ((8, 64), "2,GPU-5", None, [{GPU_VARIABLE: "2"}, {GPU_VARIABLE: "GPU-5"}]),
        ((8, 64), "0,1", 3, [{GPU_VARIABLE: "0"}, {GPU_VARIABLE: "1"}, {GPU_VARIABLE: "0"}]),
        ((1, 1), "", 2, [{}] * 2),
    ],
)
def test_as_many_as_fit(
    monkeypatch: pytest.MonkeyPatch,
    machine: tuple[int, float],
    given: str,
    wanted: int | None,
    told: list[dict[str, str]],
) -> None:
    """A core and memory each, a GPU where there is one; where there is none nothing is set."""
    monkeypatch.setenv(GPU_VARIABLE, given)
    cores, memory = machine
    monkeypatch.setattr(local_engine, "count_workers", lambda: cores)
    monkeypatch.setattr(local_engine, "measure_free_memory", lambda: memory)
    slots, why = choose_slots(wanted, 6)
    assert slots == told
    assert f"{cores} core" in why


def test_gpus_are_asked_of_the_driver(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As `nvidia-smi -L` lists them, where CUDA_VISIBLE_DEVICES says nothing; none without it."""
    monkeypatch.delenv(GPU_VARIABLE, raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert local_engine.list_gpus() == []
    tool = tmp_path / "nvidia-smi"
    tool.write_text(
        "#!/bin/sh\necho 'GPU 0: NVIDIA H200 (UUID: GPU-1)'\n"
        "echo '  MIG 1g.18gb Device 0: (UUID: MIG-1)'\necho 'GPU 1: NVIDIA H200 (UUID: GPU-2)'\n"
    )
    tool.chmod(0o755)
    assert local_engine.list_gpus() == ["0", "1"]


def test_a_container_limits_the_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What it may still take, files that the system only keeps in mind not counted."""
    whole = local_engine.measure_free_memory()
    monkeypatch.setattr(local_engine, "MEMORY_LIMITS", tmp_path)
    assert local_engine.measure_free_memory() == pytest.approx(whole, rel=0.5)
    (tmp_path / "memory.current").write_text(f"{2**29}\n")
    (tmp_path / "memory.stat").write_text(f"anon 7\ninactive_file {2**28}\n")
    (tmp_path / "memory.max").write_text("max\n")
    assert local_engine.measure_free_memory() == pytest.approx(whole, rel=0.5)
    (tmp_path / "memory.max").write_text(f"{2**29}\n")
    assert local_engine.measure_free_memory() == 0.25
