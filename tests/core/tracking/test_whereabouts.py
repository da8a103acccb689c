"""Where trainings ran: noted beside the outputs, in .dvc/tmp."""

from pathlib import Path

import pytest

from stages.core import environment
from stages.core.tracking import whereabouts
from tests.tracking_builder import build


@pytest.fixture
def trained(project: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give a project that has trained runs."""
    monkeypatch.delenv("DVC_ROOT", raising=False)
    build()
    return project


def test_a_training_here_is_remembered(trained: Path) -> None:
    """The environment is told for the weights that came of it, also to other projects."""
    whereabouts.remember("k", "unweighted")
    assert whereabouts.recall("k", "unweighted 1.0") == environment.here()
    assert whereabouts.recall("k", "unweighted 1.0", trained) == environment.here()
    assert whereabouts.recall("k", "unweighted 1.0", trained / "elsewhere") is None


@pytest.mark.usefixtures("trained")
def test_other_weights_were_trained_elsewhere() -> None:
    """Of weights that were pulled, what was noted of others says nothing."""
    whereabouts.remember("k", "unweighted")
    assert whereabouts.recall("k", "pulled") is None
    assert whereabouts.recall("another", "unweighted 1.0") is None
