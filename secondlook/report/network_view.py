"""What happens inside the networks, ready to be shown: table, chart, sentences, feature maps."""

import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from secondlook.artifacts import files, layer_artifact
from secondlook.artifacts.layer_artifact import Activations, LayerReport, LayerSummary
from secondlook.config.params import Params
from secondlook.evaluation import formatting
from secondlook.evaluation.formatting import format_ratio
from secondlook.report import thumbnails
from secondlook.report.feature_maps import FeatureMaps, draw_feature_maps, select_drawn_layers
from secondlook.report.theme import Style
from secondlook.report.thumbnails import Thumbnail

NETWORK_KINDS = {
    "cnn": "convolutional",
    "dense": "without convolutions",
    "pretrained": "begun from a pretrained network",
}
# The end of a block of a network of keras.applications: which one, counted as its names count.
BLOCK_END = re.compile(r"(?:conv(\d)_)?(?:expanded_conv|block)_?(\w*?)_?(?:project|add|out)")
BAR_MINIMUM, BAR_MAXIMUM = 1e-3, 1e2  # values for each of the image's, from no bar to a full one


@dataclass(frozen=True)
class LayerPoint:
    """A layer on the chart; heights 0..1: of its bar, its probe and the ends of its interval."""

    layer: LayerSummary
    bar: float
    probe: float | None
    low: float
    high: float


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


def select_shown_networks(params: Params) -> list[str]:
    """Return the first run of each kind of network, as far as there are such."""
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
        maps=[draw_feature_maps(step) for step in select_drawn_layers(passage.steps)],
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
    if found := BLOCK_END.match(name):
        return f"block {'.'.join(filter(None, found.groups())) or 0}"
    if name == "backbone_end":
        return "backbone"
    return name.replace("convolution_", "conv ").replace("pooling_", "pool ").replace("_", " ")


def build_network_context(runs: Sequence[NetworkView]) -> dict[str, object]:
    """Return what network_view.j2 names, beside what is common to all pages."""
    return {
        "inside": runs,
        "inside_told": list(describe_networks(runs)),
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
