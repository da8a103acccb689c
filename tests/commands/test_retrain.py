"""Data that grow under the real dvc and MLflow: better models go into service, worse ones never."""

import json
import shutil
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import psutil
import pytest

from stages.core.outputs.retrainings import Retraining
from tests import retraining_builder as builder
from tests.pipeline_builder import change
from tests.retraining_builder import called, deliver, in_service, retrained, started

FIRST, SECOND, THIRD = 300, 1100, 1700  # digits delivered so far
NOTICE = "notice.jsonl"
# What is said when a phase begins; after the last `preprocess` the champion is asked.
ASKED = "Running stage 'preprocess'"
PHASES = (
    "fetching",
    "Running stage 'split'",
    ASKED,
    "Running stage 'train@weighted'",
    "Running stage 'evaluate@weighted'",
    "Running stage 'report'",
)


def history(project: Path) -> list[Retraining]:
    """Return the lines of the history."""
    lines = (project / "data/retrain/history.jsonl").read_text(encoding="utf-8").splitlines()
    return [Retraining.model_validate_json(line) for line in lines]


def version(project: Path, alias: str = "champion") -> str | None:
    """Return the number of the version that has the alias."""
    found = in_service(project, alias)
    return None if found is None else str(found.version)


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a project whose first batch was delivered, and whose first model is in service."""
    folder = builder.project(
        tmp_path_factory.mktemp("retrain") / "project", notify=f"cat >> {NOTICE}"
    )
    deliver(folder, 0, FIRST)
    record = retrained(folder)
    assert (record["outcome"], record["status"]) == ("promoted", 0)
    return folder


@pytest.fixture(scope="module")
def second(first: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a project that fetched more images, and was retrained by one of two schedulers."""
    folder = copied(first, tmp_path_factory.mktemp("retrain"))
    deliver(folder / "incoming", FIRST, SECOND)
    fetch = f"cp -r incoming/{builder.GROWN}/. {builder.GROWN}"
    change(folder, {"retrain": {"fetch": fetch}})
    process = started(folder, "retrain")
    seen(process, "Running stage 'train@weighted'")
    status, _, told = called(folder, "retrain")
    assert (status, f"process {process.pid} on " in told) == (75, True)
    process.communicate()
    assert process.returncode == 0
    return folder


def copied(project: Path, folder: Path) -> Path:
    """Return a copy of a project in a folder."""
    return Path(shutil.copytree(project, folder / "project", symlinks=True))


def seen(process: builder.Process, marker: str) -> str:
    """Return what is said until a line holds the marker."""
    assert process.stderr is not None
    said = ""
    for line in process.stderr:
        said += line
        if marker in line:
            return said
    return pytest.fail(said)


def kill(process: builder.Process) -> None:
    """Kill a process and all below it, as a machine does that runs out of memory."""
    whole = psutil.Process(process.pid)
    for each in [whole, *whole.children(recursive=True)]:
        each.kill()
    process.communicate()


def test_the_first_model_goes_into_service(first: Path) -> None:
    """It passed the floors; the version carries run, data, gate and reason, and all is recorded."""
    champion, [record] = in_service(first), history(first)
    assert champion is not None
    assert (champion.version, version(first, "previous")) == (1, None)
    assert record.service is not None
    assert champion.run_id == record.service.run
    assert champion.tags["second_look.data"] == record.data.digest if record.data else None
    [floor] = json.loads(champion.tags["second_look.gate"])
    assert (floor["name"], floor["passed"]) == ("floor of recall", True)
    assert champion.tags["second_look.reason"] == champion.description == record.reason
    run = builder.client(first).get_run(record.retraining)
    assert (run.info.status, run.data.tags["second_look.outcome"]) == ("FINISHED", "promoted")
    assert run.data.metrics["champion/recall"] == record.metrics["recall"]
    log = first / "mlruns" / run.info.run_id / "artifacts" / "log.txt"
    assert "Running stage 'train@weighted'" in log.read_text()


def test_where_nothing_changed_nothing_is_done(first: Path, tmp_path: Path) -> None:
    """Exit status 0, no new record but a notice, and no process of a stage."""
    project = copied(first, tmp_path)
    status, out, told = called(project, "retrain")
    assert (status, out) == (0, "")
    assert told == "retrain: nothing that determines the runs changed\n"
    assert history(project) == history(first)
    notices = (project / NOTICE).read_text().splitlines()
    assert [json.loads(line)["outcome"] for line in notices] == ["promoted", "nothing"]


def test_a_dry_run_changes_nothing(first: Path, tmp_path: Path) -> None:
    """It says what would run and who would judge."""
    project = copied(first, tmp_path)
    change(project, {"train": {"epochs": 7}})
    status, _, told = called(project, "retrain", "--dry-run")
    assert status == 0
    assert told.splitlines()[0] == "would run: train@weighted, because of params.yaml"
    assert "would judge the run with the lowest validation log loss" in told
    assert history(project) == history(first)
    assert version(project) == "1"


