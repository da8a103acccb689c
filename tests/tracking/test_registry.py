"""The champion in MLflow's registry: in the project's own store, and on a real server."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from secondlook.artifacts import files
from secondlook.artifacts.retraining_history import KEPT, PROMOTED, RetrainingRecord, ServiceModel
from secondlook.config.errors import TrackingError
from secondlook.config.params import load_params
from secondlook.tracking import models, registry, retraining_runs
from secondlook.tracking.models import Candidate
from secondlook.tracking.registry import CHAMPION, PREVIOUS, RETRAINING_TAG, Registry
from secondlook.tracking.store import relocate_artifacts
from stages import track
from tests.support.servers import find_free_port, run_mlflow_server
from tests.support.tracking import IMAGES, MODEL, find_runs, make_client, set_runs, write_run

pytestmark = pytest.mark.slow


@pytest.fixture
def served(tracking_project: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Give a project whose two runs are tracked to a server."""
    Path("data/preprocess/images.csv").write_text(IMAGES)
    (tracking_project / "server").mkdir()
    with run_mlflow_server(
        tracking_project / "server", f"sqlite:///{tracking_project}/mlflow.db", find_free_port()
    ) as there:
        monkeypatch.setenv("MLFLOW_TRACKING_URI", there.uri)
        track.run(load_params())
        yield tracking_project


def candidate(name: str) -> Candidate:
    """Return the tracked run of that name in the workspace."""
    run = files.read_json(files.stage_folder("train", name, "run.json"))
    return models.find_candidate_by_key(run["key"], run["weights_digest"])


@pytest.mark.server
@pytest.mark.parametrize("where", ["store", "served"])
def test_a_champion_and_the_one_before(
    where: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    """Aliases move in step; the files are those of the run; images of its data come with it."""
    request.getfixturevalue(where)
    one, found = registry.format_model_name(load_params()), candidate("unweighted")
    champion = Registry(one)
    assert (one, champion.find_version(CHAMPION)) == (MODEL, None)
    first = champion.register(found, {"second_look.reason": "the first"})
    champion.promote(first)
    assert champion.find_version(CHAMPION) == first
    assert champion.find_version(PREVIOUS) is None
    second = champion.register(candidate("early_stopped"), {})
    champion.promote(second)
    champion.promote(second)  # as after a kill in between
    assert (champion.find_version(CHAMPION), champion.find_version(PREVIOUS)) == (second, first)
    assert champion.register(found, {}) == first  # the same run is no new version
    network = champion.download_files(first, tmp_path / "network")
    assert (network / "model.weights.h5").read_bytes() == b"unweighted"
    origin = champion.download_origin(first, tmp_path / "origin")
    assert {"params.yaml", "images.npz"} <= {path.name for path in origin.iterdir()}


@pytest.mark.usefixtures("store")
def test_the_mirror_takes_nothing_out_of_service(tmp_path: Path) -> None:
    """Where the files say something else of the same run, it is made new; the champion stays."""
    champion = Registry(MODEL)
    champion.promote(champion.register(candidate("unweighted"), {}))
    before = champion.find_version(CHAMPION)
    assert before is not None
    write_run(load_params(), "unweighted", scale=2.0)
    track.run(load_params())
    assert find_runs()["unweighted"].info.run_id != before.run
    assert champion.find_version(CHAMPION) == before
    assert champion.download_files(before, tmp_path / "network").is_dir()
    assert (champion.download_origin(before, tmp_path / "origin") / "params.yaml").exists()


def test_a_moved_store_still_serves(tracking_project: Path, tmp_path: Path) -> None:
    """The places of versions are mended with those of runs and models."""
    track.run(load_params())
    champion = Registry(MODEL)
    champion.promote(champion.register(candidate("unweighted"), {}))
    new = tracking_project / "copy" / "mlruns"
    new.parent.mkdir()
    (tracking_project / "mlruns").rename(new)
    relocate_artifacts(tracking_project / "mlflow.db", new)
    found = champion.find_version(CHAMPION)
    assert found is not None
    assert champion.download_files(found, tmp_path / "network").is_dir()


def test_without_a_store_nobody_is_in_service(project: Path) -> None:
    """Asking makes none: MLflow's tables are made in one step, by whoever writes."""
    assert Registry(MODEL).find_version(CHAMPION) is None
    assert not (project / "mlflow.db").exists()


@pytest.mark.usefixtures("tracking_project")
def test_a_run_that_was_not_tracked_is_no_candidate() -> None:
    """The error says what brings it."""
    track.run(load_params())
    with pytest.raises(TrackingError, match="the challenger is not there"):
        models.find_candidate_by_key("0" * 64, "weights")
    set_runs({"unweighted": {}})
    parent = next(iter(find_runs("second_look.data").values())).info.run_id
    with pytest.raises(TrackingError, match="has no model; `secondlook track`"):
        models.find_candidate_by_id(parent)


@pytest.mark.parametrize(
    ("experiment", "name"),
    [
        (None, "digits-8-or-not"),
        ("cats/dogs: 100 %", "cats-dogs-100"),
        ("flowers_v1.2", "flowers_v1.2"),
        ("::", "model"),
    ],
)
@pytest.mark.usefixtures("project")
def test_the_name_is_fit_for_a_uri(experiment: str | None, name: str) -> None:
    """It needs no data, and nothing in it has to be quoted."""
    params = load_params()
    wanted = params.track.model_copy(update={"experiment": experiment})
    assert registry.format_model_name(params.model_copy(update={"track": wanted})) == name


def record(outcome: str, run: str) -> RetrainingRecord:
    """Return a record of an outcome."""
    challenger = ServiceModel(name="unweighted", run="c" * 32)
    return RetrainingRecord(
        time="2026-06-01T03:00:00Z",
        action="retrain",
        outcome=outcome,
        reason="because",
        challenger=challenger,
        metrics={"recall": 0.5, "f1": None},
        retraining=run,
    )


@pytest.mark.usefixtures("store")
def test_a_killed_retraining_is_ended_as_what_it_was() -> None:
    """Undecided or not carried out: killed. Carried out, or nothing to carry out: recorded."""
    params, champion = load_params(), Registry(MODEL)
    undecided, lost, done, kept = (
        retraining_runs.begin_retraining_run(params, "retrain", champion) for _ in range(4)
    )
    lost.write_decision(record(PROMOTED, lost.run))
    done.write_decision(record(PROMOTED, done.run))
    kept.write_decision(record(KEPT, kept.run))
    champion.promote(champion.register(candidate("unweighted"), {RETRAINING_TAG: done.run}))
    assert len(retraining_runs.recover_killed_runs(params, champion)) == 4
    runs = {each.run: make_client().get_run(each.run) for each in (undecided, lost, done, kept)}
    assert [run.info.status for run in runs.values()] == ["KILLED"] * 2 + ["FINISHED"] * 2
    told = [run.data.tags.get("second_look.outcome") for run in runs.values()]
    assert told == [None, None, "promoted", "kept"]
    assert runs[done.run].data.metrics["champion/recall"] == 0.5
    found = retraining_runs.load_finished_retrainings(params, {kept.run})
    assert [each.retraining for each in found] == [done.run]
    assert retraining_runs.recover_killed_runs(params, champion) == []
