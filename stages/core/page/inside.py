"""What happens inside the networks, ready to be shown: tables, charts, feature maps, words."""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from stages.core import files
from stages.core.outputs import layers as tables
from stages.core.outputs import passage as passages
from stages.core.outputs.layers import Layer, Layers
from stages.core.outputs.passage import Passage
from stages.core.page import gallery, maps, prose
from stages.core.page.gallery import Picture
from stages.core.page.maps import Maps
from stages.core.page.palette import Look
from stages.core.params import Params

KINDS = {"cnn": "convolutional", "dense": "without convolutions"}
LEAST, MOST = 1e-3, 1e2  # values for each of the image's, from no bar to a full one


@dataclass(frozen=True)
class Point:
    """A layer on the chart; heights 0..1: of its bar, its probe and the ends of its interval."""

    layer: Layer
    bar: float
    probe: float | None
    low: float
    high: float


@dataclass(frozen=True)
class Shown:
    """One run: its layers, the chart of them, from `floor` (an accuracy) up, and its maps."""

    name: str
    kind: str
    look: Look
    table: Layers
    floor: float
    lazy: float
    points: Sequence[Point]
    image: Picture
    maps: Sequence[Maps]


def pair(params: Params) -> list[str]:
    """Return the first convolutional and the first dense run, as far as there are such."""
    kinds = {name: params.run(name).model for name in reversed(params.runs)}
    first = {kind: name for name, kind in kinds.items()}
    return [first[kind] for kind in KINDS if kind in first]


def read(params: Params, names: Iterable[str], looks: Mapping[str, Look]) -> list[Shown]:
    """Return what is inside runs, less those where `train` left nothing of it."""
    return [
        shown(name, params.run(name).model, looks[name])
        for name in names
        if (files.folder("train", name) / tables.FILE).exists()
    ]


def shown(name: str, kind: str, look: Look, passage: Passage | None = None) -> Shown:
    """Return what is inside a run, with what it makes of its example, or of another image."""
    table, passage = tables.read(name), passage or passages.read(name)
    lows = [layer.probe.low or 0.0 for layer in table.layers if layer.probe]
    floor = min(math.floor(10 * min([table.lazy, *lows])) / 10, 0.9)
    return Shown(
        name=name,
        kind=KINDS[kind],
        look=look,
        table=table,
        floor=floor,
        lazy=above(table.lazy, floor),
        points=[point(layer, floor) for layer in table.layers],
        image=gallery.picture(passage.image),
        maps=[maps.grid(step) for step in passage.steps],
    )


def point(layer: Layer, floor: float) -> Point:
    """Return a layer with the heights that it has on the chart."""
    reach = math.log10(MOST / LEAST)
    bar = min(max(math.log10(layer.kept / LEAST) / reach, 0.01), 1)
    if layer.probe is None:
        return Point(layer, bar, None, 0, 0)
    value, low, high = (above(e or 0.0, floor) for e in layer.probe.model_dump().values())
    return Point(layer, bar, value, low, high)


def above(share: float, floor: float) -> float:
    """Return where a share lies between the floor and 1, as 0..1."""
    return (share - floor) / (1 - floor)


def short(name: str) -> str:
    """Return the name of a layer where space is dear."""
    return name.replace("convolution_", "conv ").replace("pooling_", "pool ").replace("_", " ")


def times(kept: float) -> str:
    """Return how many values there are for each of the image's: 27.6 x, 8 %, 0.04 %."""
    if kept > 1:
        return f"{kept:.1f} x" if kept < 100 else f"{kept:,.0f} x"
    digits = ".0f" if kept >= 0.01 else ".1g"
    return f"{100 * kept:{digits}} %"


def context(runs: Sequence[Shown]) -> dict[str, object]:
    """Return what inside.j2 names, beside what is common to all pages."""
    return {
        "inside": runs,
        "inside_told": list(told(runs)),
        "columns_inside": max((len(run.points) for run in runs), default=0),
        "percent": prose.percent,
        "times": times,
        "short_name": short,
    }


def told(runs: Sequence[Shown]) -> Iterator[str]:
    """Yield a sentence for each run of which the intervals allow one."""
    for run in runs:
        yield from sentence(run)


def sentence(run: Shown) -> Iterator[str]:
    """Yield what became of the image on its way to the answer, where that is beyond chance."""
    first, last = run.table.layers[0], run.table.layers[-2]
    if last.change is None or last.change.p >= 0.05:
        return
    before, after = (
        prose.whole(layer.probe.value if layer.probe else None) for layer in (first, last)
    )
    lost = (
        f"they bring back {prose.whole(last.recovered)} of the picture where the pixels bring back "
        f"{prose.whole(first.recovered)}"
    )
    yield (
        f"In {run.name}, a linear classifier tells the class of {before} of the images from their "
        f"{first.values:,} pixels, and of {after} from the {last.values:,} values of {last.name}"
        + (f", although {lost}." if last.change.risen else f": {lost}, and what is lost is missed.")
    )
