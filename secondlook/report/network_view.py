"""What happens inside the networks, ready to be shown: table, chart, feature maps, sentences.

What layers make of one image becomes pictures: grids of maps, and strips of values.
"""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from secondlook.artifacts import files, layer_artifact
from secondlook.artifacts.layer_artifact import (
    Activations,
    LayerActivation,
    LayerReport,
    LayerSummary,
)
from secondlook.artifacts.schema import ImageArray
from secondlook.config.params import Params
from secondlook.evaluation import formatting
from secondlook.evaluation.formatting import format_ratio
from secondlook.report import thumbnails
from secondlook.report.theme import Style
from secondlook.report.thumbnails import Thumbnail

NETWORK_KINDS = {"cnn": "convolutional", "dense": "without convolutions"}
BAR_MINIMUM, BAR_MAXIMUM = 1e-3, 1e2  # values for each of the image's, from no bar to a full one
MAP_SIDE, MAPS_PER_ROW = 56, 8  # pixels of a map at most, maps in a row
VALUE_SIDE, VALUES_PER_ROW = 12, 32  # likewise of a single value
# In a picture of its own: maps in a row, and the grey level between them.
MOSAIC_MAPS_PER_ROW, MOSAIC_GREY = 16, 128


@dataclass(frozen=True)
class LayerPoint:
    """A layer on the chart; heights 0..1: of its bar, its probe and the ends of its interval."""

    layer: LayerSummary
    bar: float
    probe: float | None
    low: float
    high: float


@dataclass(frozen=True)
class FeatureMaps:
    """What one layer makes of the example: a grid of maps, or a strip of values."""

    name: str
    description: str
    picture: Thumbnail


@dataclass(frozen=True)
class NetworkView:
    """One run: its layers, the chart of them, from `floor` (an accuracy) up, and its maps."""

    name: str
    kind: str
    style: Style
    table: LayerReport
    floor: float
    lazy: float
    points: Sequence[LayerPoint]
    image: Thumbnail
    maps: Sequence[FeatureMaps]


def select_network_pair(params: Params) -> list[str]:
    """Return the first convolutional and the first dense run, as far as there are such."""
    kinds = {name: params.run(name).model for name in reversed(params.runs)}
    first = {kind: name for name, kind in kinds.items()}
    return [first[kind] for kind in NETWORK_KINDS if kind in first]


def load_network_views(
    params: Params, names: Iterable[str], looks: Mapping[str, Style]
) -> list[NetworkView]:
    """Return what is inside runs, less those where `train` left nothing of it."""
    return [
        load_network_view(name, params.run(name).model, looks[name])
        for name in names
        if (files.stage_folder("train", name) / layer_artifact.LAYERS_FILE).exists()
    ]


def load_network_view(
    name: str, kind: str, look: Style, passage: Activations | None = None
) -> NetworkView:
    """Return what is inside a run, with what it makes of its example, or of another image."""
    table, passage = (
        layer_artifact.load_layer_report(name),
        passage or layer_artifact.load_activations(name),
    )
    lows = [layer.probe.low or 0.0 for layer in table.layers if layer.probe]
    floor = min(math.floor(10 * min([table.lazy, *lows])) / 10, 0.9)
    return NetworkView(
        name=name,
        kind=NETWORK_KINDS[kind],
        style=look,
        table=table,
        floor=floor,
        lazy=_scale_above_floor(table.lazy, floor),
        points=[_build_layer_point(layer, floor) for layer in table.layers],
        image=thumbnails.encode_thumbnail(passage.image),
        maps=[draw_feature_maps(step) for step in passage.steps],
    )


def _build_layer_point(layer: LayerSummary, floor: float) -> LayerPoint:
    """Return a layer with the heights that it has on the chart."""
    reach = math.log10(BAR_MAXIMUM / BAR_MINIMUM)
    bar = min(max(math.log10(layer.kept / BAR_MINIMUM) / reach, 0.01), 1)
    if layer.probe is None:
        return LayerPoint(layer, bar, None, 0, 0)
    value, low, high = (
        _scale_above_floor(e or 0.0, floor) for e in layer.probe.model_dump().values()
    )
    return LayerPoint(layer, bar, value, low, high)


def _scale_above_floor(share: float, floor: float) -> float:
    """Return where a share lies between the floor and 1, as 0..1."""
    return (share - floor) / (1 - floor)


def _format_layer_name(name: str) -> str:
    """Return the name of a layer where space is dear."""
    return name.replace("convolution_", "conv ").replace("pooling_", "pool ").replace("_", " ")


