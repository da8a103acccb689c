"""Which code and which DVC experiment the results come from."""

import os
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

LOCK = "dvc.lock"
KEPT = ("params.yaml", LOCK, "data/preprocess/facts.json")  # what went in, and what it became
LIMIT = 5_000_000  # characters of difference worth keeping; more is not code
# As `git apply` wants it, whatever the user's own settings are.
DIFF = ("diff", "--no-color", "--no-ext-diff", "--src-prefix=a/", "--dst-prefix=b/")
HISTORY = "data/retrain/history.jsonl"  # what was decided later says nothing of what was made
ALL = ("HEAD", "--", ".", f":(exclude){LOCK}", f":(exclude){HISTORY}")


@dataclass(frozen=True)
class Provenance:
    """The commit, and the difference from it in a form that `git apply` takes.

    Code that git does not know yet is in the difference; dvc.lock is not, for it says what came
    out, and is kept whole instead. Without git, both are None.
    """

    commit: str | None
    difference: str | None

    def tags(self) -> dict[str, str]:
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
        for name in KEPT:
            if Path(name).exists():
                shutil.copy(name, folder)


def provenance() -> Provenance:
    """Return the state of the working tree at the current folder."""
    commit = _git("rev-parse", "HEAD")
    return Provenance(commit and commit.strip(), _difference() if commit else None)


def _difference() -> str | None:
    """Return how the tree differs from HEAD, through a copy of the index: git's own stays."""
    index = Path((_git("rev-parse", "--git-path", "index") or "").strip())
    if not index.is_file():
        return None
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(shutil.copy(index, folder))
        _git("add", "--intent-to-add", "--", "stages", index=copy)
        whole = _git(*DIFF, "--binary", *ALL, index=copy)
        if whole is None or len(whole) <= LIMIT:
            return whole
        short = _git(*DIFF, "--stat", *ALL, index=copy)
        return f"# {len(whole)} characters are too many to keep; in short:\n{short}"


def _git(*arguments: str, index: Path | None = None) -> str | None:
    """Return what git prints, or None where it fails: no git, no repository, no commit yet."""
    chosen = {"GIT_INDEX_FILE": str(index)} if index else {}
    try:
        done = subprocess.run(
            ["git", *arguments],
            env=os.environ | chosen,
            capture_output=True,
            check=True,
            text=True,
            errors="surrogateescape",
        )
    except (OSError, subprocess.CalledProcessError):
        return None
    return done.stdout
