"""Arrays of images, written row by row and read back by the name of their split."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from secondlook.artifacts import files, manifest

pytestmark = pytest.mark.usefixtures("project")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])  # each file is written anew
@given(rows=arrays(np.uint8, st.tuples(st.integers(0, 12), *[st.integers(1, 3)] * 3)))
def test_arrays_written_row_by_row_are_npy_files(rows: NDArray[np.uint8]) -> None:
    """NumPy reads, also as a memory map, what was appended, whatever the number of rows."""
    with manifest.ArrayWriter(Path("a.npy"), rows.shape[1:]) as writer:
        for row in rows:
            writer.append(row)
    np.testing.assert_array_equal(np.load("a.npy"), rows)
    np.testing.assert_array_equal(np.load("a.npy", mmap_mode="r" if rows.size else None), rows)


def test_the_header_grows_with_the_rows() -> None:
    """Ten thousand rows need more digits than none, and the data still begin where they did."""
    with manifest.ArrayWriter(Path("a.npy"), (1, 1, 1)) as writer:
        for number in range(10_000):
            writer.append(np.full((1, 1, 1), number % 251, np.uint8))
    np.testing.assert_array_equal(np.load("a.npy").ravel(), np.arange(10_000) % 251)


def test_splits_are_read_back_by_name() -> None:
    """Pictures as a memory map, labels as numbers."""
    folder = files.stage_folder("preprocess")
    folder.mkdir(parents=True)
    np.save(folder / "test.npy", np.ones((2, 4, 4, 1), np.uint8))
    np.save(folder / "test.labels.npy", np.array([1, 0]))
    assert isinstance(manifest.load_images("test"), np.memmap)
    assert manifest.load_images("test").shape == (2, 4, 4, 1)
    assert manifest.load_labels("test").tolist() == [1, 0]
