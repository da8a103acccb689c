"""Look inside a network: what each layer makes of a picture, and where the answer comes from.

Nothing of the project is changed; the page is also kept among the artifacts of the run in MLflow,
where it was tracked.
"""

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from secondlook.artifacts import dataset_card, layer_artifact, manifest
from secondlook.commands.command_group import ProjectCommand, parse_path
from secondlook.config.errors import DataError, RejectedImageError, TrackingError
from secondlook.config.params import Params, load_params
from secondlook.data import decoding, sources
from secondlook.data.splitting import ImageContent
from secondlook.evaluation import formatting
from secondlook.evaluation.run_artifacts import find_best_run, locate_trained_run
from secondlook.report import network_view, render
from secondlook.report.network_view import NetworkView
from secondlook.report.theme import Style
from secondlook.serving import inputs, pages
from secondlook.serving.inputs import InputImage, ModelFiles
from secondlook.serving.output import Prediction, Rejected
from secondlook.training import environment

if TYPE_CHECKING:
    from secondlook.artifacts.layer_artifact import Activations
    from secondlook.serving.predictor import Predictor

DEFAULT_PAGE = "inspect.html"
TABLE_COLUMNS = (
    "output",
    "values",
    "for each\nof the image's",
    "picture\nbrought back",
    "class read\noff it",
)


@dataclass(frozen=True)
class InspectOptions:
    """What the command line asks for; the picture's name is relative to `here`."""

    picture: str | None
    here: Path
    run: str | None = None
    report: Path | None = None


@click.command(
    cls=ProjectCommand,
    help=f"{__doc__}\n\nIMAGE is a file; else it is the first test image of the class in question.",
)
@click.argument("picture", metavar="[IMAGE]", required=False)
@click.option("--run", "name", metavar="RUN", help="Of params.yaml; else the best on validation.")
@click.option(
    "--report",
    metavar="FILE",
    callback=parse_path,
    help="The page to write; else inspect.html where you are.",
)
@click.pass_obj
def command(here: Path, picture: str | None, name: str | None, report: Path | None) -> None:
    """Look inside a network."""
    run(load_params(), InspectOptions(picture, here, name, report))


def run(params: Params, asked: InspectOptions) -> None:
    """Print the layers of a run, write a page on what they make of a picture, keep it in MLflow.

    Raises SecondLookError where there is no such run or picture, or the page cannot be written.
    """
    page, name = asked.report or asked.here / DEFAULT_PAGE, asked.run or find_best_run(params)
    render.check_page_path(page)
    locate_trained_run(params, name)
    layer_artifact.load_layer_report(name)
    picture = (
        _make_example_input(params)
        if asked.picture is None
        else _make_file_input(asked.picture, asked.here)
    )
    content = _read_image(picture)
    environment.start_tensorflow()
    from secondlook.serving.predictor import Predictor

    served = Predictor(ModelFiles.in_workspace(name))
    answer = _predict_image(served, content)
    runs = _build_views(params, name, _compute_activations(served, answer))
    told = pages.build_inspect_context(
        served.facts,
        picture.name,
        content,
        answer=answer,
        saliency=served.compute_saliency(answer),
        runs=runs,
    )
    render.save_page(render.render_page("inspect.html.j2", told), page)
    _print_views(runs, picture.name, answer, page)
    _attach_page(params, name, page)


def _make_file_input(name: str, here: Path) -> InputImage:
    """Return the picture file that a user names."""
    return InputImage(name, partial(inputs.read_bytes, here / name))


def _make_example_input(params: Params) -> InputImage:
    """Return the picture that stands for all: the first of test of the positive, or first, class.

    It is read where the pipeline read it. Raises DataError when `preprocess` has not run.
    """
    found, labels = dataset_card.load_dataset_card(), manifest.load_labels("test")
    place = layer_artifact.find_example(labels, found.positive_index)
    image = [row.id for row in manifest.load_prepared_rows() if row.split == "test"][place]
    name = f"test image {image}, which is “{found.classes[labels[place]]}”"
    return InputImage(name, lambda: sources.open_source(params.data).content(image))


def _read_image(picture: InputImage) -> ImageContent:
    """Return what is in a picture; DataError, one line, where it cannot be read.

    It is decoded here once more than needed, so that a mistake is told at once.
    """
    try:
        content = picture.read()
        decoding.decode_image(content, dataset_card.load_dataset_card().preparation)
    except RejectedImageError as error:
        raise DataError(f"{picture.name}: {error}; name another picture") from None
    except DataError as error:
        raise DataError(f"{picture.name}: {error}; name a picture file") from None
    return content


def _predict_image(served: "Predictor", content: ImageContent) -> Prediction:
    """Return what the network answers about a picture that can be read."""
    [said] = served.predict([lambda: content])
    if isinstance(said, Rejected):
        raise DataError(said.reason)
    return said


def _compute_activations(served: "Predictor", answer: Prediction) -> "Activations":
    """Return what layer after layer makes of the picture."""
    from secondlook.training.layer_outputs import LayeredNetwork, compute_activations

    return compute_activations(LayeredNetwork(served.network), answer.seen.pixels)


def _build_views(params: Params, name: str, seen: "Activations") -> list[NetworkView]:
    """Return what is inside the run asked, and of the first run of each other kind, if trained."""
    kind = params.run(name).model
    others = [
        other
        for other in network_view.select_shown_networks(params)
        if params.run(other).model != kind
    ]
    looks = {other: Style(i) for i, other in enumerate(others, start=1)}
    found = network_view.load_network_views(params, others, looks)
    return [network_view.load_network_view(name, kind, Style(0), seen), *found]


def _print_views(runs: list[NetworkView], picture: str, answer: Prediction, page: Path) -> None:
    """Print the table, what is seen in it, and where the page is."""
    console = Console(highlight=False, soft_wrap=True)
    console.print(
        f"{picture}: {answer.name}, {formatting.format_probability(answer.probability)}",
        markup=False,
    )
    for warning in answer.warnings:
        console.print(f"  ! {warning.text}", markup=False)
    for one in runs:
        console.print(_build_table(one))
    for sentence in network_view.describe_networks(runs):
        console.print(f"\n· {sentence}", markup=False)
    console.print(f"\nSee it drawn:  {page}", markup=False)


def _build_table(one: NetworkView) -> Table:
    """Return the layers of a run as a table for the terminal."""
    title = f"\n{one.name} ({one.kind}), {one.table.images:,} validation images"
    found = Table(box=None, pad_edge=False, header_style="dim", title=title, title_justify="left")
    found.add_column("layer", vertical="bottom", overflow="fold")
    for column in TABLE_COLUMNS:
        found.add_column(column, justify="right", vertical="bottom")
    for layer in one.table.layers:
        found.add_row(Text(layer.name), *_format_cells(layer))
    return found


def _format_cells(layer: layer_artifact.LayerSummary) -> Iterator[str]:
    """Yield the numbers of a layer as text; a dash where one could not be measured."""
    yield " x ".join(map(str, layer.shape))
    yield f"{layer.values:,}"
    yield formatting.format_ratio(layer.kept)
    yield "-" if layer.recovered is None else formatting.format_whole_percent(layer.recovered)
    yield "-" if layer.probe is None else formatting.format_rounded_percent(layer.probe.value or 0)


def _attach_page(params: Params, name: str, page: Path) -> None:
    """Keep the page with the run in MLflow; where that cannot be, say so."""
    from secondlook.tracking import upload

    try:
        upload.attach_page(params, name, page)
    except TrackingError as error:
        print(f"warning: {error}; the page is not kept there", file=sys.stderr)
