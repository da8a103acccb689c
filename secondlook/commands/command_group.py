"""All stages and commands by name, and what they share: a project, and mistakes told in one line.

What is said of a stage or command is the first line of its file, read without importing it: help
and completion are there at once.
"""

import ast
import importlib
import importlib.util
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.shell_completion import CompletionItem

from secondlook.config.errors import SecondLookError

if TYPE_CHECKING:
    from secondlook.config.params import Params

RUN_STAGES = ("train", "evaluate")  # those that take the name of a run
TRIAL_STAGE = "trial"  # takes the name of a trial; its pipeline is data/sweep/dvc.yaml
STAGES = ("split", "preprocess", "train", "evaluate", "compare", "report", "track")
COMMANDS = (
    *("repro", "sweep", "leaderboard", "predict", "inspect", "export", "weights", "reproduce"),
    *("retrain", "promote", "rollback", "history"),
)
# name: the module that does it
MODULES = {name: f"stages.{name}" for name in (*STAGES, TRIAL_STAGE)} | {
    name: f"secondlook.commands.{name}" for name in COMMANDS
}
COMPLETION_VARIABLE = "_SECONDLOOK_COMPLETE"
RETRAINING_STATUSES = (
    "Exit status: 0 promoted or nothing to do, 3 not better and the champion kept, 75 another "
    "one goes on, 1 failed or stopped and the champion kept."
)
JSON_HELP = "Print the record as one JSON object at the end, and nothing else."
RUN_HELP = "RUN is the id of a run in MLflow, or its name if no other has it."


class LazyGroup(click.Group):
    """All stages and commands; the module of one is imported when that one is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - as click calls it
        """Return all names, in the order of the help."""
        return list(MODULES)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """Return the command with this name, None where there is none."""
        if cmd_name in (*STAGES, TRIAL_STAGE):
            return _build_stage_command(cmd_name)
        if cmd_name in COMMANDS:
            with unwrap_interruption():
                found: click.Command = importlib.import_module(MODULES[cmd_name]).command
            return found
        return None

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Return the command that is meant; a name that is none is told with the nearest one."""
        name = args[0]
        if name not in MODULES and not name.startswith("-"):
            near = get_close_matches(name, MODULES, n=1)
            advice = f"did you mean {near[0]}?" if near else f"expected one of {', '.join(MODULES)}"
            ctx.fail(f"no stage or command {name!r}; {advice}")
        return super().resolve_command(ctx, args)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Return the names that a shell may complete, with what each does."""
        if incomplete.startswith("-"):
            return super().shell_complete(ctx, incomplete)
        return [
            CompletionItem(name, help=read_summary(name))
            for name in MODULES
            if name.startswith(incomplete)
        ]

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """Write the list of commands for the help."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, read_summary(name)) for name in MODULES])


def read_summary(name: str) -> str:
    """Return what a stage or command does: the first line of its file."""
    found = importlib.util.find_spec(MODULES[name])
    if found is None or found.origin is None:
        raise ModuleNotFoundError(MODULES[name])
    told = ast.get_docstring(ast.parse(Path(found.origin).read_bytes())) or ""
    return told.partition("\n")[0]


def _build_stage_command(name: str) -> click.Command:
    """Return the command of a stage, which takes the name of a run or trial, or nothing."""
    named = {**dict.fromkeys(RUN_STAGES, "RUN"), TRIAL_STAGE: "TRIAL"}.get(name)
    takes_run = [click.Argument(["run"], metavar=named)] if named else []
    told = read_summary(name)
    if named == "RUN":
        told += "\n\nRUN is an entry of `runs:` in params.yaml."
    elif named:
        told += "\n\nTRIAL is one that `secondlook sweep` wrote into data/sweep/points.yaml."

    def run_stage(**arguments: str) -> None:
        # params.yaml is checked before anything else is imported, which takes seconds.
        from secondlook.config.params import load_params

        params = load_params()
        stage = importlib.import_module(MODULES[name])
        from secondlook.config.dvc import end_with_dvc

        with end_with_dvc():
            if name == "train":
                from secondlook.tracking import live

                with live.follow_training(params, arguments["run"]) as log_epoch:
                    stage.run(params, arguments["run"], log_epoch)
            elif name == TRIAL_STAGE:
                _run_trial(params, arguments["run"], stage.run)
            else:
                stage.run(params, *arguments.values())

    # A run called like an option is refused by params.yaml, which says why.
    settings = {"ignore_unknown_options": bool(takes_run)}
    return ProjectCommand(
        name, params=[*takes_run], callback=run_stage, help=told, context_settings=settings
    )


def _run_trial(params: "Params", name: str, run: Callable[..., None]) -> None:
    """Run the stage, and note for MLflow when it was: nobody follows the epochs of a trial."""
    from secondlook.config.sweeps import load_trial_params
    from secondlook.tracking.provenance import note_training_times
    from secondlook.training.environment import compute_training_key

    with note_training_times(compute_training_key(load_trial_params(name))):
        run(params, name, lambda _epoch, _numbers: None)


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


# Of commands that train: where, and how much at once.
jobs_option = click.option(
    "--jobs",
    type=click.IntRange(min=1),
    metavar="N",
    help="So many trainings at once; else as many as cores, memory and GPUs allow.",
)
ray_option = click.option(
    "--ray",
    "address",
    metavar="ADDRESS",
    help="Train on the nodes of a Ray cluster: auto, HOST:PORT or ray://HOST:10001.",
)


def parse_path(_context: click.Context, _option: click.Parameter, name: str | None) -> Path | None:
    """Return a file that is named from the folder where the user is; links are kept."""
    return None if name is None else Path.cwd() / name


def _enter_project() -> None:
    """Enter the nearest folder upwards that holds dvc.yaml; SecondLookError if there is none."""
    here = Path.cwd()
    for folder in (here, *here.parents):
        if (folder / "dvc.yaml").exists():
            os.chdir(folder)
            return
    raise SecondLookError(f"{here}: no dvc.yaml here or above; run from the project's folder")


cli = LazyGroup(
    "secondlook",
    help="First looks can be deceiving: train the variants of an image classifier side by side "
    "and see what their numbers mean.",
    epilog="The stages run in this order through `dvc repro`; `make ui` opens MLflow.\n\n"
    f'\b\nCompletion by TAB:  eval "$({COMPLETION_VARIABLE}=bash_source secondlook)"',
    context_settings={"help_option_names": ["-h", "--help"]},
    subcommand_metavar="STAGE_OR_COMMAND ...",
)


def run_command_line(arguments: list[str]) -> int:
    """Run one stage or command, or complete what a shell asks for; return the exit status.

    click's own main() would make one line of EOFError, which is a bug here.
    """
    if os.environ.get(COMPLETION_VARIABLE):
        cli.main(prog_name="secondlook")
    try:
        with cli.make_context("secondlook", arguments, obj=Path.cwd()) as context:
            return cli.invoke(context) or 0
    except click.exceptions.Exit as leaving:
        return leaving.exit_code
    except click.ClickException as mistake:
        mistake.show()
        return mistake.exit_code
