"""Pages on disk: whole or not at all, and where they can be."""

import os
from pathlib import Path

import pytest

from secondlook.config.errors import StorageError
from secondlook.report import render


def test_a_page_replaces_the_one_before(tmp_path: Path) -> None:
    """In UTF-8, with nothing left beside it."""
    page = tmp_path / "page.html"
    for text in ("<p>one</p>", "<p>größer</p>"):
        render.save_page(text, page)
        assert page.read_bytes() == text.encode()
    render.save_page("<p>bad\udcff.png</p>", page)  # the name of a file that is not UTF-8
    assert page.read_bytes() == b"<p>bad?.png</p>"
    assert list(tmp_path.iterdir()) == [page]


def test_a_page_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    """In one line, and what was there stays."""
    page = tmp_path / "page.html"
    page.mkdir()
    with pytest.raises(StorageError, match=r"page.html: Is a directory; name another file$"):
        render.save_page("<p>one</p>", page)
    assert list(tmp_path.iterdir()) == [page]


def test_a_page_goes_into_a_pipe(tmp_path: Path) -> None:
    """What is no file, as /dev/stdout, is written into and not replaced."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reading = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    render.save_page("<p>one</p>", pipe)
    assert os.read(reading, 100) == b"<p>one</p>"
    os.close(reading)
    assert pipe.is_fifo()
