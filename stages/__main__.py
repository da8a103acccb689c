"""The one door: `python -m stages <stage or command>`, also installed as `secondlook`."""

import argparse
import os
import sys
from collections.abc import Callable
from pathlib import Path

from stages import doors
from stages.core.errors import SecondLookError
from stages.core.params import Params, load

Action = Callable[[Params, argparse.Namespace], None]
Command = Callable[[argparse.Namespace], None]


def _split(params: Params, _: argparse.Namespace) -> None:
    from stages import split

    split.run(params)


def _preprocess(params: Params, _: argparse.Namespace) -> None:
    from stages import preprocess

    preprocess.run(params)


def _train(params: Params, arguments: argparse.Namespace) -> None:
    from stages import train
    from stages.core import tracking

    with tracking.live(params, arguments.run) as log_epoch:
        train.run(params, arguments.run, log_epoch)


def _evaluate(params: Params, arguments: argparse.Namespace) -> None:
    from stages import evaluate

    evaluate.run(params, arguments.run)


def _compare(params: Params, _: argparse.Namespace) -> None:
    from stages import compare

    compare.run(params)


def _report(params: Params, _: argparse.Namespace) -> None:
    from stages import report

    report.run(params)


def _track(params: Params, _: argparse.Namespace) -> None:
    from stages import track

    track.run(params)


def _leaderboard(params: Params, _: argparse.Namespace) -> None:
    from stages.commands import leaderboard

    leaderboard.run(params)


def _reproduce(arguments: argparse.Namespace) -> None:
    """Whatever params.yaml says now: the run has its own."""
    from stages.commands import reproduce

    sys.exit(reproduce.run(arguments.run, arguments.against))


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


REPRODUCE = "make a run of MLflow again, and say whether it is the same"
REPRODUCED = (
    f"Second Look: {REPRODUCE}. The workspace is left alone. Exit status: 0 for the very same "
    "bytes, 1 for others, 2 where it could not be made."
)


def _with_params(action: Action) -> Command:
    """Check params.yaml before anything else."""
    return lambda arguments: action(load(), arguments)


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
    _add_reproduce(subcommands.add_parser("reproduce", help=REPRODUCE, description=REPRODUCED))
    return top


def _add_reproduce(command: argparse.ArgumentParser) -> None:
    """Take a run of MLflow; exit status 2 says that it could not be made again."""
    command.set_defaults(command=_reproduce, failure=2)
    command.add_argument("run", help="the id of a run in MLflow, or its name if no other has it")
    told = "run its parameters on this commit's code and today's images, and compare by image"
    command.add_argument("--against", metavar="REVISION", help=told)


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


def main() -> None:
    """Run one stage or command; a user's mistake is one line on stderr and exit status 1 or 2."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # else it reports the GPUs it has not
    arguments = parser().parse_args()
    try:
        enter_project()
        arguments.command(arguments)
    except SecondLookError as error:
        print(f"secondlook: {error}", file=sys.stderr)
        sys.exit(arguments.failure)
    except KeyboardInterrupt as interruption:
        outlook = str(interruption) or "nothing half-written was left"
        print(f"secondlook: interrupted; {outlook}", file=sys.stderr)
        sys.exit(130)


if __name__ == "__main__":
    main()
