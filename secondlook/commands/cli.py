"""The one door: `python -m stages <stage or command>`, also installed as `secondlook`."""

import argparse
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from secondlook.config.errors import SecondLookError

if TYPE_CHECKING:
    from secondlook.config.params import Params

if TYPE_CHECKING:
    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]  # noqa: SLF001 - has no other name
PREDICT_SUMMARY = "answer about pictures of your own, and say what speaks against trusting it"
PREDICT_DESCRIPTION = (
    f"Second Look: {PREDICT_SUMMARY}. Exit status: 0 when all were answered, 1 when some were "
    "not, 2 when "
    "none was."
)
INSPECT_SUMMARY = (
    "show what each layer of a network makes of a picture, and where the answer comes from"
)
REPRODUCE_SUMMARY = "make a run of MLflow again, and say whether it is the same"
REPRODUCE_DESCRIPTION = (
    f"Second Look: {REPRODUCE_SUMMARY}. The workspace is left alone. Exit status: 0 for the "
    "very same "
    "bytes, 1 for others, 2 where it could not be made."
)
RETRAIN_STATUSES = (
    "Exit status: 0 promoted or nothing to do, 3 not better and the champion kept, 75 another "
    "one goes on, 1 failed or stopped and the champion kept."
)
RETRAIN_SUMMARY = (
    "retrain where anything changed; a better model goes into service, a worse one never"
)
PROMOTE_SUMMARY = "put a run of MLflow into service by hand"
ROLLBACK_SUMMARY = "put the model back into service that was there before"
HISTORY_SUMMARY = "print what came of the last retrainings"


def _add_commands(subcommands: "Subparsers") -> None:
    """Add all of them to the door."""
    _add_predict(
        subcommands.add_parser("predict", help=PREDICT_SUMMARY, description=PREDICT_DESCRIPTION)
    )
    inspected = f"Second Look: {INSPECT_SUMMARY}."
    _add_inspect(subcommands.add_parser("inspect", help=INSPECT_SUMMARY, description=inspected))
    _add_reproduce(
        subcommands.add_parser(
            "reproduce", help=REPRODUCE_SUMMARY, description=REPRODUCE_DESCRIPTION
        )
    )
    _add_retraining(subcommands)


def _add_predict(command: argparse.ArgumentParser) -> None:
    """Take pictures and a network; exit status 2 says that nothing was answered."""
    command.set_defaults(command=_run_predict, failure=2)
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
    command.add_argument(
        "--top", type=_parse_count, default=3, metavar="K", help="classes told of (3)"
    )
    command.add_argument("--json", dest="as_json", action="store_true", help="a line of JSON each")
    command.add_argument(
        "--report", type=_parse_path, metavar="FILE", help="write a page for a browser"
    )


