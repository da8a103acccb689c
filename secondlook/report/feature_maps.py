"""What layers make of one image as pictures: grids of maps, and strips of values."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from secondlook.artifacts import files, layer_artifact
from secondlook.artifacts.layer_artifact import Activations, LayerActivation
from secondlook.artifacts.schema import ImageArray
from secondlook.report import thumbnails
from secondlook.report.thumbnails import Thumbnail

MAX_DRAWN_LAYERS = 12  # layers of one network, at most
MAP_SIDE, MAPS_PER_ROW = 56, 8  # pixels of a map at most, maps in a row
VALUE_SIDE, VALUES_PER_ROW = 12, 32  # likewise of a single value
# In a picture of its own: maps in a row, and the grey level between them.
MOSAIC_MAPS_PER_ROW, MOSAIC_GREY = 16, 128


@dataclass(frozen=True)
class FeatureMaps:
    """What one layer makes of the example: a grid of maps, or a strip of values."""

    name: str
    description: str
    picture: Thumbnail


def select_drawn_layers(steps: Sequence[LayerActivation]) -> list[LayerActivation]:
    """Return the layers to be drawn: all, or where they are many, the last of each size of maps.

    Of what are still too many, some in even steps; the last one stays.
    """
    kept = list(steps)
    if len(kept) > MAX_DRAWN_LAYERS:
        sizes = [step.levels.shape[:-1] for step in kept]
        last = {size: i for i, size in enumerate(sizes) if size}
        kept = [kept[i] for i, size in enumerate(sizes) if not size or last[size] == i]
    if len(kept) > MAX_DRAWN_LAYERS:
        places = np.linspace(0, len(kept) - 1, MAX_DRAWN_LAYERS).round().astype(np.int64)
        kept = [kept[i] for i in places]
    return kept


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
    for step in select_drawn_layers(passage.steps):
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