def build_network_context(runs: Sequence[NetworkView]) -> dict[str, object]:
    """Return what network_view.j2 names, beside what is common to all pages."""
    return {
        "inside": runs,
        "inside_told": list(describe_networks(runs)),
        "columns_inside": max((len(run.points) for run in runs), default=0),
        "percent": formatting.format_rounded_percent,
        "p_value": formatting.format_p_value,
        "times": format_ratio,
        "short_name": _format_layer_name,
    }


def describe_networks(runs: Sequence[NetworkView]) -> Iterator[str]:
    """Yield a sentence for each run of which the intervals allow one."""
    for run in runs:
        yield from _describe_network(run)


def _describe_network(run: NetworkView) -> Iterator[str]:
    """Yield what became of the image on its way to the answer, where that is beyond chance."""
    first, last = run.table.layers[0], run.table.layers[-2]
    if last.change is None or last.change.p >= 0.05:
        return
    before, after = (
        formatting.format_whole_percent(layer.probe.value if layer.probe else None)
        for layer in (first, last)
    )
    lost = (
        f"they bring back {formatting.format_whole_percent(last.recovered)} of the picture "
        "where the pixels bring back "
        f"{formatting.format_whole_percent(first.recovered)}"
    )
    yield (
        f"In {run.name}, a linear classifier tells the class of {before} of the images from their "
        f"{first.values:,} pixels, and of {after} from the {last.values:,} values of {last.name}"
        + (
            f", although {lost}."
            if last.change.is_gain
            else f": {lost}, and what is lost is missed."
        )
    )


def draw_feature_maps(step: LayerActivation) -> FeatureMaps:
    """Return a layer's maps as a grid, or its values as a strip, enlarged without smoothing."""
    return FeatureMaps(
        step.name, _describe_scale(step), thumbnails.encode_sheet(*_arrange_tiles(step))
    )


def _describe_scale(step: LayerActivation) -> str:
    """Return how many maps or values are shown, of what size, and how bright is how much."""
    what = "maps of {} x {}".format(*step.levels.shape[:2]) if step.levels.ndim == 3 else "values"
    part = step.levels.shape[-1]
    count = f"{step.count:,}" if part == step.count else f"the first {part} of {step.count:,}"
    return f"{count} {what}; black is 0, white {step.peak:.3g}"


def _arrange_tiles(step: LayerActivation) -> tuple[ImageArray, int, int]:
    """Return a layer's maps as pictures (n, h, w, 1), how many stand in a row, and how large."""
    if step.levels.ndim == 3:
        return np.moveaxis(step.levels, -1, 0)[..., None], MAPS_PER_ROW, MAP_SIDE
    return step.levels.reshape(-1, 1, 1, 1), VALUES_PER_ROW, VALUE_SIDE


def load_example(name: str) -> Activations | None:
    """Return what a run makes of its example; None where `train` left nothing of it."""
    there = (files.stage_folder("train", name) / layer_artifact.ACTIVATIONS_FILE).exists()
    return layer_artifact.load_activations(name) if there else None


def list_layer_images(passage: Activations) -> list[tuple[str, ImageArray]]:
    """Return the image and each layer as a picture (H, W) or (H, W, 3) in its own pixels."""
    image = passage.image[..., 0] if passage.image.shape[2] == 1 else passage.image
    drawn = [("image", image)]
    for step in passage.steps:
        tile, across = (
            _arrange_tiles(step)[0][..., 0],
            MOSAIC_MAPS_PER_ROW if step.levels.ndim == 3 else VALUES_PER_ROW,
        )
        gap = int(step.levels.ndim == 3)
        drawn.append((f"{step.name}: {_describe_scale(step)}", build_mosaic(tile, across, gap)))
    return drawn


def build_mosaic(tiles: ImageArray, across: int, gap: int) -> ImageArray:
    """Return pictures (n, h, w) side by side, so many in a row, with grey pixels between."""
    down = -(-len(tiles) // across)
    spare = [(0, down * across - len(tiles)), (0, gap), (0, gap)]
    framed = np.pad(tiles, spare, constant_values=MOSAIC_GREY)
    rows, columns = framed.shape[1:]
    grid = framed.reshape(down, across, rows, columns).swapaxes(1, 2)
    return grid.reshape(down * rows, across * columns)[
        : down * rows - gap, : across * columns - gap
    ]


def list_top_classes(
    passage: Activations, classes: Sequence[str], most: int = 10
) -> dict[str, float]:
    """Return the most probable classes and their probabilities, the highest first."""
    order = np.argsort(-passage.probabilities, kind="stable")[:most]
    return {classes[k]: float(passage.probabilities[k]) for k in order}
