"""Arrays of images, read back by the name of their split."""

import numpy as np
import pytest

from secondlook.artifacts import files, manifest

pytestmark = pytest.mark.usefixtures("project")


def test_splits_are_read_back_by_name() -> None:
    """Pictures as a memory map, labels as numbers."""
    folder = files.stage_folder("preprocess")
    folder.mkdir(parents=True)
    np.save(folder / "test-00000.npy", np.ones((2, 4, 4, 1), np.uint8))
    np.save(folder / "test.labels.npy", np.array([1, 0]))
    assert all(isinstance(part, np.memmap) for part in manifest.load_images("test").parts)
    assert manifest.load_images("test").shape == (2, 4, 4, 1)
    assert manifest.load_labels("test").tolist() == [1, 0]
