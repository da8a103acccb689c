"""What a registered version points to stays; where it is gone all the same, the way out is told."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner

from secondlook.artifacts import files
from secondlook.artifacts.retraining_history import load_history
from secondlook.commands import promote, rollback
from secondlook.config.errors import TrackingError
from secondlook.config.params import load_params
from secondlook.tracking import lookup, models
from secondlook.tracking.location import find_location
from secondlook.tracking.registry import CHAMPION, PREVIOUS, RegisteredVersion, Registry
from stages import track
from tests.support.tracking import MODEL, find_runs, list_model_ids, make_client, write_run

pytestmark = pytest.mark.slow


def put_into_service(name: str) -> RegisteredVersion:
    """Promote the run of that name in the workspace."""
    run = files.read_json(files.stage_folder("train", name, "run.json"))
    registry = Registry(MODEL)
    candidate = models.find_candidate_by_key(run["key"], run["weights_digest"])
    registry.promote(registry.register(candidate, {}))
    found = registry.find_version(CHAMPION)
    assert found is not None
    return found


def empty_bin() -> None:
    """Run `mlflow gc`, as a routine does."""
    from mlflow.cli import gc

    uri = find_location().uri
    done = CliRunner().invoke(
        gc, ["--backend-store-uri", uri], env={"MLFLOW_TRACKING_URI": uri}, catch_exceptions=False
    )
    assert done.exit_code == 0


def change_params(section: str, **changes: object) -> None:
    """Set keys of a section of params.yaml."""
    path = Path("params.yaml")
    params = yaml.safe_load(path.read_text(encoding="utf-8"))
    params[section] |= changes
    path.write_text(yaml.safe_dump(params, sort_keys=False), encoding="utf-8")


def measure_other_numbers() -> None:
    """Let the files say other numbers of the same run."""
    write_run(load_params(), "unweighted", scale=2.0)


def train_other_weights() -> None:
    """Let the same numbers come of other weights, as on other hardware."""
    path = files.stage_folder("train", "unweighted", "run.json")
    files.write_json(path, files.read_json(path) | {"weights_digest": "others"})


def split_otherwise() -> None:
    """Change how the data are made, though the same come of it: the run above says otherwise."""
    change_params("split", seed=18)


def double() -> None:
    """Let an older run of the same key be there, as after a restore from the bin."""
    run = find_runs()["unweighted"]
    tags = {"second_look.key": run.data.tags["second_look.key"]}
    make_client().create_run(run.info.experiment_id, 1, tags, "twin")


@pytest.mark.parametrize(
    "harm", [measure_other_numbers, train_other_weights, split_otherwise, double]
)
@pytest.mark.usefixtures("store")
def test_the_champion_outlasts_the_mirror_and_an_empty_bin(
    harm: Callable[[], None], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its run, its model and the images of its data stay; what mirrors the files is beside it."""
    before = put_into_service("unweighted")
    harm()
    for _ in range(2):
        track.run(load_params())
    assert capsys.readouterr().out.count("already there: unweighted, early_stopped\n") == 1
    empty_bin()
    registry = Registry(MODEL)
    assert registry.find_version(CHAMPION) == before
    assert (registry.download_files(before, tmp_path) / "model.weights.h5").exists()
    origin = registry.download_origin(before, tmp_path / "origin")
    assert {"params.yaml", "images.npz"} <= {path.name for path in origin.iterdir()}
    assert make_client().get_run(before.run).info.lifecycle_stage == "active"
    run = files.read_json(files.stage_folder("train", "unweighted", "run.json"))
    found = models.find_candidate_by_key(run["key"], run["weights_digest"])
    assert found.run == find_runs()["unweighted"].info.run_id
    assert lookup.look_up_run("unweighted", tmp_path / "found").id == found.run


@pytest.mark.usefixtures("store")
def test_where_the_images_lie_makes_no_other_run(capsys: pytest.CaptureFixture[str]) -> None:
    """Moved to another folder of the same name, the runs are the same, and say where it is now."""
    before = {name: run.info.run_id for name, run in find_runs().items()}
    change_params("data", path="elsewhere/digits", source="csv")
    track.run(load_params())
    assert "brought up to date: unweighted, early_stopped" in capsys.readouterr().out
    assert {name: run.info.run_id for name, run in find_runs().items()} == before
    assert find_runs()["unweighted"].data.tags["second_look.data.path"] == "elsewhere/digits"


def register(source: str, run: str | None) -> None:
    """Register a version by hand, in a registered model of another name, without an alias."""
    asked = make_client()
    if not asked.search_registered_models("name = 'by hand'"):
        asked.create_registered_model("by hand")
    asked.create_model_version("by hand", source, run)


@pytest.mark.usefixtures("store")
def test_versions_that_people_registered_keep_theirs_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """By the run, by the model, or by the folder of its files; of any name, with no alias."""
    monkeypatch.setenv("MLFLOW_TRACKING_URI", find_location().uri)  # MLflow looks models up by it
    runs = {name: run.info.run_id for name, run in find_runs().items()}
    logged = {
        model.source_run_id: model
        for model in map(make_client().get_logged_model, list_model_ids())
    }
    register(f"runs:/{runs['unweighted']}/model", runs["unweighted"])
    register(logged[runs["early_stopped"]].artifact_location.removeprefix("file://"), None)
    for name in runs:
        write_run(load_params(), name, scale=2.0)
    track.run(load_params())
    later = {name: run.info.run_id for name, run in find_runs().items()}
    assert not set(runs.values()) & set(later.values())
    for name, run in later.items():
        make_client().create_model_version("by hand", f"models:/{find_model(run)}")
        write_run(load_params(), name, scale=3.0)
    track.run(load_params())
    for run in (*runs.values(), *later.values()):
        assert make_client().get_run(run).info.lifecycle_stage == "active"
    assert len(list_model_ids()) == 6


def find_model(run: str) -> str:
    """Return the id of a run's logged model."""
    listed = map(make_client().get_logged_model, list_model_ids())
    return next(str(model.model_id) for model in listed if model.source_run_id == run)


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
