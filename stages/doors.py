"""The subcommands around the champion: what schedulers call, and what people do by hand instead."""

import argparse
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    Subcommands = argparse._SubParsersAction[argparse.ArgumentParser]  # noqa: SLF001 - has no other name

STATUSES = (
    "Exit status: 0 promoted or nothing to do, 3 not better and the champion kept, 75 another "
    "one goes on, 1 failed or stopped and the champion kept."
)
RETRAIN = "retrain where anything changed; a better model goes into service, a worse one never"
PROMOTE = "put a run of MLflow into service by hand"
ROLLBACK = "put the model back into service that was there before"
HISTORY = "print what came of the last retrainings"


def add(subcommands: "Subcommands") -> None:
    """Add retrain, promote, rollback and history to the door."""
    retrain = _recorded(subcommands, "retrain", RETRAIN)
    retrain.set_defaults(command=_retrain)
    retrain.add_argument("--dry-run", action="store_true", help="only say what it would do")
    retrain.add_argument(
        "--force", action="store_true", help="train everything again, also where nothing changed"
    )
    promote = _recorded(subcommands, "promote", PROMOTE)
    promote.set_defaults(command=_promote)
    promote.add_argument("run", help="the id of a run in MLflow, or its name if no other has it")
    _recorded(subcommands, "rollback", ROLLBACK).set_defaults(command=_rollback)
    history = subcommands.add_parser("history", help=HISTORY, description=f"Second Look: {HISTORY}")
    history.set_defaults(command=_history, failure=1)
    history.add_argument("--last", type=int, default=20, metavar="N", help="so many of them (20)")


def _recorded(subcommands: "Subcommands", name: str, told: str) -> argparse.ArgumentParser:
    """Add a command that leaves a record."""
    whole = f"Second Look: {told}. {STATUSES}"
    command: argparse.ArgumentParser = subcommands.add_parser(name, help=told, description=whole)
    command.set_defaults(failure=1)
    as_json = "print the record as one JSON object at the end, and nothing else"
    command.add_argument("--json", action="store_true", help=as_json)
    return command


def _retrain(arguments: argparse.Namespace) -> None:
    from stages.commands import retrain
    from stages.core.params import load

    dry_run, force, as_json = arguments.dry_run, arguments.force, arguments.json
    sys.exit(retrain.run(load(), dry_run=dry_run, force=force, as_json=as_json))


def _promote(arguments: argparse.Namespace) -> None:
    from stages.commands import promote
    from stages.core.params import load

    sys.exit(promote.run(load(), arguments.run, as_json=arguments.json))


def _rollback(arguments: argparse.Namespace) -> None:
    from stages.commands import rollback
    from stages.core.params import load

    sys.exit(rollback.run(load(), as_json=arguments.json))


def _history(arguments: argparse.Namespace) -> None:
    from stages.commands import history

    history.run(arguments.last)
