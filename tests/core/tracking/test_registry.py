"""The champion in MLflow's registry: in the project's own store, and on a real server."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from stages import track
from stages.core import files
from stages.core.errors import TrackingError
from stages.core.outputs.retrainings import KEPT, PROMOTED, Model, Retraining
from stages.core.params import load
from stages.core.tracking import candidates, local, registry, retrainings
from stages.core.tracking.candidates import Candidate
from stages.core.tracking.registry import CHAMPION, PREVIOUS, RETRAINING, Registry
from tests.servers import free_port, server
from tests.tracking_builder import client, set_runs, tracked, write_run

MODEL = "digits-8-or-not"
IMAGES = "id,label,split,digest\n1.png,8,train,00000000000000ff00\n"


@pytest.fixture
def store(trackable: Path) -> Path:
    """Give a project whose two runs are tracked into its own store."""
    Path("data/preprocess/images.csv").write_text(IMAGES)
    track.run(load())
    return trackable


@pytest.fixture
def served(trackable: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Give a project whose two runs are tracked to a server."""
    Path("data/preprocess/images.csv").write_text(IMAGES)
    (trackable / "server").mkdir()
    with server(trackable / "server", f"sqlite:///{trackable}/mlflow.db", free_port()) as there:
        monkeypatch.setenv("MLFLOW_TRACKING_URI", there.uri)
        track.run(load())
        yield trackable


def candidate(name: str) -> Candidate:
    """Return the tracked run of that name in the workspace."""
    run = files.read_json(files.folder("train", name, "run.json"))
    return candidates.by_key(run["key"], run["weights_digest"])


@pytest.mark.parametrize("where", ["store", "served"])
def test_a_champion_and_the_one_before(
    where: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    """Aliases move in step; the files are those of the run; images of its data come with it."""
    request.getfixturevalue(where)
    one, found = registry.name(load()), candidate("unweighted")
    champion = Registry(one)
    assert (one, champion.version(CHAMPION)) == (MODEL, None)
    first = champion.register(found, {"second_look.reason": "the first"})
    champion.promote(first)
    assert champion.version(CHAMPION) == first
    assert champion.version(PREVIOUS) is None
    second = champion.register(candidate("early_stopped"), {})
    champion.promote(second)
    champion.promote(second)  # as after a kill in between
    assert (champion.version(CHAMPION), champion.version(PREVIOUS)) == (second, first)
    assert champion.register(found, {}) == first  # the same run is no new version
    network = champion.files(first, tmp_path / "network")
    assert (network / "model.weights.h5").read_bytes() == b"unweighted"
    origin = champion.origin(first, tmp_path / "origin")
    assert {"params.yaml", "images.npz"} <= {path.name for path in origin.iterdir()}


@pytest.mark.usefixtures("store")
def test_the_mirror_takes_nothing_out_of_service(tmp_path: Path) -> None:
    """Where the files say something else of the same run, it is made new; the champion stays."""
    champion = Registry(MODEL)
    champion.promote(champion.register(candidate("unweighted"), {}))
    before = champion.version(CHAMPION)
    assert before is not None
    write_run(load(), "unweighted", scale=2.0)
    track.run(load())
    assert tracked()["unweighted"].info.run_id != before.run
    assert champion.version(CHAMPION) == before
    assert champion.files(before, tmp_path / "network").is_dir()
    assert (champion.origin(before, tmp_path / "origin") / "params.yaml").exists()


def test_a_moved_store_still_serves(trackable: Path, tmp_path: Path) -> None:
    """The places of versions are mended with those of runs and models."""
    track.run(load())
    champion = Registry(MODEL)
    champion.promote(champion.register(candidate("unweighted"), {}))
    new = trackable / "copy" / "mlruns"
    new.parent.mkdir()
    (trackable / "mlruns").rename(new)
    local.relocate(trackable / "mlflow.db", new)
    found = champion.version(CHAMPION)
    assert found is not None
    assert champion.files(found, tmp_path / "network").is_dir()


def test_without_a_store_nobody_is_in_service(project: Path) -> None:
    """Asking makes none: MLflow's tables are made in one step, by whoever writes."""
    assert Registry(MODEL).version(CHAMPION) is None
    assert not (project / "mlflow.db").exists()


@pytest.mark.usefixtures("trackable")
def test_a_run_that_was_not_tracked_is_no_candidate() -> None:
    """The error says what brings it."""
    track.run(load())
    with pytest.raises(TrackingError, match="the challenger is not there"):
        candidates.by_key("0" * 64, "weights")
    set_runs({"unweighted": {}})
    parent = next(iter(tracked("second_look.data").values())).info.run_id
    with pytest.raises(TrackingError, match="has no model; `secondlook track`"):
        candidates.by_id(parent)


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
    params = load()
    wanted = params.track.model_copy(update={"experiment": experiment})
    assert registry.name(params.model_copy(update={"track": wanted})) == name


def record(outcome: str, run: str) -> Retraining:
    """Return a record of an outcome."""
    challenger = Model(name="unweighted", run="c" * 32)
    return Retraining(
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
    params, champion = load(), Registry(MODEL)
    undecided, lost, done, kept = (retrainings.begin(params, "retrain", champion) for _ in range(4))
    lost.decide(record(PROMOTED, lost.run))
    done.decide(record(PROMOTED, done.run))
    kept.decide(record(KEPT, kept.run))
    champion.promote(champion.register(candidate("unweighted"), {RETRAINING: done.run}))
    assert len(retrainings.recover(params, champion)) == 4
    runs = {each.run: client().get_run(each.run) for each in (undecided, lost, done, kept)}
    assert [run.info.status for run in runs.values()] == ["KILLED"] * 2 + ["FINISHED"] * 2
    told = [run.data.tags.get("second_look.outcome") for run in runs.values()]
    assert told == [None, None, "promoted", "kept"]
    assert runs[done.run].data.metrics["champion/recall"] == 0.5
    found = retrainings.finished(params, {kept.run})
    assert [each.retraining for each in found] == [done.run]
    assert retrainings.recover(params, champion) == []
