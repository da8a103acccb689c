"""What a run came from: which code, which DVC experiment, when, where, on which images.

Outputs are the same everywhere and tell neither time nor place, so these are kept beside them,
in .dvc/tmp. Images are told by the first eight bytes of their digests: eight megabytes for a
million, and a chance of one in forty million that two of them begin alike.
"""

import json
import os
import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from secondlook.artifacts import files
from secondlook.artifacts.manifest import SPLITS, ManifestRows
from secondlook.config.errors import SecondLookError
from secondlook.config.processes import run_git
from secondlook.tracking.location import find_location
from secondlook.training.environment import CODE_FOLDERS, describe_environment

LOCK_FILE = "dvc.lock"
SOURCE_FILES = (
    "params.yaml",
    LOCK_FILE,
    "data/preprocess/facts.json",
)  # what went in, and what it became
LONGEST_DIFFERENCE = 5_000_000  # characters of difference worth keeping; more is not code
# As `git apply` wants it, whatever the user's own settings are.
DIFF_COMMAND = ("diff", "--no-color", "--no-ext-diff", "--src-prefix=a/", "--dst-prefix=b/")
# What was decided later, or tried beside it, says nothing of what was made.
SWEEP_FILES = ("points.yaml", "results.json", LOCK_FILE)
APART = (LOCK_FILE, "data/retrain/history.jsonl", *(f"data/sweep/{n}" for n in SWEEP_FILES))
WHOLE_TREE = ("HEAD", "--", ".", *(f":(exclude){path}" for path in APART))


@dataclass(frozen=True)
class Provenance:
    """The commit, and the difference from it in a form that `git apply` takes.

    Code that git does not know yet is in the difference; dvc.lock is not, for it says what came
    out, and is kept whole instead. Without git, both are None, and `problem` is why.
    """

    commit: str | None
    difference: str | None
    problem: str | None = None

    def make_tags(self) -> dict[str, str]:
        """Return what MLflow shows of it; DVC tells an experiment's name by DVC_EXP_NAME."""
        dirty = None if self.difference is None else str(bool(self.difference)).lower()
        told = {
            "mlflow.source.git.commit": self.commit,
            "second_look.git.dirty": dirty,
            "second_look.dvc.experiment": os.environ.get("DVC_EXP_NAME"),
        }
        return {key: value for key, value in told.items() if value}

    def write(self, folder: Path) -> None:
        """Write uncommitted.diff (where there is a difference) and the files in KEPT."""
        if self.difference:
            text = self.difference.encode(errors="surrogateescape")
            (folder / "uncommitted.diff").write_bytes(text)
        for name in SOURCE_FILES:
            if Path(name).exists():
                shutil.copy(name, folder)


def read_provenance() -> Provenance:
    """Return the state of the working tree at the current folder."""
    try:
        commit = run_git("rev-parse", "HEAD").strip()
    except SecondLookError as error:  # no git, no repository, no commit yet, another owner
        return Provenance(None, None, str(error))
    try:
        return Provenance(commit, _diff_working_tree())
    except SecondLookError as error:
        return Provenance(commit, None, str(error))


def _diff_working_tree() -> str | None:
    """Return how the tree differs from HEAD, through a copy of the index: git's own stays."""
    index = Path(run_git("rev-parse", "--git-path", "index").strip())
    if not index.is_file():
        return None
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(shutil.copy(index, folder))
        # One folder that is not there would make git add none of them.
        there = [name for name in CODE_FOLDERS if Path(name).is_dir()]
        with suppress(SecondLookError):
            run_git("add", "--intent-to-add", "--", *there, index=copy)
        whole = run_git(*DIFF_COMMAND, "--binary", *WHOLE_TREE, index=copy)
        if len(whole) <= LONGEST_DIFFERENCE:
            return whole
        short = run_git(*DIFF_COMMAND, "--stat", *WHOLE_TREE, index=copy)
        return f"# {len(whole)} characters are too many to keep; in short:\n{short}"


NOTES_FOLDER = Path(".dvc", "tmp", "second_look")


def read_clock() -> int:
    """Return the milliseconds since 1970, as MLflow counts."""
    return time.time_ns() // 1_000_000


def write_training_times(key: str, started: int) -> None:
    """Note that the training of the run `key` began at `started` (ms) and ends now."""
    note = find_location().root / NOTES_FOLDER / f"{key}.json"
    files.write_atomically(note, [json.dumps([started, read_clock()]).encode()])


@contextmanager
def note_training_times(key: str) -> Iterator[None]:
    """Note when the training of the key `key` begins and ends, if it does not raise."""
    started = read_clock()
    yield
    with suppress(OSError):  # when it ran is worth no failure
        write_training_times(key, started)


def read_training_times(key: str, result: Path) -> tuple[int, int]:
    """Return when (ms) the training began and ended; of one made elsewhere, when it arrived."""
    note = find_location().root / NOTES_FOLDER / f"{key}.json"
    # A version of before could leave half a note behind: that is none.
    with suppress(FileNotFoundError, ValueError):
        started, ended = json.loads(note.read_text(encoding="utf-8"))
        return started, ended
    arrived = result.stat().st_mtime_ns // 1_000_000
    return arrived, arrived


def write_training_environment(key: str, run: str) -> None:
    """Note that the run `run`, of the key `key`, was trained here and now, and to which weights.

    Raises OSError when the training left nothing, or the note cannot be written.
    """
    weights = files.read_json(files.stage_folder("train", run, "run.json"))["weights_digest"]
    note = _build_note_path(key)
    note.parent.mkdir(parents=True, exist_ok=True)
    files.write_json(note, {"weights": weights, "environment": describe_environment()})


def read_training_environment(
    key: str, weights: str, root: Path | None = None
) -> Mapping[str, str] | None:
    """Return the environment that these weights were trained in; None if not in this project.

    They then came from DVC's run cache, from a remote, or from before there were notes. Another
    project than this one is named by its root.
    """
    path = _build_note_path(key, root)
    if not path.exists():
        return None
    note = files.read_json(path)
    environment: Mapping[str, str] = note["environment"]
    return environment if note["weights"] == weights else None


def _build_note_path(key: str, root: Path | None = None) -> Path:
    return (root or find_location().root) / NOTES_FOLDER / f"{key}.environment.json"


IMAGE_DIGESTS_FILE = "images.npz"
SHORT_DIGITS = 16  # hexadecimal, of a digest
ImageDigests = Mapping[str, set[int]]


def shorten_digest(digest: str) -> int:
    """Return the first eight bytes of a digest (hex) as a number."""
    return int(digest[:SHORT_DIGITS], 16)


def write_image_digests(folder: Path) -> None:
    """Write images.npz (uint64 per split) of the present data, where `preprocess` has run."""
    listed = files.stage_folder("preprocess") / "images.csv"
    if listed.exists():
        found: dict[str, set[int]] = {split: set() for split in SPLITS}
        for row in ManifestRows(listed):
            found[row.split].add(shorten_digest(row.digest))
        arrays = {split: np.array(sorted(each), np.uint64) for split, each in found.items()}
        np.savez(folder / IMAGE_DIGESTS_FILE, allow_pickle=False, **arrays)


def load_image_digests(folder: Path) -> ImageDigests:
    """Return the images of each split of the data set whose images.npz is in the folder."""
    with np.load(folder / IMAGE_DIGESTS_FILE) as arrays:
        return {split: set(arrays[split].tolist()) for split in arrays.files}
