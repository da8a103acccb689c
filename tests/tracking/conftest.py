"""Projects whose runs are in MLflow, as tests of this room need them."""

from pathlib import Path

import pytest

from secondlook.config.params import load_params
from tests.support.tracking import IMAGES


@pytest.fixture
def store(tracking_project: Path) -> Path:
    """Give a project whose two runs are tracked into its own store."""
    from stages import track

    Path("data/preprocess/images.csv").write_text(IMAGES)
    track.run(load_params())
    return tracking_project
