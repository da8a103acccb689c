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

from rich.console import Console
from rich.table import Table
from rich.text import Text

from stages.core import engine, files
from stages.core.data import images, sources
from stages.core.data.items import Content
from stages.core.errors import DataError, RejectedImageError, TrackingError
from stages.core.outputs import facts as data_facts
from stages.core.outputs import layers, passage
from stages.core.outputs.best import best_run, trained
from stages.core.page import document, inside, inspected, prose
from stages.core.page.inside import Shown
from stages.core.page.palette import Look
from stages.core.params import Params
from stages.core.serving import given
from stages.core.serving.answer import Answer, Refused
from stages.core.serving.given import Given
from stages.core.serving.lines import chance
from stages.core.serving.parts import Parts

if TYPE_CHECKING:
    from stages.core.outputs.passage import Passage
    from stages.core.serving.served import Served

PAGE = "inspect.html"
COLUMNS = (
    "output",
    "values",
    "for each\nof the image's",
    "picture\nbrought back",
    "class read\noff it",
)


@dataclass(frozen=True)
class Asked:
    """What the command line asks for; the picture's name is relative to `here`."""

    picture: str | None
    here: Path
    run: str | None = None
    report: Path | None = None


def run(params: Params, asked: Asked) -> None:
    """Print the layers of a run, write a page on what they make of a picture, keep it in MLflow.

    Raises SecondLookError where there is no such run or picture, or the page cannot be written.
    """
    page, name = asked.report or asked.here / PAGE, asked.run or best_run(params)
    document.check(page)
    trained(params, name)
    layers.read(name)
    picture = example(params) if asked.picture is None else named(asked.picture, asked.here)
    content = readable(picture)
    engine.start()
    from stages.core.serving.served import Served

    served = Served(Parts.of_run(name))
    answer = answered(served, content)
    runs = shown(params, name, followed(served, answer))
    told = inspected.context(
        served.facts,
        picture.name,
        content,
        answer=answer,
        saliency=served.saliency(answer),
        runs=runs,
    )
    document.save(document.document("commands/inspect.html.j2", told), page)
    say(runs, picture.name, answer, page)
    keep(params, name, page)


def named(name: str, here: Path) -> Given:
    """Return the picture file that a user names."""
    return Given(name, partial(given.content, here / name))


def example(params: Params) -> Given:
    """Return the picture that stands for all: the first of test of the positive, or first, class.

    It is read where the pipeline read it. Raises DataError when `preprocess` has not run.
    """
    found, labels = data_facts.read(), files.labels("test")
    place = passage.example(labels, found.positive_index)
    rows = files.read_csv(files.folder("preprocess") / "images.csv")
    image = [row["id"] for row in rows if row["split"] == "test"][place]
    name = f"test image {image}, which is “{found.classes[labels[place]]}”"
    return Given(name, lambda: sources.source(params.data).content(image))


def readable(picture: Given) -> Content:
    """Return what is in a picture; DataError, one line, where it cannot be read.

    It is decoded here once more than needed, so that a mistake is told at once.
    """
    try:
        content = picture.read()
        images.see(content, data_facts.read().preparation)
    except RejectedImageError as error:
        raise DataError(f"{picture.name}: {error}; name another picture") from None
    except DataError as error:
        raise DataError(f"{picture.name}: {error}; name a picture file") from None
    return content


def answered(served: "Served", content: Content) -> Answer:
    """Return what the network answers about a picture that can be read."""
    [said] = served.answers([lambda: content])
    if isinstance(said, Refused):
        raise DataError(said.reason)
    return said


def followed(served: "Served", answer: Answer) -> "Passage":
    """Return what layer after layer makes of the picture."""
    from stages.core.inside.follow import passage
    from stages.core.inside.layers import Network

    return passage(Network(served.network), answer.seen.pixels)


def shown(params: Params, name: str, seen: "Passage") -> list[Shown]:
    """Return what is inside the run asked, and of the first run of the other kind, if trained."""
    kind = params.run(name).model
    others = [other for other in inside.pair(params) if params.run(other).model != kind]
    found = inside.read(params, others, {other: Look(1) for other in others})
    return [inside.shown(name, kind, Look(0), seen), *found]


def say(runs: list[Shown], picture: str, answer: Answer, page: Path) -> None:
    """Print the table, what is seen in it, and where the page is."""
    console = Console(highlight=False, soft_wrap=True)
    console.print(f"{picture}: {answer.name}, {chance(answer.probability)}", markup=False)
    for warning in answer.warnings:
        console.print(f"  ! {warning.text}", markup=False)
    for one in runs:
        console.print(table(one))
    for sentence in inside.told(runs):
        console.print(f"\n· {sentence}", markup=False)
    console.print(f"\nSee it drawn:  {page}", markup=False)


def table(one: Shown) -> Table:
    """Return the layers of a run as a table for the terminal."""
    title = f"\n{one.name} ({one.kind}), {one.table.images:,} validation images"
    found = Table(box=None, pad_edge=False, header_style="dim", title=title, title_justify="left")
    found.add_column("layer", vertical="bottom")
    for column in COLUMNS:
        found.add_column(column, justify="right", vertical="bottom")
    for layer in one.table.layers:
        found.add_row(Text(layer.name), *cells(layer))
    return found


def cells(layer: layers.Layer) -> Iterator[str]:
    """Yield the numbers of a layer as text; a dash where one could not be measured."""
    yield " x ".join(map(str, layer.shape))
    yield f"{layer.values:,}"
    yield inside.times(layer.kept)
    yield "-" if layer.recovered is None else prose.whole(layer.recovered)
    yield "-" if layer.probe is None else prose.percent(layer.probe.value or 0)


def keep(params: Params, name: str, page: Path) -> None:
    """Keep the page with the run in MLflow; where that cannot be, say so."""
    from stages.core import tracking

    try:
        tracking.attach(params, name, page)
    except TrackingError as error:
        print(f"warning: {error}; the page is not kept there", file=sys.stderr)
