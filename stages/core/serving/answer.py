"""What is said of one picture: an answer, or why there is none."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stages.core.data.images import Seen
from stages.core.typical.likeness import Likeness
from stages.core.typical.warning import Warning as Unlike


@dataclass(frozen=True)
class Answer:
    """The class that is answered, and what that rests on.

    probabilities: float32 (K,), sum 1, of `classes`; seen: what the network was given, and
    whether that is the picture inverted; likeness: how like training it is; warnings: why the
    answer may not be trusted, the strongest first.
    """

    name: str
    classes: list[str]
    probabilities: NDArray[np.float32]
    seen: Seen
    inverted: bool
    likeness: Likeness
    warnings: list[Unlike]

    @property
    def probability(self) -> float:
        """Return the probability of the class that is answered, 0..1.

        With an operating point it can be below one half.
        """
        return float(self.probabilities[self.classes.index(self.name)])

    def top(self, count: int) -> list[tuple[str, float]]:
        """Return the most probable classes and their probabilities, the first of equals first."""
        order = np.argsort(-self.probabilities, kind="stable")[:count]
        return [(self.classes[place], float(self.probabilities[place])) for place in order]


@dataclass(frozen=True)
class Refused:
    """A picture that cannot be read, and why."""

    reason: str
