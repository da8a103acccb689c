"""Which files a model reads for a caller who names them, wherever it is loaded."""

import os
from pathlib import Path

import pytest

from secondlook.config.errors import DataError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Give a folder with a file, links and a pipe, beside what nobody is to read."""
    (tmp_path / "secret.png").write_bytes(b"secret")
    (tmp_path / "pictures-of-others").mkdir()
    (tmp_path / "pictures-of-others" / "a.png").write_bytes(b"secret")
    folder = tmp_path / "pictures"
    (folder / "deep").mkdir(parents=True)
    (folder / "a.png").write_bytes(b"a picture")
    (folder / "within.png").symlink_to("a.png")
    (folder / "out.png").symlink_to(tmp_path / "secret.png")
    (folder / "above").symlink_to("..")
    (folder / "circle").symlink_to("circle")
    os.mkfifo(folder / "pipe.png")
    return folder


@pytest.mark.parametrize(
    "path", ["a.png", "./deep/../a.png", "{folder}/a.png", "within.png", "above/pictures/a.png"]
)
def test_what_lies_in_the_folder_is_read(path: str, folder: Path) -> None:
    """By a path from the folder, or from the root, also through a link that stays in it."""
    from secondlook.serving.pyfunc import read_served_file

    assert read_served_file(path.format(folder=folder), folder) == b"a picture"


@pytest.mark.parametrize(
    "path",
    [
        "../secret.png",
        "deep/../../secret.png",
        "{folder}/../secret.png",
        "{folder}-of-others/a.png",
        "/etc/hostname",
        "/dev/zero",
        "out.png",
        "above/secret.png",
        "../no-such.png",
        "/",
    ],
)
def test_what_leaves_the_folder_is_refused(path: str, folder: Path) -> None:
    """Upwards, from the root, or by a link; whether it is there is not told."""
    from secondlook.serving.pyfunc import read_served_file

    with pytest.raises(DataError, match=r"^path is refused: it leaves the folder"):
        read_served_file(path.format(folder=folder), folder)


@pytest.mark.parametrize("path", ["b.png", "deep", "pipe.png", "circle", "a\0.png", "a" * 5000, ""])
def test_what_is_no_file_is_told_at_once(path: str, folder: Path) -> None:
    """A folder, a pipe that nobody writes to, a circle, a name that no file can have."""
    from secondlook.serving.pyfunc import read_served_file

    with pytest.raises(DataError, match=r"^no such file$"):
        read_served_file(path, folder)


@pytest.mark.parametrize("value", [None, ""])
def test_without_a_folder_every_path_is_refused(
    value: str | None, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The reason says what to do, and nothing of the file."""
    from secondlook.serving.pyfunc import FOLDER_VARIABLE, find_served_folder, read_served_file

    monkeypatch.delenv(FOLDER_VARIABLE, raising=False)
    if value is not None:
        monkeypatch.setenv(FOLDER_VARIABLE, value)
    assert find_served_folder() is None
    for path in (str(folder / "a.png"), str(folder / "none.png")):
        with pytest.raises(DataError, match=f"^path is refused: {FOLDER_VARIABLE} names no folder"):
            read_served_file(path, find_served_folder())


def test_a_folder_may_be_named_by_a_link(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its own links are resolved first, so that its files are in it."""
    from secondlook.serving.pyfunc import FOLDER_VARIABLE, find_served_folder, read_served_file

    link = folder.with_name("link")
    link.symlink_to(folder)
    monkeypatch.setenv(FOLDER_VARIABLE, str(link))
    assert read_served_file(str(link / "a.png"), find_served_folder()) == b"a picture"


def test_a_folder_that_is_not_there_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """To whoever starts the server, not to whoever asks it."""
    from secondlook.serving.pyfunc import FOLDER_VARIABLE, find_served_folder

    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path / "none"))
    with pytest.raises(DataError, match=f"^{FOLDER_VARIABLE}: .*/none: no such folder"):
        find_served_folder()