def test_more_data_make_a_better_model(second: Path) -> None:
    """The challenger won on the same test images; the model before it stays at hand."""
    record = history(second)[-1]
    assert (version(second), version(second, "previous")) == ("2", "1")
    assert record.data is not None
    assert (record.data.images, record.data.added, record.data.removed) == (1100, 800, 0)
    [gain] = [check for check in record.gate if check.name == "gain in log_loss"]
    assert gain.low is not None
    assert gain.low > 0
    assert all(check.passed for check in [*record.data_checks, *record.gate])
    assert record.judged == pytest.approx(550, abs=60)


def test_the_same_again_is_the_champion_itself(first: Path, tmp_path: Path) -> None:
    """Forced to retrain, it comes to the very weights, and there is nothing to promote."""
    project = copied(first, tmp_path)
    record = retrained(project, "--force")
    assert (record["outcome"], record["status"]) == ("same", 0)
    assert version(project) == "1"


def test_wrong_labels_do_not_go_into_service(second: Path, tmp_path: Path) -> None:
    """Of a batch with 30 % wrong labels the champion says so, or the gate does."""
    project = copied(second, tmp_path)
    deliver(project, SECOND, THIRD, wrong=0.3)
    record = retrained(project)
    assert record["outcome"] in ("stopped", "kept")
    assert record["status"] in (1, 3)
    assert (version(project), version(project, "previous")) == ("2", "1")
    assert history(project)[-1].reason == record["reason"]


def test_broken_files_are_stopped_before_training(second: Path, tmp_path: Path) -> None:
    """200 of 500 new files cannot be read: the data check says so, and nothing is trained."""
    project = copied(second, tmp_path)
    deliver(project, SECOND, SECOND + 300)
    builder.deliver_broken(project, 200)
    record = retrained(project)
    assert (record["outcome"], record["status"]) == ("stopped", 1)
    assert "200 of 500 new files cannot be read" in record["reason"]
    assert version(project) == "2"
    log = (project / ".dvc/tmp/second_look/log.txt").read_text()
    assert "Running stage 'preprocess'" in log
    assert "Running stage 'train@weighted'" not in log


def test_back_and_forth_by_hand(second: Path, tmp_path: Path) -> None:
    """Rollback returns the model before, a second one undoes it; promote takes any run."""
    project = copied(second, tmp_path)
    assert called(project, "rollback")[0] == 0
    assert (version(project), version(project, "previous")) == ("1", "2")
    assert called(project, "rollback")[0] == 0
    assert (version(project), version(project, "previous")) == ("2", "1")
    oldest = builder.client(project).get_model_version(builder.MODEL, "1").run_id
    assert called(project, "promote", oldest)[0] == 0
    assert (version(project), version(project, "previous")) == ("1", "2")
    assert called(project, "promote", oldest)[0] == 0  # which is in service already
    assert (version(project), version(project, "previous")) == ("1", "2")
    told = [(each.action, each.outcome) for each in history(project)[2:]]
    done = ["promoted", "promoted", "promoted", "same"]
    assert told == list(zip(["rollback", "rollback", "promote", "promote"], done, strict=True))
    assert called(project, "retrain")[0] == 0  # it does not undo what a person did
    assert version(project) == "1"
    _, shown, _ = called(project, "history", "--last", "3")
    assert ["rollback" in shown, "promote" in shown, "retrain" in shown] == [True, True, False]


def test_a_kill_in_any_phase_leaves_the_champion(first: Path, tmp_path: Path) -> None:
    """Each start goes on where the last was killed, and the last of them promotes, once."""
    project = copied(first, tmp_path)
    deliver(project, FIRST, SECOND)
    change(project, {"retrain": {"fetch": "echo fetching; sleep 0.5"}})
    for phase in PHASES:
        process = started(project, "retrain")
        seen(process, phase)
        if phase == ASKED:
            until(partial(asking, process), process)
            assert asking(process)
        kill(process)
        assert version(project) == "1"
    process = started(project, "retrain")
    until(lambda: len(decided(project)) == 1, process)  # written down, not yet done
    kill(process)
    assert version(project) in ("1", "2")
    if version(project) == "1":
        process = started(project, "retrain")
        until(lambda: version(project) == "2", process)  # done, not yet recorded
        kill(process)
    status, _, told = called(project, "retrain")
    assert (status, version(project), version(project, "previous")) == (0, "2", "1"), told
    assert "had come to its end: promoted" in told
    outcomes = [each.outcome for each in history(project)]
    assert outcomes == ["promoted", "promoted"]


def asking(process: builder.Process) -> bool:
    """Tell whether a retraining has begun to ask the champion, which a process of its own does."""
    try:
        below = psutil.Process(process.pid).children(recursive=True)
        return any("spawn_main" in " ".join(each.cmdline()) for each in below)
    except psutil.NoSuchProcess:  # one has just ended
        return False


def decided(project: Path) -> list[Path]:
    """Return the records of decisions that the copy of the project made."""
    found = (project / "mlruns").glob("*/artifacts/record.json")
    mine = f'"model": "{builder.MODEL}"'
    return [
        path for path in found if mine in path.read_text() and '"added": 800' in path.read_text()
    ]


def until(condition: Callable[[], bool], process: builder.Process) -> None:
    """Wait until a condition holds, or the process is at its end."""
    while not condition() and process.poll() is None:
        time.sleep(0.005)
