"""How like the training pictures one picture is, in numbers."""

from dataclasses import dataclass

from stages.core.typical.features import Column, Features

DISTANCE = "distance"


@dataclass(frozen=True)
class Likeness:
    """A picture's features (features,), and how far off each is: 1 is at a limit, less is usual.

    `distance` is that from the training pictures in the network, where above 1 is too far; `share`
    is that of validation pictures that are as far or further, 0..1.
    """

    features: Column
    off: Column
    distance: float
    share: float

    @property
    def far(self) -> bool:
        """Tell whether it is too far from the training pictures in the network."""
        return self.distance > 1

    @property
    def unlike(self) -> bool:
        """Tell whether there is anything to warn of."""
        return self.far or bool((abs(self.off) > 1).any())

    def named(self) -> dict[str, float]:
        """Return the features and the distance by name."""
        values = dict(zip(Features._fields, self.features.tolist(), strict=True))
        return values | {DISTANCE: self.distance}
