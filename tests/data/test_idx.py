"""IDX files are read as written, and anything else is told apart."""

import gzip
import re
import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from secondlook.config.errors import DataError
from secondlook.data import idx
from tests.support.project import ROOT

IMAGES = np.arange(24, dtype=np.uint8).reshape(2, 3, 4)
# 00 00, type 8 (bytes), 3 dimensions of lengths 2, 3, 4, then the values row by row.
WHOLE = bytes([0, 0, 8, 3]) + struct.pack(">3I", 2, 3, 4) + bytes(range(24))


def test_a_file_made_by_hand_is_read(tmp_path: Path) -> None:
    """The bytes of the format, plain and gzipped, give the array they stand for."""
    (tmp_path / "plain").write_bytes(WHOLE)
    (tmp_path / "packed.gz").write_bytes(gzip.compress(WHOLE, mtime=0))
    for name in ("plain", "packed.gz"):
        np.testing.assert_array_equal(idx.read_idx(tmp_path / name, 3), IMAGES)


def test_writing_gives_the_same_bytes_each_time(tmp_path: Path) -> None:
    """Neither the name nor the time of writing is in the file."""
    idx.write_idx(tmp_path / "a.gz", IMAGES)
    idx.write_idx(tmp_path / "b.gz", IMAGES)
    assert (tmp_path / "a.gz").read_bytes() == (tmp_path / "b.gz").read_bytes()
    assert gzip.decompress((tmp_path / "a.gz").read_bytes()) == WHOLE


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])  # each file is written anew
@given(array=arrays(np.uint8, st.tuples(*[st.integers(1, 4)] * 3)))
def test_what_is_written_is_read(tmp_path: Path, array: NDArray[np.uint8]) -> None:
    """Any array of bytes comes back as it was."""
    idx.write_idx(tmp_path / "a.gz", array)
    np.testing.assert_array_equal(idx.read_idx(tmp_path / "a.gz", 3), array)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "found the bytes (none); expected an IDX file"),
        (b"\x89PNG....", "found the bytes 89 50 4e 47; expected an IDX file"),
        (b"\n<!DOCTYPE html><html>", "found a web page (HTML); expected an IDX file"),
        (gzip.compress(b"<html><body>", mtime=0), "found a web page (HTML)"),
        (b"version https://git-lfs.github.com/spec/v1\noid", "found a git-lfs pointer"),
        (bytes([0, 0, 8, 1]) + WHOLE[4:], "begins with 00 00 08 03"),
        (bytes([0, 0, 13, 3]) + WHOLE[4:], "found the bytes 00 00 0d 03"),
        (WHOLE[:9], "ends within the IDX header"),
        (WHOLE[:-1], "promises 2 x 3 x 4 = 24 bytes, found 23"),
        (WHOLE + b"x", "promises 2 x 3 x 4 = 24 bytes, found more"),
        (WHOLE[:4] + struct.pack(">3I", 0, 3, 4), "promises no values (lengths 0 x 3 x 4)"),
        (WHOLE[:4] + b"\xff" * 12 + WHOLE[16:], "found 24; download it again"),
        (gzip.compress(WHOLE, mtime=0)[:-9], "damaged gzip file"),
        (gzip.compress(WHOLE, mtime=0)[:-8] + b"\0" * 8, "damaged gzip file (CRC check failed"),
        (gzip.compress(WHOLE, mtime=0)[:12] + b"\xff" * 9, "damaged gzip file"),
    ],
)
def test_anything_else_is_told_in_one_line(tmp_path: Path, content: bytes, told: str) -> None:
    """Each wrong file is refused by its path and by what was found in it."""
    path = tmp_path / "train-images-idx3-ubyte.gz"
    path.write_bytes(content)
    with pytest.raises(DataError, match=re.escape(told)) as caught:
        idx.read_idx(path, 3)
    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)


def test_a_real_failed_download_is_told(shared_data: Path) -> None:
    """The HTML page that a server once sent instead of EMNIST is called one."""
    with pytest.raises(DataError, match="found a web page"):
        idx.read_idx(shared_data / "awkward" / "html_instead_of_idx.gz", 3)


def test_the_lines_in_source_md_make_the_digits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The Python in SOURCE.md runs, and writes arrays equal to those in the repository."""
    folder = Path("data", "digits")
    source = (ROOT / folder / "SOURCE.md").read_text(encoding="utf-8")
    (tmp_path / folder).mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    exec(source.split("```python\n")[1].split("```")[0], {})  # noqa: S102 - our own lines
    for name, dimensions in (
        ("digits-images-idx3-ubyte.gz", 3),
        ("digits-labels-idx1-ubyte.gz", 1),
    ):
        made, kept = (idx.read_idx(base / folder / name, dimensions) for base in (tmp_path, ROOT))
        np.testing.assert_array_equal(made, kept)
