"""Asking a network through the one door, in this process: TensorFlow takes seconds to import."""

import io
import sys
from contextlib import chdir, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from unittest.mock import patch

from stages.__main__ import main


@dataclass(frozen=True)
class Done:
    """What came of a command."""

    returncode: int
    stdout: str
    stderr: str


def predict(folder: Path, *arguments: str, given: bytes = b"") -> Done:
    """Return what came of `secondlook predict` in a folder; `given` is its standard input."""
    out, err, code = io.StringIO(), io.StringIO(), 0
    stdin = io.TextIOWrapper(io.BytesIO(given))
    argv = patch.multiple(sys, argv=["secondlook", "predict", *arguments], stdin=stdin)
    with chdir(folder), argv, redirect_stdout(out), redirect_stderr(err):
        try:
            main()
        except SystemExit as leaving:
            code = int(leaving.code or 0)
    return Done(code, out.getvalue(), err.getvalue())
