"""A command that works in the project: found from below, with mistakes told in one line."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from secondlook.config.errors import SecondLookError

RETRAINING_STATUSES = (
    "Exit status: 0 promoted or nothing to do, 3 not better and the champion kept, 75 another "
    "one goes on, 1 failed or stopped and the champion kept."
)

JSON_HELP = "Print the record as one JSON object at the end, and nothing else."
RUN_HELP = "RUN is the id of a run in MLflow, or its name if no other has it."


class ProjectCommand(click.Command):
    """A command whose function returns the exit status, or None for 0.

    `failure_status` is that of a user's mistake. Options are parsed where the user is, the
    function is called in the project's folder.
    """

    def __init__(self, name: str, *, failure_status: int = 1, **settings: Any) -> None:  # noqa: ANN401 - whatever click takes
        super().__init__(name, **settings)
        self.failure_status = failure_status

    def invoke(self, ctx: click.Context) -> object:
        """Call the function in the project; a user's mistake is one line on stderr."""
        try:
            with unwrap_interruption():
                _enter_project()
                return super().invoke(ctx)
        except SecondLookError as error:
            print(f"secondlook: {error}", file=sys.stderr)
            ctx.exit(self.failure_status)
        except OSError as error:
            from secondlook.artifacts.files import explain_os_error

            if (line := explain_os_error(error)) is None:
                raise
            print(f"secondlook: {line}", file=sys.stderr)
            ctx.exit(self.failure_status)


@contextmanager
def unwrap_interruption() -> Iterator[None]:
    """Raise KeyboardInterrupt where pydantic made an error of its own of it."""
    from pydantic_core import SchemaError

    try:
        yield
    except SchemaError as error:
        # pydantic makes this of Ctrl-C that comes while it builds a class.
        if "KeyboardInterrupt" in str(error):
            raise KeyboardInterrupt from None
        raise


def parse_path(_context: click.Context, _option: click.Parameter, name: str | None) -> Path | None:
    """Return a file that is named from the folder where the user is; links are kept."""
    return None if name is None else Path.cwd() / name


def _enter_project() -> None:
    """Make the nearest folder upwards that holds dvc.yaml the current one.

    Raises SecondLookError when there is none.
    """
    here = Path.cwd()
    for folder in (here, *here.parents):
        if (folder / "dvc.yaml").exists():
            os.chdir(folder)
            return
    raise SecondLookError(f"{here}: no dvc.yaml here or above; run from the project's folder")
