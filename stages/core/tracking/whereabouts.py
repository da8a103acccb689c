"""Where a training ran: kept beside the outputs, in .dvc/tmp, for they are the same everywhere."""

from collections.abc import Mapping
from pathlib import Path

from stages.core import environment, files
from stages.core.tracking.clock import NOTES
from stages.core.tracking.place import place


def remember(key: str, run: str) -> None:
    """Note that the run `run`, of the key `key`, was trained here and now, and to which weights.

    Raises OSError when the training left nothing, or the note cannot be written.
    """
    weights = files.read_json(files.folder("train", run, "run.json"))["weights_digest"]
    note = _note(key)
    note.parent.mkdir(parents=True, exist_ok=True)
    files.write_json(note, {"weights": weights, "environment": environment.here()})


def recall(key: str, weights: str, root: Path | None = None) -> Mapping[str, str] | None:
    """Return the environment that these weights were trained in; None if not in this project.

    They then came from DVC's run cache, from a remote, or from before there were notes. Another
    project than this one is named by its root.
    """
    path = _note(key, root)
    if not path.exists():
        return None
    note = files.read_json(path)
    environment: Mapping[str, str] = note["environment"]
    return environment if note["weights"] == weights else None


def _note(key: str, root: Path | None = None) -> Path:
    return (root or place().root) / NOTES / f"{key}.environment.json"
