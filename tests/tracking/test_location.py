"""Where runs are tracked to, and what of it may be seen."""

import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import make_url

from secondlook.config.errors import TrackingError
from secondlook.tracking import location
from secondlook.tracking.location import StoreLocation, find_location
from tests.support.project import ODD_NAMES

ROOT = Path("/project")


@pytest.fixture
def silent() -> Iterator[int]:
    """Give the port of a server that accepts connections and never says a word."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        yield server.getsockname()[1]


def test_the_projects_own_store_is_the_default(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without MLFLOW_TRACKING_URI it is mlflow.db and mlruns/, where a bare `mlflow ui` looks."""
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.delenv("DVC_ROOT", raising=False)
    monkeypatch.chdir(tmp_path)
    found = find_location()
    assert found.uri == f"sqlite:///{tmp_path}/mlflow.db"
    assert (found.display_name, found.artifacts) == ("mlflow.db", tmp_path / "mlruns")


@pytest.mark.parametrize("uri", ["", "sqlite:///mlflow.db"])
def test_a_copy_of_the_project_tracks_to_the_real_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, uri: str
) -> None:
    """In the temporary folder of `dvc exp run --temp`, DVC_ROOT is where the store is."""
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))
    assert find_location().database == tmp_path / "mlflow.db"


@pytest.mark.parametrize("name", [*ODD_NAMES, "100 %", "me@home", "a;b&c"])
def test_the_store_is_in_the_folder_whatever_that_is_called(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What MLflow's database layer reads out of the URI is the path, and so is what we read."""
    (tmp_path / name).mkdir()
    monkeypatch.chdir(tmp_path / name)
    monkeypatch.delenv("DVC_ROOT", raising=False)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    own = find_location()
    assert make_url(own.uri).database == str(own.database) == str(tmp_path / name / "mlflow.db")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", own.uri)
    assert find_location() == own
    told = f"no such table in {tmp_path / name}"
    assert (own.redact(told), own.uri_parts.remove_credentials(told)) == (told, told)


def test_what_is_told_is_one_line() -> None:
    """An error of several lines is told in one, without the URI's query."""
    where = StoreLocation(ROOT, "http://h:5000/?token=abc", None)
    assert where.redact("one\n  two token=abc") == "one two ***"


@pytest.mark.parametrize("scheme", ["http", "postgresql", "mysql+pymysql"])
def test_a_closed_port_is_told_at_once(scheme: str) -> None:
    """Nobody listens: one line that says so, and what to do."""
    with pytest.raises(TrackingError, match=r"refused.*`secondlook track` brings it up to date$"):
        StoreLocation(ROOT, f"{scheme}://me:secret@127.0.0.1:9/x", None).check()


def test_an_experiment_in_a_copy_is_told_how_to_be_tracked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The copy's data/ is gone when `dvc exp run --temp` ends: the experiment has to be applied."""
    monkeypatch.setenv("DVC_EXP_NAME", "brave-owl")
    monkeypatch.chdir(tmp_path)
    assert "`dvc exp apply brave-owl`" in str(
        StoreLocation(ROOT, "http://h", None).build_error("away")
    )
    assert "`dvc exp apply" not in str(
        StoreLocation(tmp_path.resolve(), "http://h", None).build_error("away")
    )


def test_a_silent_server_is_told_soon(silent: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that accepts the connection and says nothing is given up after seconds."""
    assert location.ANSWER_TIMEOUT <= 10
    monkeypatch.setattr(location, "ANSWER_TIMEOUT", 1.0)
    start = time.monotonic()
    with pytest.raises(TrackingError, match="timed out"):
        StoreLocation(ROOT, f"http://127.0.0.1:{silent}", None).check()
    assert time.monotonic() - start < 1 + 1
