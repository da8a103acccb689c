"""What layers make of one image as pictures: grids of maps and strips of values."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from stages.core import files
from stages.core.outputs import passage as passages
from stages.core.outputs.passage import Passage, Step
from stages.core.page import gallery
from stages.core.page.gallery import Picture, Pictures

TILE, ACROSS = 56, 8  # pixels of a map at most, maps in a row
CELL, VALUES = 12, 32  # likewise of a single value
MAPS, GREY = 16, 128  # maps in a row of a picture of its own; the level between them


@dataclass(frozen=True)
class Maps:
    """What one layer makes of the example: a grid of maps, or a strip of values."""

    name: str
    shown: str
    picture: Picture


def grid(step: Step) -> Maps:
    """Return a layer's maps as a grid, or its values as a strip, enlarged without smoothing."""
    return Maps(step.name, scale(step), gallery.sheet(*tiles(step)))


def scale(step: Step) -> str:
    """Return how many maps or values are shown, of what size, and how bright is how much."""
    what = "maps of {} x {}".format(*step.levels.shape[:2]) if step.levels.ndim == 3 else "values"
    part = step.levels.shape[-1]
    count = f"{step.count:,}" if part == step.count else f"the first {part} of {step.count:,}"
    return f"{count} {what}; black is 0, white {step.peak:.3g}"


def tiles(step: Step) -> tuple[Pictures, int, int]:
    """Return a layer's maps as pictures (n, h, w, 1), how many stand in a row, and how large."""
    if step.levels.ndim == 3:
        return np.moveaxis(step.levels, -1, 0)[..., None], ACROSS, TILE
    return step.levels.reshape(-1, 1, 1, 1), VALUES, CELL


def example(name: str) -> Passage | None:
    """Return what a run makes of its example; None where `train` left nothing of it."""
    there = (files.folder("train", name) / passages.FILE).exists()
    return passages.read(name) if there else None


def rows(passage: Passage) -> list[tuple[str, Pictures]]:
    """Return the image and each layer as a picture (H, W) or (H, W, 3) in its own pixels."""
    image = passage.image[..., 0] if passage.image.shape[2] == 1 else passage.image
    drawn = [("image", image)]
    for step in passage.steps:
        tile, across = tiles(step)[0][..., 0], MAPS if step.levels.ndim == 3 else VALUES
        gap = int(step.levels.ndim == 3)
        drawn.append((f"{step.name}: {scale(step)}", mosaic(tile, across, gap)))
    return drawn


def mosaic(tiles: Pictures, across: int, gap: int) -> Pictures:
    """Return pictures (n, h, w) side by side, so many in a row, with grey pixels between."""
    down = -(-len(tiles) // across)
    spare = [(0, down * across - len(tiles)), (0, gap), (0, gap)]
    framed = np.pad(tiles, spare, constant_values=GREY)
    rows, columns = framed.shape[1:]
    grid = framed.reshape(down, across, rows, columns).swapaxes(1, 2)
    return grid.reshape(down * rows, across * columns)[
        : down * rows - gap, : across * columns - gap
    ]


def answer(passage: Passage, classes: Sequence[str], most: int = 10) -> dict[str, float]:
    """Return the most probable classes and their probabilities, the highest first."""
    order = np.argsort(-passage.probabilities, kind="stable")[:most]
    return {classes[k]: float(passage.probabilities[k]) for k in order}
