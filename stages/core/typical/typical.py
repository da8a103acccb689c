"""Is a picture like those that a network was trained on? What it takes to say, and the warnings."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from stages.core.data.images import Seen
from stages.core.errors import DataError
from stages.core.outputs.facts import Facts, Pictures
from stages.core.typical import limits
from stages.core.typical.causes import POLARITY, Look, causes
from stages.core.typical.distance import Distance
from stages.core.typical.features import Column, Features, measured
from stages.core.typical.likeness import DISTANCE, Likeness
from stages.core.typical.shift import Shift, Spread
from stages.core.typical.warning import Warning as Unlike

MOST = 4  # warnings of one picture
CLEARLY = 2  # times nearer, in squares: noise is no better for being inverted
Pixels = NDArray[np.uint8]


@dataclass(frozen=True)
class Typical:
    """What training pictures are like, as they are given and in the network."""

    pictures: Pictures
    counts: dict[str, int]  # pictures by split, behind the distributions
    distance: Distance

    @classmethod
    def read(cls, folder: Path, facts: Facts) -> Self:
        """Read what `train` left in the folder of a run.

        Raises DataError where it is not there, or of another version than this one.
        """
        if facts.pictures.features.keys() != set(Features._fields):
            raise DataError(
                f"{folder}: made by another version of Second Look; run `dvc repro` to make it new"
            )
        counts = {split: sum(count.values()) for split, count in facts.counts.items()}
        return cls(facts.pictures, counts, Distance.read(folder))

    def likenesses(self, seen: Sequence[Seen], embeddings: NDArray[np.float32]) -> list[Likeness]:
        """Return how like training pictures are, with the network's embeddings (n, D) of them."""
        features = self._features(
            np.stack([one.pixels for one in seen]),
            np.array([(one.width, one.height) for one in seen], np.int64),
        )
        table = features.table()
        off = limits.off(table, self._ends)
        distances = self.distance.of(embeddings).tolist()
        shares = map(self.distance.share, distances)
        return [Likeness(*found) for found in zip(table, off, distances, shares, strict=True)]

    @cached_property
    def _ends(self) -> Column:
        return limits.ends(self.pictures)

    def _features(self, pixels: Pixels, sizes: NDArray[np.int64]) -> Features:
        return measured(pixels, sizes, np.array(self.pictures.mean))

    def warnings(
        self, seen: Seen, probabilities: NDArray[np.float32], embedding: NDArray[np.float32]
    ) -> list[Unlike]:
        """Return why the answer (K,) about a picture may not be trusted; see `told`."""
        (likeness,) = self.likenesses([seen], embedding[None])
        return self.told(likeness, seen.pixels, probabilities)

    def told(
        self,
        likeness: Likeness,
        pixels: Pixels,
        probabilities: NDArray[np.float32],
        other: Pixels | None = None,
    ) -> list[Unlike]:
        """Return at most MOST warnings: causes, the strongest first, then the distance.

        other: the picture with light and dark changed, where that is not simply the opposite of
        each pixel. Of pictures like those of training one in twenty is warned of.
        """
        if not likeness.unlike:
            return []
        names = Features._fields
        values = dict(zip(names, likeness.features.tolist(), strict=True))
        off = dict(zip(names, likeness.off.tolist(), strict=True))
        inverted = self.prefers(255 - pixels if other is None else other, pixels)
        look = Look(values, off, self.pictures.features, inverted)
        found = [cause.warning for cause in causes(look)]
        far = [self._far(likeness, probabilities)] if likeness.far else []
        return [*found[: MOST - len(far)], *far]

    def _far(self, likeness: Likeness, probabilities: NDArray[np.float32]) -> Unlike:
        others = percent(1 - likeness.share) if likeness.share else "all"
        told = (
            f"Inside the network it is further from the training pictures than {others} of the "
            f"validation pictures: that the answer is {percent(float(probabilities.max()))} sure "
            "says little."
        )
        return Unlike(DISTANCE, told)

    def inverted(self, pixels: Pixels) -> bool:
        """Tell whether a picture (H, W, C) is more like training when light and dark change."""
        return self.prefers(255 - pixels, pixels)

    def prefers(self, other: Pixels, pixels: Pixels) -> bool:
        """Tell whether a picture is unlike training in its levels, and the other clearly less so.

        Both are uint8 (H, W, C), one of them the other with light and dark changed.
        """
        sizes = np.full((2, 2), pixels.shape[1::-1])
        table = self._features(np.stack([pixels, other]), sizes).table()
        places = [Features._fields.index(name) for name in POLARITY]
        off = np.abs(limits.off(table, self._ends)[:, places])
        one, another = (off**2).sum(axis=1)
        return bool(off[0].max() > 1 and another < one / CLEARLY)

    def shift(self) -> Shift:
        """Return what counts pictures, to tell how they differ from training as a whole."""
        known = {
            name: Spread(np.array(one.values), np.array(one.shares), self.counts["train"])
            for name, one in self.pictures.features.items()
        }
        values, shares = self.distance.spread
        known[DISTANCE] = Spread(values, shares, self.counts["validation"])
        return Shift(known)


def percent(share: float) -> str:
    """Return a share as text, with the digits that tell it from all; never all."""
    digits = 0 if share < 0.985 else 1 if share < 0.999 else 2
    return f"{min(100 * share, 99.99):.{digits}f} %"
