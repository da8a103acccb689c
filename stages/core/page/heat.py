"""Where an answer comes from, drawn over the picture: orange speaks for it, blue against it.

Two hues that colour-blind people tell apart (Okabe & Ito 2008), over the picture in fainter grey.
"""

import numpy as np
from numpy.typing import NDArray

from stages.core.inside.occlusion import Saliency
from stages.core.page import gallery
from stages.core.page.gallery import Picture, Pictures

FOR, AGAINST = (240, 134, 60), (77, 134, 232)
OPACITY = 0.85  # of the strongest colour
LEAST = 0.05  # a change of the probability below which no colour is full
NOTHING = 0.01  # one below which nothing is said
ROWS, COLUMNS = ("top", "", "bottom"), ("left", "", "right")


def drawn(image: Pictures, found: Saliency) -> Picture:
    """Return an image (H, W, C) in grey, with what the answer rests on in colour over it."""
    share = np.clip(found.heat / full(found), -1, 1)[..., None]
    grey = 30 + 0.7 * image.mean(axis=2, keepdims=True)
    opacity = OPACITY * np.abs(share)
    mixed = (1 - opacity) * grey + opacity * np.where(share > 0, FOR, AGAINST)
    return gallery.picture(np.round(mixed).astype(np.uint8), gallery.ENLARGED)


def full(found: Saliency) -> float:
    """Return the change of the probability (0..1) that is drawn in full colour."""
    return max(LEAST, float(np.abs(found.heat).max()))


def told(found: Saliency, name: str) -> str:
    """Return in words where the answer `name` comes from."""
    fall, rise = float(found.heat.max()), float(-found.heat.min())
    words = [f"covering the {place(found.heat)} lowers it most, by {points(fall)}"] * (
        fall >= NOTHING
    )
    words += [f"covering the {place(-found.heat)} raises it most, by {points(rise)}"] * (
        rise >= NOTHING
    )
    if not words:
        return f"No part alone, when covered, changes the probability of “{name}” by one point."
    return f"Of the probability of “{name}”: {'; '.join(words)}."


def points(change: float) -> str:
    """Return a change of a probability as people say it."""
    return f"{100 * change:.0f} percentage points" if change >= 0.015 else "1 percentage point"


def place(heat: NDArray[np.float64]) -> str:
    """Return in words where the largest value lies, by thirds: top left, ... middle, ..."""
    at = np.unravel_index(int(heat.argmax()), heat.shape)
    row, column = (int(3 * i // side) for i, side in zip(at, heat.shape, strict=True))
    return " ".join(word for word in (ROWS[row], COLUMNS[column]) if word) or "middle"


def legend(found: Saliency) -> str:
    """Return how to read the colours."""
    height, width = found.patch
    return (
        f"Orange speaks for it, blue against: how much its probability falls, or rises, when a "
        f"patch of {width} x {height} pixels is painted in level {found.cover} (occlusion: Zeiler "
        f"and Fergus, 2014), mean over the patches that cover a pixel; full colour is "
        f"{points(full(found))}."
    )
