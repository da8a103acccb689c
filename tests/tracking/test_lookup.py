"""A tracked run is found again: real MLflow, a sqlite store, runs written by hand."""

import re
from pathlib import Path

import pytest

from secondlook.artifacts import files
from secondlook.config.errors import TrackingError
from secondlook.config.params import load_params
from secondlook.tracking import provenance
from secondlook.tracking.lookup import look_up_run
from secondlook.tracking.upload import ENVIRONMENT_FILE
from secondlook.training import environment
from stages import track
from tests.support.tracking import (
    TRACKED_RUNS,
    find_runs,
    make_client,
    redraw_confusion,
    set_runs,
    write_run,
)


@pytest.fixture
def store(tracking_project: Path) -> Path:
    """Give a project whose two runs are tracked."""
    track.run(load_params())
    return tracking_project


def read_error(wanted: str, folder: Path) -> str:
    """Return the error that looking up ends with."""
    with pytest.raises(TrackingError) as error:
        look_up_run(wanted, folder)
    assert "\n" not in str(error.value)
    return str(error.value)


def test_a_run_is_found_by_id_and_by_name(store: Path, tmp_path: Path) -> None:
    """Either gives the run, its tags, what came out and what went in; nothing is written."""
    before = (store / "mlflow.db").read_bytes()
    run_id = find_runs()["early_stopped"].info.run_id
    folder = tmp_path / "found"
    folder.mkdir()
    by_name = look_up_run("early_stopped", folder)
    assert by_name == look_up_run(run_id, folder)
    assert (by_name.id, by_name.names) == (run_id, ["early_stopped"])
    assert by_name.tags["second_look.dvc.stage"] == "train@early_stopped"
    for name in ("predictions.npz", "run.json"):
        made = files.stage_folder("train", "early_stopped", name)
        assert (folder / name).read_bytes() == made.read_bytes()
    assert (folder / "source/params.yaml").read_bytes() == Path("params.yaml").read_bytes()
    assert (folder / "source/facts.json").exists()
    assert (store / "mlflow.db").read_bytes() == before


@pytest.mark.usefixtures("store")
def test_no_such_run_is_told(tmp_path: Path) -> None:
    """The nearest name is offered, else those that there are; an id is told as such."""
    assert "no run 'early_stoped'; did you mean early_stopped?" in read_error(
        "early_stoped", tmp_path
    )
    expected = "no run 'xyz'; expected an id or early_stopped or unweighted"
    assert expected in read_error("xyz", tmp_path)
    assert f"no run with the id {'0' * 32}" in read_error("0" * 32, tmp_path)


@pytest.mark.usefixtures("store")
def test_a_name_of_several_runs_is_told(tmp_path: Path) -> None:
    """Each of the runs that have it is listed by id and time."""
    first = find_runs()["unweighted"].info.run_id
    params = set_runs(TRACKED_RUNS | {"unweighted": {"epochs": 3}})
    write_run(params, "unweighted")
    track.run(params)
    told_ids = re.findall("[0-9a-f]{32} of 20", read_error("unweighted", tmp_path))
    assert len(told_ids) == 2
    assert any(each.startswith(first) for each in told_ids)


@pytest.mark.usefixtures("store")
def test_an_entry_of_a_run_with_two_names_finds_it(tmp_path: Path) -> None:
    """Entries that do not differ are one run: each of its names finds it."""
    params = set_runs(
        {"unweighted": {}, "again": {}, "early_stopped": TRACKED_RUNS["early_stopped"]}
    )
    write_run(params, "again")
    track.run(params)
    assert look_up_run("again", tmp_path).id == look_up_run("unweighted", tmp_path).id


@pytest.mark.usefixtures("store")
def test_a_run_that_is_not_done_is_told(tmp_path: Path) -> None:
    """One that is going, one that was cut off, one that was deleted, and what is no training."""
    run_id = find_runs()["unweighted"].info.run_id
    make_client().update_run(run_id, status="RUNNING")
    assert "is still going, since 20" in read_error("unweighted", tmp_path)
    make_client().delete_tag(run_id, "second_look.mirror")
    make_client().set_terminated(run_id, "KILLED")
    assert "(KILLED) was never tracked whole" in read_error("unweighted", tmp_path)
    make_client().delete_run(run_id)
    assert "was deleted" in read_error(run_id, tmp_path)
    (parent,) = find_runs("second_look.data").values()
    assert "stands for a data set" in read_error(parent.info.run_id, tmp_path)
    stranger = make_client().create_run("0").info.run_id
    assert "was not tracked by this pipeline" in read_error(stranger, tmp_path)


def test_without_a_store_it_says_so(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A project that never tracked is told what tracks; no database is made."""
    for name in ("MLFLOW_TRACKING_URI", "DVC_ROOT"):
        monkeypatch.delenv(name, raising=False)
    assert "mlflow.db: no such file; `dvc repro` makes it" in read_error("dense", project)
    assert not (project / "mlflow.db").exists()


def test_where_it_ran_is_tracked_once_known(tracking_project: Path, tmp_path: Path) -> None:
    """What was noted of the training is an artifact, and stays when the note is lost."""
    key = files.read_json(files.stage_folder("train", "unweighted", "run.json"))["key"]
    provenance.write_training_environment(key, "unweighted")
    track.run(load_params())
    notes = list(tracking_project.glob(".dvc/tmp/second_look/*.json"))
    assert len(notes) == 1
    notes[0].unlink()
    redraw_confusion("unweighted")
    track.run(load_params())
    look_up_run("unweighted", tmp_path)
    assert files.read_json(tmp_path / ENVIRONMENT_FILE) == environment.describe_environment()
    (tmp_path / ENVIRONMENT_FILE).unlink()
    look_up_run("early_stopped", tmp_path)
    assert not (tmp_path / ENVIRONMENT_FILE).exists()
