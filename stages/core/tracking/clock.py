"""When a training ran. Outputs tell no time, so that is kept beside them, in .dvc/tmp."""

import json
import time
from pathlib import Path

from stages.core.tracking.place import place

NOTES = Path(".dvc", "tmp", "second_look")


def now() -> int:
    """Return the milliseconds since 1970, as MLflow counts."""
    return time.time_ns() // 1_000_000


def remember(key: str, started: int) -> None:
    """Note that the training of the run `key` began at `started` (ms) and ends now."""
    note = place().root / NOTES / f"{key}.json"
    note.parent.mkdir(parents=True, exist_ok=True)
    note.write_text(json.dumps([started, now()]), encoding="utf-8")


def recall(key: str, result: Path) -> tuple[int, int]:
    """Return when (ms) the training began and ended; of one made elsewhere, when it arrived."""
    note = place().root / NOTES / f"{key}.json"
    if note.exists():
        started, ended = json.loads(note.read_text(encoding="utf-8"))
        return started, ended
    arrived = result.stat().st_mtime_ns // 1_000_000
    return arrived, arrived
