"""Pictures as people name them."""

import io
import sys
from pathlib import Path

import pytest

from secondlook.config.errors import DataError
from secondlook.serving.inputs import find_images
from tests.support.datasets import make_png, write_class_folders


def names(*named: str, here: Path) -> list[str]:
    """Return what the names stand for."""
    return [given.name for given in find_images(named, here)]


def why_not(named: str, here: Path) -> str:
    """Return why the only picture that the name stands for cannot be read."""
    (given,) = find_images([named], here)
    with pytest.raises(DataError) as caught:
        given.read()
    return str(caught.value)


def test_files_folders_and_patterns(tmp_path: Path) -> None:
    """A file is itself, a folder its pictures at any depth, a pattern the files that match."""
    write_class_folders(tmp_path / "own", {"a": 2, "b": 1})
    (tmp_path / "own/a/notes.txt").write_text("no picture")
    assert names("own/b/0.png", here=tmp_path) == ["own/b/0.png"]
    assert names("own", here=tmp_path) == ["own/a/0.png", "own/a/1.png", "own/b/0.png"]
    assert names("own/*/0.png", here=tmp_path) == ["own/a/0.png", "own/b/0.png"]
    assert names("own/**/1.*", here=tmp_path) == ["own/a/1.png"]
    whole = str(tmp_path / "own/b")
    assert names(whole, here=Path("/")) == [f"{whole}/0.png"]


def test_a_name_may_look_like_a_pattern(tmp_path: Path) -> None:
    """A file whose name holds brackets is that file."""
    (tmp_path / "me [1].png").write_bytes(make_png(0))
    assert names("me [1].png", here=tmp_path) == ["me [1].png"]


def test_standard_input_is_one_picture(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`-` gives the bytes that come in."""
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"bytes")))
    (given,) = find_images(["-"], tmp_path)
    assert (given.name, given.read()) == ("standard input", b"bytes")


def test_what_is_not_there_is_told_when_it_is_read(tmp_path: Path) -> None:
    """Nothing stops at a wrong name: it is one picture that cannot be read, and says why."""
    (tmp_path / "empty").mkdir()
    assert why_not("gone.png", tmp_path) == "no such file or directory"
    assert why_not("*.png", tmp_path) == "no file matches this pattern"
    assert why_not("empty", tmp_path).startswith("no picture in this folder")
