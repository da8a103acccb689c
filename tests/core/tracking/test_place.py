"""Where runs are tracked to, and what of it may be seen."""

import socket
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stages.core.errors import TrackingError
from stages.core.tracking.place import PATIENCE, Place, place

ROOT = Path("/project")
# The Q is in no word that we say, so what holds it came from the URI.
SECRETS = st.text("XYZ0189@:/?#%&=äß", max_size=8).map("Q{}".format)


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
    found = place()
    assert found.uri == f"sqlite:///{tmp_path}/mlflow.db"
    assert (found.shown, found.artifacts) == ("mlflow.db", tmp_path / "mlruns")


@pytest.mark.parametrize("uri", ["", "sqlite:///mlflow.db"])
def test_a_copy_of_the_project_tracks_to_the_real_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, uri: str
) -> None:
    """In the temporary folder of `dvc exp run --temp`, DVC_ROOT is where the store is."""
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))
    assert place().database == tmp_path / "mlflow.db"


@given(user=SECRETS, password=SECRETS, host=st.sampled_from(["http://{}h/x", "mysql://{}h/x"]))
def test_no_password_is_ever_shown(user: str, password: str, host: str) -> None:
    """Neither the name of the store nor what it complains of holds user or password."""
    secret = f"{quote(user, safe='')}:{quote(password, safe='')}"
    where = Place(ROOT, host.format(f"{secret}@"), None)
    told = f"no answer from {where.uri}, at {secret}@h, with {password}"
    for text in (where.shown, repr(where), where.redacted(told), str(where.error(told))):
        assert quote(password, safe="") not in text
        assert password not in text


def test_what_is_told_is_one_line() -> None:
    """An error of several lines is told in one, without the URI's query."""
    where = Place(ROOT, "http://h:5000/?token=abc", None)
    assert where.redacted("one\n  two token=abc") == "one two ***"


@pytest.mark.parametrize("scheme", ["http", "postgresql", "mysql+pymysql"])
def test_a_closed_port_is_told_at_once(scheme: str) -> None:
    """Nobody listens: one line that says so, and what to do."""
    with pytest.raises(TrackingError, match=r"refused.*`dvc repro` brings it up to date$"):
        Place(ROOT, f"{scheme}://me:secret@127.0.0.1:9/x", None).check()


def test_a_silent_server_is_told_soon(silent: int) -> None:
    """A server that accepts the connection and says nothing is given up after seconds."""
    start = time.monotonic()
    with pytest.raises(TrackingError, match="timed out"):
        Place(ROOT, f"http://127.0.0.1:{silent}", None).check()
    assert time.monotonic() - start < PATIENCE + 1
