"""One image followed on its way through a network, as levels to be drawn."""

import numpy as np
from numpy.typing import NDArray

from stages.core.inside.layers import IMAGE, Network, Part
from stages.core.outputs.passage import Passage, Step

MAPS, VALUES = 64, 512  # of one layer, at most; the first of more


def passage(network: Network, image: NDArray[np.uint8]) -> Passage:
    """Return what layer after layer makes of an image, uint8 (H, W, C).

    A layer is scaled by its own largest value, so that its maps can be compared with each other.
    """
    parts = [part for part in network.parts if part.name != IMAGE and not part.same]
    [probabilities] = next(network.outputs(parts[-1].name, image[None]))
    return Passage(image, [step(network, part, image) for part in parts[:-1]], probabilities)


def step(network: Network, part: Part, image: NDArray[np.uint8]) -> Step:
    """Return what one layer makes of the image."""
    [output] = next(network.outputs(part.name, image[None]))
    kept = output[..., : MAPS if output.ndim == 3 else VALUES]
    peak = float(output.max())
    shares = np.clip(kept / peak, 0, 1) if peak > 0 else np.zeros_like(kept)
    return Step(part.name, np.round(255 * shares).astype(np.uint8), peak, output.shape[-1])
