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


def _reproduce(arguments: argparse.Namespace) -> None:
    """Whatever params.yaml says now: the run has its own."""
    from stages.commands import reproduce

    sys.exit(reproduce.run(arguments.run, arguments.against))


def _predict(params: "Params", arguments: argparse.Namespace) -> None:
    from stages.commands import predict

    names = ("pictures", "here", "run", "model", "invert", "top", "as_json", "report")
    asked = predict.Asked(**{name: getattr(arguments, name) for name in names})
    sys.exit(predict.run(params, asked))


def _inspect(params: "Params", arguments: argparse.Namespace) -> None:
    from stages.commands import inspect

    names = ("picture", "here", "run", "report")
    inspect.run(params, inspect.Asked(**{name: getattr(arguments, name) for name in names}))


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
    _add_predict(subcommands.add_parser("predict", help=PREDICT, description=PREDICTED))
    inspected = f"Second Look: {INSPECT}."
    _add_inspect(subcommands.add_parser("inspect", help=INSPECT, description=inspected))
    _add_reproduce(subcommands.add_parser("reproduce", help=REPRODUCE, description=REPRODUCED))
    return top


def _add_predict(command: argparse.ArgumentParser) -> None:
    """Take pictures and a network; exit status 2 says that nothing was answered."""
    command.set_defaults(command=_with_params(_predict), failure=2)
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
    command.set_defaults(command=_with_params(_inspect), failure=1)
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
    arguments = parser().parse_args(namespace=argparse.Namespace(here=Path.cwd()))
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
