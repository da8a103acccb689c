"""Where trainings ran: noted beside the outputs, in .dvc/tmp."""

from pathlib import Path

import pytest

from secondlook.tracking import provenance
from secondlook.training import environment
from tests.support.tracking import write_trackable_project


@pytest.fixture
def trained(project: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give a project that has trained runs."""
    monkeypatch.delenv("DVC_ROOT", raising=False)
    write_trackable_project()
    return project


def test_a_training_here_is_remembered(trained: Path) -> None:
    """The environment is told for the weights that came of it, also to other projects."""
    provenance.write_training_environment("k", "unweighted")
    assert (
        provenance.read_training_environment("k", "unweighted 1.0")
        == environment.describe_environment()
    )
    assert (
        provenance.read_training_environment("k", "unweighted 1.0", trained)
        == environment.describe_environment()
    )
    assert (
        provenance.read_training_environment("k", "unweighted 1.0", trained / "elsewhere") is None
    )


@pytest.mark.usefixtures("trained")
def test_other_weights_were_trained_elsewhere() -> None:
    """Of weights that were pulled, what was noted of others says nothing."""
    provenance.write_training_environment("k", "unweighted")
    assert provenance.read_training_environment("k", "pulled") is None
    assert provenance.read_training_environment("another", "unweighted 1.0") is None
