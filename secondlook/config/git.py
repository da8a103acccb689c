"""git as a subprocess, in the current folder."""

import os
import subprocess
from pathlib import Path

from secondlook.config.errors import SecondLookError


def run_git(*arguments: str, index: Path | None = None) -> str:
    """Return what git prints, bytes that are not UTF-8 as surrogates.

    `index` stands in for the repository's own. Raises SecondLookError, with git's first words and
    the setting that it advises, where it fails: no git, no repository, no such commit.
    """
    chosen = {"GIT_INDEX_FILE": str(index)} if index else {}
    try:
        done = subprocess.run(
            ["git", *arguments], env=os.environ | chosen, capture_output=True, check=False
        )
    except OSError as error:
        raise SecondLookError(f"git: {error.strerror}; install it") from None
    if done.returncode:
        reason, *more = done.stderr.decode(errors="replace").strip().splitlines() or ["failed"]
        advice = "".join(f"; {line.strip()}" for line in more if line.startswith("\tgit config "))
        raise SecondLookError(f"git {_find_git_command(arguments)}: {reason}{advice}")
    return done.stdout.decode(errors="surrogateescape")


def _find_git_command(arguments: tuple[str, ...]) -> str:
    """Return the git command among the arguments, without options before it."""
    skipped = {"-C", "-c"}
    pairs = zip(("", *arguments), arguments, strict=False)
    return next(word for before, word in pairs if word not in skipped and before not in skipped)
