"""Predictions about images, and one image inside a network, ready to be shown.

Where an answer comes from is drawn over the image: orange speaks for it, blue against it, two
hues that colour-blind people tell apart (Okabe & Ito 2008), over the image in fainter grey.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from secondlook.artifacts.dataset_card import DatasetCard
from secondlook.artifacts.schema import ImageArray
from secondlook.data import decoding
from secondlook.data.splitting import ImageContent
from secondlook.evaluation import formatting
from secondlook.evaluation.formatting import format_probability, format_whole_points
from secondlook.report import network_view, text, theme, thumbnails
from secondlook.report.network_view import NetworkView
from secondlook.report.thumbnails import Thumbnail
from secondlook.serving.inputs import InputImage
from secondlook.serving.occlusion import Saliency
from secondlook.serving.output import Prediction, PredictionSummary

MAX_CARDS = 200  # pictures on a page
HISTOGRAM_WIDTH, HISTOGRAM_HEIGHT = 240.0, 60.0  # of the drawing of levels


@dataclass(frozen=True)
class PredictionCard:
    """One picture on the page; where it could not be read, `reason` says why and the rest is None.

    heat: where the answer comes from, drawn over the picture, and in words; levels: a path of SVG;
    top: class, share of the longest bar (0..1) and probability in words.
    """

    name: str
    answer: Prediction | None = None
    reason: str = ""
    given: Thumbnail | None = None
    seen: Thumbnail | None = None
    heat: Thumbnail | None = None
    rests: str = ""
    levels: str = ""
    top: Sequence[tuple[str, float, str]] = ()


def build_card(given: InputImage, said: Prediction, found: Saliency, top: int) -> PredictionCard:
    """Return what is shown of one picture, and what its answer rests on; it is read again."""
    return PredictionCard(
        given.name,
        said,
        given=_draw_original(given.read()),
        seen=thumbnails.encode_thumbnail(said.seen.pixels, thumbnails.ENLARGED_SIDE),
        heat=draw_heatmap(said.seen.pixels, found),
        rests=describe_saliency(found, said.name),
        levels=_format_histogram_path(
            _compute_image_level_shares(said.seen.pixels), HISTOGRAM_WIDTH, HISTOGRAM_HEIGHT
        ),
        top=[(name, share, format_probability(share)) for name, share in said.list_top(top)],
    )


def build_predict_context(
    facts: DatasetCard, network: str, cards: Sequence[PredictionCard], tally: PredictionSummary
) -> dict[str, object]:
    """Return everything that predict.html.j2 names."""
    return {
        "facts": facts,
        "network": network,
        "cards": cards,
        "left_out": tally.pictures - len(cards),
        "lines": tally.lines,
        "chance": format_probability,
        "coded": text.format_code,
        "trained": _format_histogram_path(
            _compute_level_shares(facts.pixels.histogram), HISTOGRAM_WIDTH, HISTOGRAM_HEIGHT
        ),
        "width": HISTOGRAM_WIDTH,
        "height": HISTOGRAM_HEIGHT,
        **theme.build_css_colors(),
    }


MAX_BARS = 10  # bars of the answer


def build_inspect_context(  # noqa: PLR0913 - each is one thing that the page shows
    facts: DatasetCard,
    name: str,
    content: ImageContent,
    *,
    answer: Prediction,
    saliency: Saliency,
    runs: list[NetworkView],
) -> dict[str, object]:
    """Return everything that inspect.html.j2 names; the first of `runs` is the one asked."""
    return {
        "facts": facts,
        "name": name,
        "answer": answer,
        "given": _draw_original(content),
        "seen": thumbnails.encode_thumbnail(answer.seen.pixels, thumbnails.ENLARGED_SIDE),
        "heat": draw_heatmap(answer.seen.pixels, saliency),
        "heat_told": describe_saliency(saliency, answer.name),
        "heat_legend": describe_colours(saliency),
        "bars": [
            (label, share, format_probability(share)) for label, share in answer.list_top(MAX_BARS)
        ],
        "chance": format_probability,
        "coded": text.format_code,
        "whole": formatting.format_whole_percent,
        **network_view.build_network_context(runs),
        **theme.build_css_colors(),
    }


FOR_COLOUR, AGAINST_COLOUR = (240, 134, 60), (77, 134, 232)
OPACITY = 0.85  # of the strongest colour
LEAST_FULL_CHANGE = 0.05  # a change of the probability below which no colour is full
LEAST_TOLD_CHANGE = 0.01  # one below which nothing is said
ROW_NAMES, COLUMN_NAMES = ("top", "", "bottom"), ("left", "", "right")


def draw_heatmap(image: ImageArray, found: Saliency) -> Thumbnail:
    """Return an image (H, W, C) in grey, with what the answer rests on in colour over it."""
    share = np.clip(found.heat / compute_full_change(found), -1, 1)[..., None]
    grey = 30 + 0.7 * image.mean(axis=2, keepdims=True)
    opacity = OPACITY * np.abs(share)
    mixed = (1 - opacity) * grey + opacity * np.where(share > 0, FOR_COLOUR, AGAINST_COLOUR)
    return thumbnails.encode_thumbnail(np.round(mixed).astype(np.uint8), thumbnails.ENLARGED_SIDE)


def compute_full_change(found: Saliency) -> float:
    """Return the change of the probability (0..1) that is drawn in full colour."""
    return max(LEAST_FULL_CHANGE, float(np.abs(found.heat).max()))


def describe_saliency(found: Saliency, name: str) -> str:
    """Return in words where the answer `name` comes from."""
    fall, rise = float(found.heat.max()), float(-found.heat.min())
    words = [
        f"covering the {describe_place(found.heat)} lowers it most, by {format_whole_points(fall)}"
    ] * (fall >= LEAST_TOLD_CHANGE)
    words += [
        f"covering the {describe_place(-found.heat)} raises it most, by {format_whole_points(rise)}"
    ] * (rise >= LEAST_TOLD_CHANGE)
    if not words:
        return f"No part alone, when covered, changes the probability of “{name}” by one point."
    return f"Of the probability of “{name}”: {'; '.join(words)}."


def describe_place(heat: NDArray[np.float64]) -> str:
    """Return in words where the largest value lies, by thirds: top left, ... middle, ..."""
    at = np.unravel_index(int(heat.argmax()), heat.shape)
    row, column = (int(3 * i // side) for i, side in zip(at, heat.shape, strict=True))
    return " ".join(word for word in (ROW_NAMES[row], COLUMN_NAMES[column]) if word) or "middle"


def describe_colours(found: Saliency) -> str:
    """Return how to read the colours."""
    height, width = found.patch
    return (
        f"Orange speaks for it, blue against: how much its probability falls, or rises, when a "
        f"patch of {width} x {height} pixels is painted in level {found.cover} (occlusion: Zeiler "
        f"and Fergus, 2014), mean over the patches that cover a pixel; full colour is "
        f"{format_whole_points(compute_full_change(found))}."
    )


def _draw_original(content: ImageContent) -> Thumbnail:
    """Return a picture that can be read: upright, in its own colours, transparent where it is."""
    if not isinstance(content, bytes):
        return thumbnails.encode_thumbnail(content[..., None], thumbnails.ENLARGED_SIDE)
    image = decoding.open_image(content)
    image.draft(None, (2 * thumbnails.ENLARGED_SIDE, 2 * thumbnails.ENLARGED_SIDE))
    upright = _convert_to_eight_bits(ImageOps.exif_transpose(image))
    upright.thumbnail((thumbnails.ENLARGED_SIDE, thumbnails.ENLARGED_SIDE))
    return thumbnails.encode_thumbnail(np.atleast_3d(np.asarray(upright)), thumbnails.ENLARGED_SIDE)


def _convert_to_eight_bits(image: Image.Image) -> Image.Image:
    """Return a picture in RGB or RGBA, or in grey; 16 bits are cut to the upper eight."""
    if image.mode.startswith("I"):
        return Image.fromarray((np.asarray(image).astype(np.int64) >> 8).clip(0, 255).astype("u1"))
    return image.convert("RGBA" if image.has_transparency_data else "RGB")


LEVEL_BINS = 32  # of eight levels each
LevelShares = NDArray[np.float64]


def _compute_level_shares(histogram: Sequence[int] | NDArray[np.int64]) -> LevelShares:
    """Return the share of pixels, 0..1, in each of 32 bins of a histogram of 256 levels."""
    counts = np.asarray(histogram, np.float64).reshape(LEVEL_BINS, -1).sum(axis=1)
    found: LevelShares = counts / counts.sum()
    return found


def _compute_image_level_shares(pixels: NDArray[np.uint8]) -> LevelShares:
    """Return the shares of one picture (H, W, C)."""
    return _compute_level_shares(np.bincount(pixels.ravel(), minlength=256))


def _format_histogram_path(values: LevelShares, width: float, height: float) -> str:
    """Return the steps of a histogram as a path of SVG, closed along the bottom.

    Heights are square roots: most pixels of a drawing are of one level, and the others count too.
    """
    edges, tops = np.linspace(0, width, LEVEL_BINS + 1), height * (1 - np.sqrt(values))
    steps = "".join(f"V{top:.1f}H{right:.1f}" for top, right in zip(tops, edges[1:], strict=True))
    return f"M0 {height:g}{steps}V{height:g}Z"
