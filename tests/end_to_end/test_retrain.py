"""Data that grow under the real dvc and MLflow: better models go into service, worse ones never."""

import json
from pathlib import Path

import pytest

from tests.support import retraining
from tests.support.project import copy_project, edit_params, run_in_process
from tests.support.retraining import (
    FIRST_BATCH_END,
    NOTICE_FILE,
    SECOND_BATCH_END,
    call_secondlook,
    deliver_digits,
    find_version,
    find_version_number,
    read_history,
    read_until,
    retrain,
    start_secondlook,
)

THIRD = 1700  # digits delivered in all with the third batch


@pytest.fixture(scope="module")
def second(first_champion: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a project that fetched more images, and was retrained by one of two schedulers."""
    # All of it goes on in a folder whose name means something to SQL, and to a URI.
    folder = copy_project(first_champion, tmp_path_factory.mktemp("retrain") / "kate's %41")
    deliver_digits(folder / "incoming", FIRST_BATCH_END, SECOND_BATCH_END)
    fetch = f"cp -r incoming/{retraining.GROWN_FOLDER}/. {retraining.GROWN_FOLDER}"
    edit_params(folder, {"retrain": {"fetch": fetch, "jobs": 2}})
    process = start_secondlook(folder, "retrain")
    read_until(process, "Running stage 'train@weighted'")
    status, _, told = call_secondlook(folder, "retrain")
    assert (status, f"process {process.pid} on " in told) == (75, True)
    process.communicate()
    assert process.returncode == 0
    return folder


def test_the_first_model_goes_into_service(first_champion: Path) -> None:
    """It passed the floors; the version carries run, data, gate and reason, and all is recorded."""
    champion, [record] = find_version(first_champion), read_history(first_champion)
    assert champion is not None
    assert (champion.version, find_version_number(first_champion, "previous")) == (1, None)
    assert record.service is not None
    assert champion.run_id == record.service.run
    assert champion.tags["second_look.data"] == record.data.digest if record.data else None
    [answers, floor] = json.loads(champion.tags["second_look.gate"])
    assert (answers["name"], answers["passed"]) == ("answers", True)
    assert (floor["name"], floor["passed"]) == ("floor of recall", True)
    assert champion.tags["second_look.reason"] == champion.description == record.reason
    run = retraining.make_client(first_champion).get_run(record.retraining)
    assert (run.info.status, run.data.tags["second_look.outcome"]) == ("FINISHED", "promoted")
    assert run.data.metrics["champion/recall"] == record.metrics["recall"]
    log = first_champion / "mlruns" / run.info.run_id / "artifacts" / "log.txt"
    assert "Running stage 'train@weighted'" in log.read_text()


def test_where_nothing_changed_nothing_is_done(first_champion: Path, tmp_path: Path) -> None:
    """Exit status 0, no new record but a notice, and no process of a stage."""
    project = copy_project(first_champion, tmp_path)
    status, out, told = call_secondlook(project, "retrain")
    assert (status, out) == (0, "")
    assert told == "retrain: nothing that determines the runs changed\n"
    assert read_history(project) == read_history(first_champion)
    notices = (project / NOTICE_FILE).read_text().splitlines()
    assert [json.loads(line)["outcome"] for line in notices] == ["promoted", "nothing"]


def test_a_dry_run_changes_nothing(first_champion: Path, tmp_path: Path) -> None:
    """It says what would run and who would judge."""
    project = copy_project(first_champion, tmp_path)
    edit_params(project, {"train": {"epochs": 7}})
    status, _, told = call_secondlook(project, "retrain", "--dry-run")
    assert status == 0
    assert told.splitlines()[0] == "would run: train@weighted, because of params.yaml"
    assert "train what depends on that, and judge the run with the lowest validation log" in told
    assert read_history(project) == read_history(first_champion)
    assert find_version_number(project) == "1"


def test_data_that_do_not_come_keep_the_champion(first_champion: Path, tmp_path: Path) -> None:
    """The reason is that of the command, and the record says who is still in service."""
    project = copy_project(first_champion, tmp_path)
    edit_params(project, {"retrain": {"fetch": "echo no route to the store; exit 4"}})
    record = retrain(project)
    assert (record["outcome"], record["status"]) == ("failed", 1)
    assert "retrain.fetch" in record["reason"]
    assert "no route to the store" in record["reason"]
    assert record["service"]["version"] == find_version_number(project) == "1"


def test_more_data_make_a_better_model(second: Path) -> None:
    """The challenger won on the same test images; the model before it stays at hand."""
    record = read_history(second)[-1]
    assert (find_version_number(second), find_version_number(second, "previous")) == ("2", "1")
    assert record.data is not None
    assert (record.data.images, record.data.added, record.data.removed) == (1100, 800, 0)
    [gain] = [check for check in record.gate if check.name == "gain in log_loss"]
    assert gain.low is not None
    assert gain.low > 0
    assert all(check.passed for check in [*record.data_checks, *record.gate])
    assert record.judged == pytest.approx(550, abs=60)


def test_the_same_again_is_the_champion_itself(first_champion: Path, tmp_path: Path) -> None:
    """Forced to retrain, it comes to the very weights, and there is nothing to promote."""
    project = copy_project(first_champion, tmp_path)
    record = retrain(project, "--force")
    assert (record["outcome"], record["status"]) == ("same", 0)
    assert find_version_number(project) == "1"


def test_wrong_labels_do_not_go_into_service(second: Path, tmp_path: Path) -> None:
    """Of a batch with 30 % wrong labels the champion says so, or the gate does."""
    project = copy_project(second, tmp_path)
    deliver_digits(project, SECOND_BATCH_END, THIRD, wrong=0.3)
    record = retrain(project)
    assert record["outcome"] in ("stopped", "kept")
    assert record["status"] in (1, 3)
    assert (find_version_number(project), find_version_number(project, "previous")) == ("2", "1")
    assert read_history(project)[-1].reason == record["reason"]


def test_broken_files_are_stopped_before_training(second: Path, tmp_path: Path) -> None:
    """200 of 500 new files cannot be read: the data check says so, and nothing is trained."""
    project = copy_project(second, tmp_path)
    deliver_digits(project, SECOND_BATCH_END, SECOND_BATCH_END + 300)
    retraining.deliver_broken_files(project, 200)
    record = retrain(project)
    assert (record["outcome"], record["status"]) == ("stopped", 1)
    assert "200 of 500 new files cannot be read" in record["reason"]
    assert find_version_number(project) == "2"
    log = (project / ".dvc/tmp/second_look/log.txt").read_text()
    assert "Running stage 'preprocess'" in log
    assert "Running stage 'train@weighted'" not in log


def test_back_and_forth_by_hand(second: Path, tmp_path: Path) -> None:
    """Rollback returns the model before, a second one undoes it; promote takes any run."""
    project = copy_project(second, tmp_path / "kate's ?")
    assert run_in_process(project, "rollback").returncode == 0
    assert (find_version_number(project), find_version_number(project, "previous")) == ("1", "2")
    assert run_in_process(project, "rollback").returncode == 0
    assert (find_version_number(project), find_version_number(project, "previous")) == ("2", "1")
    oldest = retraining.make_client(project).get_model_version(retraining.MODEL, "1").run_id
    assert run_in_process(project, "promote", oldest).returncode == 0
    assert (find_version_number(project), find_version_number(project, "previous")) == ("1", "2")
    assert run_in_process(project, "promote", oldest).returncode == 0  # which is in service already
    assert (find_version_number(project), find_version_number(project, "previous")) == ("1", "2")
    told = [(each.action, each.outcome) for each in read_history(project)[2:]]
    done = ["promoted", "promoted", "promoted", "same"]
    assert told == list(zip(["rollback", "rollback", "promote", "promote"], done, strict=True))
    assert call_secondlook(project, "retrain")[0] == 0  # it does not undo what a person did
    assert find_version_number(project) == "1"
    shown = run_in_process(project, "history", "--last", "3").stdout
    assert ["rollback" in shown, "promote" in shown, "retrain" in shown] == [True, True, False]
