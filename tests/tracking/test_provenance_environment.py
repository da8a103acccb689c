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


def test_half_a_note_of_the_times_is_none(trained: Path) -> None:
    """What a kill of an earlier version left half-written does not stop tracking."""
    provenance.write_training_times("k", 1)
    (note,) = (trained / provenance.NOTES_FOLDER).glob("k.json")
    result = trained / "data/train/unweighted/run.json"
    assert provenance.read_training_times("k", result)[0] == 1
    note.write_text("[1, 17", encoding="utf-8")
    arrived = result.stat().st_mtime_ns // 1_000_000
    assert provenance.read_training_times("k", result) == (arrived, arrived)
