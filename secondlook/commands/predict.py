"""Answer about pictures that the network has never seen, and say what speaks against trusting it.

Nothing of the project is changed. Pictures are read, asked about and told of one after the other:
ten thousand take no more memory than a hundred.
"""

import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.console import Console
from rich.progress import track

from secondlook.commands.command_group import ProjectCommand, parse_path
from secondlook.config.errors import TrackingError
from secondlook.config.params import Params, load_params
from secondlook.config.processes import make_temporary_folder
from secondlook.evaluation.run_artifacts import find_best_run, locate_trained_run
from secondlook.report import render
from secondlook.serving import inputs, output
from secondlook.serving.inputs import InputImage, InvertMode, ModelFiles
from secondlook.serving.output import Prediction, PredictionSummary, Rejected
from secondlook.serving.pages import MAX_CARDS, PredictionCard, build_card, build_predict_context
from secondlook.training import environment

if TYPE_CHECKING:
    from secondlook.serving.predictor import Predictor

ImageOutcome = tuple[InputImage, Prediction | Rejected]


USAGE = """IMAGE is a file, a folder, a pattern (in quotes), or - for one picture on standard input.

Exit status: 0 when all were answered, 1 when some were not, 2 when none was.
"""


@dataclass(frozen=True)
class PredictOptions:
    """What the command line asks for; names of pictures are relative to `here`."""

    pictures: list[str]
    here: Path
    run: str | None = None
    model: str | None = None
    invert: InvertMode = "never"
    top: int = 3
    as_json: bool = False
    report: Path | None = None


@click.command(cls=ProjectCommand, failure_status=2, help=f"{__doc__}\n\n{USAGE}")
@click.argument("pictures", nargs=-1, required=True, metavar="IMAGE...")
@click.option(
    "--run", "name", metavar="RUN", help="Of params.yaml; else the champion, or the best run."
)
@click.option("--model", metavar="MODEL", help="A run's id in MLflow, or models:/name@alias.")
@click.option(
    "--invert",
    type=click.Choice(["never", "auto", "always"]),
    default="never",
    show_default=True,
    help="Exchange light and dark: auto, where that makes a picture more like those of training.",
)
@click.option(
    "--top",
    type=click.IntRange(min=1),
    default=3,
    metavar="K",
    show_default=True,
    help="Classes told of.",
)
@click.option("--json", "as_json", is_flag=True, help="A line of JSON for each picture.")
@click.option("--report", metavar="FILE", callback=parse_path, help="Write a page for a browser.")
@click.pass_obj
def command(  # noqa: PLR0913 - one for each option
    here: Path,
    *,
    pictures: tuple[str, ...],
    name: str | None,
    model: str | None,
    invert: InvertMode,
    top: int,
    as_json: bool,
    report: Path | None,
) -> int:
    """Answer about pictures."""
    if name and model:
        raise click.UsageError("--model: not allowed with --run")
    asked = PredictOptions(list(pictures), here, name, model, invert, top, as_json, report)
    return run(load_params(), asked)


def run(params: Params, asked: PredictOptions) -> int:
    """Print what is answered about each picture; return 0 for all, 1 for some, 2 for none.

    Raises SecondLookError where there is no such run or model, or nothing to write the page to.
    """
    if asked.report:
        render.check_page_path(asked.report)
    pictures = list(inputs.find_images(asked.pictures, asked.here))
    with _provide_model_files(params, asked) as parts:
        tally = _predict_images(parts, pictures, asked)
    print(*tally.lines, sep="\n", file=sys.stderr)
    return tally.status


@contextmanager
def _provide_model_files(params: Params, asked: PredictOptions) -> Iterator[ModelFiles]:
    """Give where the network lies: in the workspace, or brought from MLflow for as long as needed.

    Where nobody says which, it is the champion if there is one, else the best run on validation.
    """
    from secondlook.tracking import lookup

    wanted = asked.model or (None if asked.run else _find_champion(params))
    if wanted is None:
        name = asked.run or find_best_run(params)
        locate_trained_run(params, name)
        print(f"asking {name}, trained in this workspace", file=sys.stderr)
        yield ModelFiles.in_workspace(name)
        return
    print(f"asking {wanted}, from MLflow", file=sys.stderr)
    with make_temporary_folder("second-look-predict-") as folder:
        yield ModelFiles.in_folder(lookup.fetch_model(wanted, folder), wanted)


def _find_champion(params: Params) -> str | None:
    """Return the model in service, if there is one; without its store the workspace has to do."""
    from secondlook.tracking import registry

    try:
        return registry.find_champion_uri(params)
    except TrackingError as error:
        print(f"warning: {error}; asking a run of the workspace", file=sys.stderr)
        return None


def _predict_images(
    parts: ModelFiles, pictures: list[InputImage], asked: PredictOptions
) -> PredictionSummary:
    """Ask about each picture, print what is said as it comes, write the page; return the counts."""
    environment.start_tensorflow()
    from secondlook.serving.predictor import Predictor

    served = Predictor(parts)
    tally, cards = (
        PredictionSummary(served.ood_detector.make_drift_monitor()),
        list[PredictionCard](),
    )
    answers = served.predict((picture.read for picture in pictures), asked.invert)
    shown = output.format_json if asked.as_json else output.format_text
    for picture, said in _show_progress(zip(pictures, answers, strict=True), len(pictures)):
        print(shown(picture.name, said, asked.top))
        tally.add(said)
        if asked.report and len(cards) < MAX_CARDS:
            cards.append(_build_card(served, picture, said, asked.top))
    if asked.report:
        page = build_predict_context(served.facts, served.name, cards, tally)
        render.save_page(render.render_page("predict.html.j2", page), asked.report)
    return tally


def _build_card(
    served: "Predictor", picture: InputImage, said: Prediction | Rejected, top: int
) -> PredictionCard:
    """Return what the page shows of a picture; of one that cannot be read, why."""
    if isinstance(said, Rejected):
        return PredictionCard(picture.name, reason=said.reason)
    return build_card(picture, said, served.compute_saliency(said), top)


def _show_progress(told: Iterable[ImageOutcome], total: int) -> Iterable[ImageOutcome]:
    """Yield what is told; where that goes to a file, a terminal shows how far it is."""
    console = Console(stderr=True)
    hidden = sys.stdout.isatty() or not console.is_terminal
    return track(told, "predict", total, console=console, disable=hidden)