def _parse_count(text: str) -> int:
    """Return a number of one or more."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"found {text}; expected 1 or more")
    return int(text)


def _parse_path(name: str) -> Path:
    """Return a file that is named from the folder where the user is."""
    return Path.cwd() / name


def _add_inspect(command: argparse.ArgumentParser) -> None:
    """Take one picture and a run of params.yaml, both with a choice where nobody says which."""
    command.set_defaults(command=_run_inspect, failure=1)
    named = "a file; else the first test image of the class in question"
    command.add_argument("picture", nargs="?", metavar="IMAGE", help=named)
    command.add_argument("--run", help="of params.yaml; else the best run on validation")
    told = "the page to write; else inspect.html where you are"
    command.add_argument("--report", type=_parse_path, metavar="FILE", help=told)


def _add_reproduce(command: argparse.ArgumentParser) -> None:
    """Take a run of MLflow; exit status 2 says that it could not be made again."""
    command.set_defaults(command=_run_reproduce, failure=2)
    command.add_argument("run", help="the id of a run in MLflow, or its name if no other has it")
    told = "run its parameters on this commit's code and today's images, and compare by image"
    command.add_argument("--against", metavar="REVISION", help=told)


def _add_retraining(subcommands: "Subparsers") -> None:
    """Add retrain, promote, rollback and history."""
    retrain = _add_recording_command(subcommands, "retrain", RETRAIN_SUMMARY)
    retrain.set_defaults(command=_run_retrain)
    retrain.add_argument("--dry-run", action="store_true", help="only say what it would do")
    retrain.add_argument(
        "--force", action="store_true", help="train everything again, also where nothing changed"
    )
    promote = _add_recording_command(subcommands, "promote", PROMOTE_SUMMARY)
    promote.set_defaults(command=_run_promote)
    promote.add_argument("run", help="the id of a run in MLflow, or its name if no other has it")
    _add_recording_command(subcommands, "rollback", ROLLBACK_SUMMARY).set_defaults(
        command=_run_rollback
    )
    history = subcommands.add_parser(
        "history", help=HISTORY_SUMMARY, description=f"Second Look: {HISTORY_SUMMARY}"
    )
    history.set_defaults(command=_run_history, failure=1)
    history.add_argument("--last", type=int, default=20, metavar="N", help="so many of them (20)")


def _add_recording_command(
    subcommands: "Subparsers", name: str, told: str
) -> argparse.ArgumentParser:
    """Add a command that leaves a record."""
    whole = f"Second Look: {told}. {RETRAIN_STATUSES}"
    command: argparse.ArgumentParser = subcommands.add_parser(name, help=told, description=whole)
    command.set_defaults(failure=1)
    as_json = "print the record as one JSON object at the end, and nothing else"
    command.add_argument("--json", action="store_true", help=as_json)
    return command


def _run_predict(arguments: argparse.Namespace) -> None:
    from secondlook.commands import predict
    from secondlook.config.params import load_params

    names = ("pictures", "here", "run", "model", "invert", "top", "as_json", "report")
    asked = predict.PredictOptions(**{name: getattr(arguments, name) for name in names})
    sys.exit(predict.run(load_params(), asked))


def _run_inspect(arguments: argparse.Namespace) -> None:
    from secondlook.commands import inspect
    from secondlook.config.params import load_params

    names = ("picture", "here", "run", "report")
    inspect.run(
        load_params(), inspect.InspectOptions(**{name: getattr(arguments, name) for name in names})
    )


def _run_reproduce(arguments: argparse.Namespace) -> None:
    """Whatever params.yaml says now: the run has its own."""
    from secondlook.commands import reproduce

    sys.exit(reproduce.run(arguments.run, arguments.against))


def _run_retrain(arguments: argparse.Namespace) -> None:
    from secondlook.commands.retrain import run
    from secondlook.config.params import load_params

    dry_run, force, as_json = arguments.dry_run, arguments.force, arguments.json
    sys.exit(run(load_params(), dry_run=dry_run, force=force, as_json=as_json))


def _run_promote(arguments: argparse.Namespace) -> None:
    from secondlook.commands.promote import run
    from secondlook.config.params import load_params

    sys.exit(run(load_params(), arguments.run, as_json=arguments.json))


def _run_rollback(arguments: argparse.Namespace) -> None:
    from secondlook.commands import rollback
    from secondlook.config.params import load_params

    sys.exit(rollback.run(load_params(), as_json=arguments.json))


def _run_history(arguments: argparse.Namespace) -> None:
    from secondlook.commands.history import run

    run(arguments.last)


StageAction = Callable[["Params", argparse.Namespace], None]
CommandFunction = Callable[[argparse.Namespace], None]


def _run_split(params: "Params", _: argparse.Namespace) -> None:
    from stages import split

    split.run(params)


def _run_preprocess(params: "Params", _: argparse.Namespace) -> None:
    from stages import preprocess

    preprocess.run(params)


def _run_train(params: "Params", arguments: argparse.Namespace) -> None:
    from secondlook.tracking import live
    from stages import train

    with live.follow_training(params, arguments.run) as log_epoch:
        train.run(params, arguments.run, log_epoch)


def _run_evaluate(params: "Params", arguments: argparse.Namespace) -> None:
    from stages import evaluate

    evaluate.run(params, arguments.run)


def _run_compare(params: "Params", _: argparse.Namespace) -> None:
    from stages import compare

    compare.run(params)


def _run_report(params: "Params", _: argparse.Namespace) -> None:
    from stages import report

    report.run(params)


def _run_track(params: "Params", _: argparse.Namespace) -> None:
    from stages import track

    track.run(params)


def _run_leaderboard(params: "Params", _: argparse.Namespace) -> None:
    from secondlook.commands import leaderboard

    leaderboard.run(params)


# name: what it does, what is called, whether it takes the name of a run
STAGES: dict[str, tuple[str, StageAction, bool]] = {
    "split": ("decide which image trains, validates and tests", _run_split, False),
    "preprocess": ("turn pictures into arrays of one size", _run_preprocess, False),
    "train": ("fit one run of params.yaml", _run_train, True),
    "evaluate": ("turn the predictions of one run into numbers", _run_evaluate, True),
    "compare": ("say which differences between runs are real", _run_compare, False),
    "report": ("draw all runs on one page", _run_report, False),
    "track": ("mirror everything into MLflow", _run_track, False),
    "leaderboard": ("print the runs side by side", _run_leaderboard, False),
}


def _load_params_first(action: StageAction) -> CommandFunction:
    """Check params.yaml before anything else; who interrupts that is answered, too."""

    def command(arguments: argparse.Namespace) -> None:
        from secondlook.config.params import load_params

        action(load_params(), arguments)

    return command


def _build_parser() -> argparse.ArgumentParser:
    """Return the command line: one subcommand per stage and command."""
    top = argparse.ArgumentParser(
        prog="secondlook",
        description="First looks can be deceiving: train the variants of an image classifier "
        "side by side and see what their numbers mean.",
        epilog="The stages run in this order through `dvc repro`; `make ui` opens MLflow.",
    )
    subcommands = top.add_subparsers(metavar="stage or command", required=True)
    for name, (summary, action, takes_run) in STAGES.items():
        command = subcommands.add_parser(name, help=summary, description=f"Second Look: {summary}.")
        command.set_defaults(command=_load_params_first(action), failure=1)
        if takes_run:
            command.add_argument("run", help="an entry of `runs:` in params.yaml")
    _add_commands(subcommands)
    return top


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


def run_command(arguments: argparse.Namespace) -> None:
    """Do what the command line asks for; a user's mistake is one line on stderr."""
    from pydantic_core import SchemaError

    try:
        _enter_project()
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
        run_command(_build_parser().parse_args(namespace=argparse.Namespace(here=Path.cwd())))
    except KeyboardInterrupt as interruption:
        outlook = str(interruption) or "nothing half-written was left"
        print(f"secondlook: interrupted; {outlook}", file=sys.stderr)
        sys.exit(130)


if __name__ == "__main__":
    main()
