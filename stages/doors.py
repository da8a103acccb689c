"""The subcommands around the pipeline: what people ask, and what schedulers call."""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    Subcommands = argparse._SubParsersAction[argparse.ArgumentParser]  # noqa: SLF001 - has no other name

PREDICT = "answer about pictures of your own, and say what speaks against trusting it"
PREDICTED = (
    f"Second Look: {PREDICT}. Exit status: 0 when all were answered, 1 when some were not, 2 when "
    "none was."
)
INSPECT = "show what each layer of a network makes of a picture, and where the answer comes from"
REPRODUCE = "make a run of MLflow again, and say whether it is the same"
REPRODUCED = (
    f"Second Look: {REPRODUCE}. The workspace is left alone. Exit status: 0 for the very same "
    "bytes, 1 for others, 2 where it could not be made."
)
STATUSES = (
    "Exit status: 0 promoted or nothing to do, 3 not better and the champion kept, 75 another "
    "one goes on, 1 failed or stopped and the champion kept."
)
RETRAIN = "retrain where anything changed; a better model goes into service, a worse one never"
PROMOTE = "put a run of MLflow into service by hand"
ROLLBACK = "put the model back into service that was there before"
HISTORY = "print what came of the last retrainings"


def add(subcommands: "Subcommands") -> None:
    """Add all of them to the door."""
    _add_predict(subcommands.add_parser("predict", help=PREDICT, description=PREDICTED))
    inspected = f"Second Look: {INSPECT}."
    _add_inspect(subcommands.add_parser("inspect", help=INSPECT, description=inspected))
    _add_reproduce(subcommands.add_parser("reproduce", help=REPRODUCE, description=REPRODUCED))
    _add_retraining(subcommands)


def _add_predict(command: argparse.ArgumentParser) -> None:
    """Take pictures and a network; exit status 2 says that nothing was answered."""
    command.set_defaults(command=_predict, failure=2)
    named = "file, folder, pattern (in quotes), or - for one picture on standard input"
    command.add_argument("pictures", nargs="+", metavar="IMAGE", help=named)
    network = command.add_mutually_exclusive_group()
    network.add_argument(
        "--run", help="of params.yaml; else the champion, or the best run on validation"
    )
    network.add_argument("--model", help="a run's id in MLflow, or models:/name@alias")
    told = "exchange light and dark: auto, where that makes a picture more like those of training"
    command.add_argument(
        "--invert", choices=("never", "auto", "always"), default="never", help=told
    )
    command.add_argument("--top", type=_count, default=3, metavar="K", help="classes told of (3)")
    command.add_argument("--json", dest="as_json", action="store_true", help="a line of JSON each")
    command.add_argument("--report", type=_file, metavar="FILE", help="write a page for a browser")


def _count(text: str) -> int:
    """Return a number of one or more."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"found {text}; expected 1 or more")
    return int(text)


def _file(name: str) -> Path:
    """Return a file that is named from the folder where the user is."""
    return Path.cwd() / name


def _add_inspect(command: argparse.ArgumentParser) -> None:
    """Take one picture and a run of params.yaml, both with a choice where nobody says which."""
    command.set_defaults(command=_inspect, failure=1)
    named = "a file; else the first test image of the class in question"
    command.add_argument("picture", nargs="?", metavar="IMAGE", help=named)
    command.add_argument("--run", help="of params.yaml; else the best run on validation")
    told = "the page to write; else inspect.html where you are"
    command.add_argument("--report", type=_file, metavar="FILE", help=told)


def _add_reproduce(command: argparse.ArgumentParser) -> None:
    """Take a run of MLflow; exit status 2 says that it could not be made again."""
    command.set_defaults(command=_reproduce, failure=2)
    command.add_argument("run", help="the id of a run in MLflow, or its name if no other has it")
    told = "run its parameters on this commit's code and today's images, and compare by image"
    command.add_argument("--against", metavar="REVISION", help=told)


def _add_retraining(subcommands: "Subcommands") -> None:
    """Add retrain, promote, rollback and history."""
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


def _predict(arguments: argparse.Namespace) -> None:
    from stages.commands import predict
    from stages.core.params import load

    names = ("pictures", "here", "run", "model", "invert", "top", "as_json", "report")
    asked = predict.Asked(**{name: getattr(arguments, name) for name in names})
    sys.exit(predict.run(load(), asked))


def _inspect(arguments: argparse.Namespace) -> None:
    from stages.commands import inspect
    from stages.core.params import load

    names = ("picture", "here", "run", "report")
    inspect.run(load(), inspect.Asked(**{name: getattr(arguments, name) for name in names}))


def _reproduce(arguments: argparse.Namespace) -> None:
    """Whatever params.yaml says now: the run has its own."""
    from stages.commands import reproduce

    sys.exit(reproduce.run(arguments.run, arguments.against))


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
