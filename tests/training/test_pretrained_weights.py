"""What is downloaded for a pretrained network: from a real server, which may fail in every way."""

import hashlib
import http.server
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from secondlook.config.errors import DataError
from secondlook.config.training import BACKBONE_NAMES, BackboneParams
from secondlook.training import environment, pretrained_weights
from secondlook.training.backbone import build_backbone
from secondlook.training.pretrained_weights import DOWNLOADS, Download, fetch_weights
from tests.support.servers import find_free_port
from tests.support.weights import NAME

pytestmark = pytest.mark.slow
FILE = DOWNLOADS[NAME].path.rpartition("/")[2]
CONTENT = b"weights" * 1000


class Server(http.server.BaseHTTPRequestHandler):
    """Answers by the first folder that is asked for."""

    asked: list[str] = []  # noqa: RUF012 - of all requests

    def do_GET(self) -> None:
        """Give CONTENT, or less than promised, or nothing."""
        self.asked.append(self.path)
        kind = self.path.split("/")[1]
        if kind == "gone":
            self.send_error(404)
        elif kind != "hung":
            self.send_response(200)
            self.send_header("Content-Length", str(len(CONTENT) * (1 + (kind == "short"))))
            self.end_headers()
            self.wfile.write(CONTENT)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """Give the address of a server."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Server) as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{running.server_port}"
        running.shutdown()


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give Keras a cache of its own."""
    environment.start_tensorflow()
    from keras.src.backend import config

    monkeypatch.setattr(config, "_KERAS_DIR", str(tmp_path))
    return tmp_path / "models"


def set_download(monkeypatch: pytest.MonkeyPatch, address: str, content: bytes | None) -> None:
    """Let the file be fetched from an address, and have the MD5 of a content; None: none."""
    md5 = None if content is None else hashlib.md5(content, usedforsecurity=False).hexdigest()
    monkeypatch.setattr(pretrained_weights, "ADDRESS", address)
    monkeypatch.setitem(DOWNLOADS, NAME, Download(DOWNLOADS[NAME].path, md5))


def test_a_download_is_kept_by_keras(
    server: str, cache: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where it keeps its own, so that nothing is fetched twice; quietly where nobody watches."""
    set_download(monkeypatch, f"{server}/whole", CONTENT)
    Server.asked.clear()
    for _ in range(2):
        path = fetch_weights(NAME)
        assert path == cache / FILE
        assert path.read_bytes() == CONTENT
    assert Server.asked == [f"/whole/{DOWNLOADS[NAME].path}"]
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("kind", "content", "reason"),
    [
        ("gone", CONTENT, "the server says 404 Not Found"),
        ("short", None, "retrieval incomplete: got only 7000 out of 14000 bytes"),
        ("hung", None, "Remote end closed connection without response"),
        ("whole", b"other", "what came has another MD5 than Keras knows"),
        ("closed", None, "Connection refused"),
        ("nowhere", None, "o"),
    ],
)
def test_a_download_that_fails_is_one_line(  # noqa: PLR0913, PLR0917 - two ask, one tells
    server: str,
    cache: Path,
    kind: str,
    content: bytes | None,
    reason: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It says why and what else can be done; half of a file is never taken for the whole."""
    address = {
        "closed": f"http://127.0.0.1:{find_free_port()}",
        "nowhere": "https://nowhere.invalid",
    }.get(kind, f"{server}/{kind}")
    set_download(monkeypatch, address, content)
    with pytest.raises(DataError) as caught:
        fetch_weights(NAME)
    said = str(caught.value)
    assert said.startswith(f"{address}/{DOWNLOADS[NAME].path}: could not be fetched (")
    assert f"{reason}); where there is a network, or " in said or kind == "nowhere"
    assert said.endswith(f"`secondlook weights {NAME} --from FILE`")
    assert "\n" not in said
    set_download(monkeypatch, f"{server}/whole", CONTENT)
    assert fetch_weights(NAME).read_bytes() == CONTENT
    assert [path.name for path in cache.iterdir()] == [FILE]


def test_a_server_that_says_nothing_is_left(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keras would wait for ever."""
    import socket

    monkeypatch.setattr(pretrained_weights, "LONGEST_SILENCE", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        set_download(monkeypatch, f"http://127.0.0.1:{silent.getsockname()[1]}", None)
        with pytest.raises(DataError, match=r"could not be fetched \(timed out\); "):
            fetch_weights(NAME)
    assert socket.getdefaulttimeout() is None
    assert list(cache.iterdir()) == []


@pytest.mark.parametrize("name", BACKBONE_NAMES)
def test_what_is_fetched_is_what_keras_would(name: Any, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: ANN401 - a literal
    """Address and MD5 are those of the version of Keras that is installed."""
    environment.start_tensorflow()
    from keras.src.utils import file_utils

    def record(fname: str, origin: str, cache_subdir: str, file_hash: str | None = None) -> None:
        assert (cache_subdir, origin.rpartition("/")[2]) == ("models", fname)
        raise InterruptedError(origin, file_hash)

    monkeypatch.setattr(file_utils, "get_file", record)
    with pytest.raises(InterruptedError) as caught:
        build_backbone(name, weights="imagenet")
    path, md5 = DOWNLOADS[name]
    assert caught.value.args == (f"{pretrained_weights.ADDRESS}/{path}", md5)


@pytest.mark.usefixtures("project")
def test_weights_that_are_not_those_are_refused() -> None:
    """A file that is missing, or another one, is told with both digests."""
    wanted = BackboneParams(name="resnet50_v2", sha256="0" * 64)
    with pytest.raises(DataError) as missing:
        pretrained_weights.check_weights(wanted, "params.yaml: runs.x")
    assert str(missing.value).startswith(
        "data/weights/resnet50_v2.weights.h5: no such file, and params.yaml: runs.x.backbone starts"
    )
    path = pretrained_weights.get_weights_path("resnet50_v2")
    path.parent.mkdir(parents=True)
    path.write_bytes(b"other")
    with pytest.raises(DataError) as other:
        pretrained_weights.check_weights(wanted, "params.yaml: runs.x")
    assert str(other.value).startswith(f"{path}: found sha256 d9298a10d1b0735837dc4bd85dac641b0f3c")
    assert "\n" not in str(missing.value) + str(other.value)


def test_a_copy_of_the_project_has_its_weights(
    project: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`dvc exp run --temp train@x` works in one, where DVC brings what a stage depends on alone."""
    path = pretrained_weights.get_weights_path("resnet50_v2")
    real = tmp_path_factory.mktemp("real") / path
    wanted = BackboneParams(name="resnet50_v2", sha256=hashlib.sha256(b"right").hexdigest())
    for folder, content in ((real.parent, b"right"), (project / path.parent, b"other")):
        folder.mkdir(parents=True)
        (folder / path.name).write_bytes(content)
    monkeypatch.setenv("DVC_ROOT", str(real.parents[2]))
    with pytest.raises(DataError, match=r"^data/weights/resnet50_v2.weights.h5: found sha256"):
        pretrained_weights.check_weights(wanted, "params.yaml: runs.x")
    path.unlink()
    assert pretrained_weights.check_weights(wanted, "params.yaml: runs.x") == real
    assert pretrained_weights.find_weights("mobilenet_v2") is None
