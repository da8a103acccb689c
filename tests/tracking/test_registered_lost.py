"""Where what a registered version points to is gone all the same, the way out is told."""

import shutil
from pathlib import Path

import pytest

from secondlook.artifacts.retraining_history import load_history
from secondlook.commands import promote, rollback
from secondlook.config.errors import TrackingError
from secondlook.config.params import load_params
from secondlook.tracking import lookup
from secondlook.tracking.registry import CHAMPION, PREVIOUS, Registry
from stages import track
from tests.support.tracking import (
    MODEL,
    empty_bin,
    find_model,
    find_runs,
    list_model_ids,
    make_client,
    put_into_service,
)

pytestmark = pytest.mark.slow


def test_a_champion_whose_files_were_lost_gets_them_back(store: Path, tmp_path: Path) -> None:
    """Where its run is still that of the workspace, `track` brings them: the same version."""
    before = put_into_service("unweighted")
    shutil.rmtree(store / "mlruns" / "models")
    with pytest.raises(TrackingError, match=r"are gone from there.*`secondlook promote RUN`"):
        Registry(MODEL).download_files(before, tmp_path)
    track.run(load_params())
    assert Registry(MODEL).download_files(before, tmp_path).is_dir()
    assert len(list_model_ids()) == 2


@pytest.mark.usefixtures("store")
def test_a_champion_that_people_removed_is_told_with_the_way_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Deleted by hand and collected: whoever asks is told; promoting another run helps."""
    lost = put_into_service("early_stopped")
    for model in [find_model(lost.run)]:
        make_client().delete_logged_model(model)
    make_client().delete_run(lost.run)
    empty_bin()
    way_out = "are gone from there.*; `secondlook promote RUN` puts another run into service"
    with pytest.raises(TrackingError, match=way_out):
        Registry(MODEL).download_files(lost, tmp_path)
    with pytest.raises(TrackingError, match=way_out):
        lookup.fetch_model(f"models:/{MODEL}@champion", tmp_path / "asked")
    assert list(Registry(MODEL).download_origin(lost, tmp_path / "origin").glob("*")) == []
    track.run(load_params())
    assert promote.run(load_params(), "early_stopped", as_json=False) == 0
    found = Registry(MODEL).find_version(CHAMPION)
    assert found is not None
    assert (found.number, found.run) == ("2", find_runs()["early_stopped"].info.run_id)
    assert Registry(MODEL).download_files(found, tmp_path / "new").is_dir()
    assert rollback.run(load_params(), as_json=False) == 1  # to what is gone
    assert "version 1" in capsys.readouterr().err
    assert Registry(MODEL).find_version(CHAMPION) == found
    assert [record.outcome for record in load_history()] == ["promoted"]


@pytest.mark.usefixtures("store")
def test_a_version_that_was_deleted_is_no_champion() -> None:
    """The alias goes with it; the run is there, and can be promoted again."""
    put_into_service("unweighted")
    second = put_into_service("early_stopped")
    make_client().delete_model_version(MODEL, second.number)
    registry = Registry(MODEL)
    assert registry.find_version(CHAMPION) is None
    assert registry.find_version(PREVIOUS) is not None
    assert promote.run(load_params(), second.run, as_json=False) == 0
    found = registry.find_version(CHAMPION)
    assert found is not None
    assert found.run == second.run


@pytest.mark.usefixtures("store")
def test_a_run_without_its_files_is_not_promoted(
    store: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Neither the model's nor its own: one line says what brings them, and nobody is in service."""
    run = find_runs()["unweighted"].info.run_id
    for lost in ("models", run):
        shutil.rmtree(store / "mlruns" / lost)
        assert promote.run(load_params(), run, as_json=False) == 1
        told = capsys.readouterr().err
        assert "`secondlook track`" in told
        assert run in told
    assert Registry(MODEL).find_version(CHAMPION) is None


@pytest.mark.usefixtures("store")
def test_a_champion_in_a_deleted_experiment_still_answers(tmp_path: Path) -> None:
    """And `track` brings the experiment back."""
    before = put_into_service("unweighted")
    make_client().delete_experiment(find_runs()["unweighted"].info.experiment_id)
    assert Registry(MODEL).download_files(before, tmp_path).is_dir()
    track.run(load_params())
    assert make_client().get_run(before.run).info.lifecycle_stage == "active"
    empty_bin()
    assert Registry(MODEL).download_files(before, tmp_path / "again").is_dir()


@pytest.mark.usefixtures("store")
def test_a_champion_that_is_no_run_s_gives_way_to_one(tmp_path: Path) -> None:
    """People may register any folder: what cannot be asked is told, and promoting a run helps."""
    (tmp_path / "foreign").mkdir()
    (tmp_path / "foreign" / "MLmodel").write_text("flavors: {}")
    asked = make_client()
    asked.create_registered_model(MODEL)
    asked.create_model_version(MODEL, str(tmp_path / "foreign"))
    asked.set_registered_model_alias(MODEL, CHAMPION, "1")
    with pytest.raises(TrackingError, match=r"`secondlook promote RUN` puts one into service$"):
        lookup.fetch_model(f"models:/{MODEL}@champion", tmp_path / "asked")
    assert promote.run(load_params(), "unweighted", as_json=False) == 0
    found = Registry(MODEL).find_version(CHAMPION)
    assert found is not None
    assert found.run == find_runs()["unweighted"].info.run_id


def test_a_copied_project_serves_its_own_files(
    store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At once, before anything is tracked there: asked, put back, and registered."""
    put_into_service("unweighted")
    put_into_service("early_stopped")
    copy = Path(shutil.copytree(store, store.with_name(f"{store.name} copied"), symlinks=True))
    shutil.rmtree(store / "mlruns")
    monkeypatch.chdir(copy)
    assert lookup.fetch_model(f"models:/{MODEL}@champion", tmp_path / "asked").is_dir()
    assert rollback.run(load_params(), as_json=False) == 0
    found = Registry(MODEL).find_version(CHAMPION)
    assert found is not None
    assert (found.number, found.names) == ("1", "unweighted")
    assert found.source.startswith(f"{copy.as_uri()}/mlruns/")
