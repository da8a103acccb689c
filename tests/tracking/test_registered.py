"""What a registered version points to stays, whatever becomes of the mirror."""

from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from secondlook.artifacts import files
from secondlook.config.params import load_params
from secondlook.tracking import lookup, models
from secondlook.tracking.location import find_location
from secondlook.tracking.registry import CHAMPION, Registry
from stages import track
from tests.support.tracking import (
    MODEL,
    empty_bin,
    find_model,
    find_runs,
    list_model_ids,
    make_client,
    put_into_service,
    write_run,
)

pytestmark = pytest.mark.slow


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
