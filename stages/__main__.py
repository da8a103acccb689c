"""The one door: `python -m stages <stage or command>`, also installed as `secondlook`."""

import argparse
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from stages import doors
from stages.core.errors import SecondLookError

if TYPE_CHECKING:
    from stages.core.params import Params

Action = Callable[["Params", argparse.Namespace], None]
Command = Callable[[argparse.Namespace], None]


def _split(params: "Params", _: argparse.Namespace) -> None:
    from stages import split

    split.run(params)


def _preprocess(params: "Params", _: argparse.Namespace) -> None:
    from stages import preprocess

    preprocess.run(params)


def _train(params: "Params", arguments: argparse.Namespace) -> None:
    from stages import train
    from stages.core import tracking

    with tracking.live(params, arguments.run) as log_epoch:
        train.run(params, arguments.run, log_epoch)


def _evaluate(params: "Params", arguments: argparse.Namespace) -> None:
    from stages import evaluate

    evaluate.run(params, arguments.run)


def _compare(params: "Params", _: argparse.Namespace) -> None:
    from stages import compare

    compare.run(params)


def _report(params: "Params", _: argparse.Namespace) -> None:
    from stages import report

    report.run(params)


def _track(params: "Params", _: argparse.Namespace) -> None:
    from stages import track

    track.run(params)


def _leaderboard(params: "Params", _: argparse.Namespace) -> None:
    from stages.commands import leaderboard

    leaderboard.run(params)


# name: what it does, what is called, whether it takes the name of a run
ACTIONS: dict[str, tuple[str, Action, bool]] = {
    "split": ("decide which image trains, validates and tests", _split, False),
    "preprocess": ("turn pictures into arrays of one size", _preprocess, False),
    "train": ("fit one run of params.yaml", _train, True),
    "evaluate": ("turn the predictions of one run into numbers", _evaluate, True),
    "compare": ("say which differences between runs are real", _compare, False),
    "report": ("draw all runs on one page", _report, False),
    "track": ("mirror everything into MLflow", _track, False),
    "leaderboard": ("print the runs side by side", _leaderboard, False),
}


def _with_params(action: Action) -> Command:
    """Check params.yaml before anything else; who interrupts that is answered, too."""

    def command(arguments: argparse.Namespace) -> None:
        from stages.core.params import load

        action(load(), arguments)

    return command


def parser() -> argparse.ArgumentParser:
    """Return the command line: one subcommand per stage and command."""
    top = argparse.ArgumentParser(
        prog="secondlook",
        description="First looks can be deceiving: train the variants of an image classifier "
        "side by side and see what their numbers mean.",
        epilog="The stages run in this order through `dvc repro`; `make ui` opens MLflow.",
    )
    subcommands = top.add_subparsers(metavar="stage or command", required=True)
    for name, (summary, action, takes_run) in ACTIONS.items():
        command = subcommands.add_parser(name, help=summary, description=f"Second Look: {summary}.")
        command.set_defaults(command=_with_params(action), failure=1)
        if takes_run:
            command.add_argument("run", help="an entry of `runs:` in params.yaml")
    doors.add(subcommands)
    return top


def enter_project() -> None:
    """Make the nearest folder upwards that holds dvc.yaml the current one.

    Raises SecondLookError when there is none.
    """
    here = Path.cwd()
    for folder in (here, *here.parents):
        if (folder / "dvc.yaml").exists():
            os.chdir(folder)
            return
    raise SecondLookError(f"{here}: no dvc.yaml here or above; run from the project's folder")


def perform(arguments: argparse.Namespace) -> None:
    """Do what the command line asks for; a user's mistake is one line on stderr."""
    from pydantic_core import SchemaError

    try:
        enter_project()
        arguments.command(arguments)
    except SecondLookError as error:
        print(f"secondlook: {error}", file=sys.stderr)
        sys.exit(arguments.failure)
    except SchemaError as error:
        # pydantic makes this of Ctrl-C that comes while it builds a class.
        if "KeyboardInterrupt" in str(error):
            raise KeyboardInterrupt from None
        raise


def main() -> None:
    """Run one stage or command; exit status 1 or 2 after a user's mistake, 130 after Ctrl-C."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # else it reports the GPUs it has not
    try:
        perform(parser().parse_args(namespace=argparse.Namespace(here=Path.cwd())))
    except KeyboardInterrupt as interruption:
        outlook = str(interruption) or "nothing half-written was left"
        print(f"secondlook: interrupted; {outlook}", file=sys.stderr)
        sys.exit(130)


if __name__ == "__main__":
    main()
