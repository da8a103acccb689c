"""The champion before today's images: what it answers to them, and what that says of the data."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np

from stages.core.outputs.manifest import Row
from stages.core.outputs.retrainings import Check, Images
from stages.core.params import Params
from stages.core.retraining import champion, sanity
from stages.core.retraining.champion import Champion
from stages.core.retraining.todays import Today, check_unseen
from stages.core.statistics.metrics import Numbers, Probabilities
from stages.core.tracking.registry import Registry, Version


@dataclass(frozen=True)
class Opponent:
    """The champion, and its probabilities (K,) for each test image and each image new to it."""

    champion: Champion
    answers: Mapping[Row, Numbers | Probabilities]

    @classmethod
    def meet(
        cls, registry: Registry, version: Version, today: Today, params: Params, folder: Path
    ) -> Self:
        """Bring the champion's files into the folder, and ask it.

        Raises DataError where no comparison with it would be fair.
        """
        found = champion.fetched(registry, version, folder)
        champion.check_question(found.facts, today.facts)
        check_unseen(today.tested, found.held)
        asked = list(dict.fromkeys([*today.tested, *today.added(found.held)]))
        answered = champion.answers(found, asked, params.data)
        return cls(found, dict(zip(asked, answered, strict=True)))

    def told(self, rows: Sequence[Row]) -> Probabilities:
        """Return the probabilities (N, K) for these images."""
        return np.array([self.answers[row] for row in rows], np.float32)

    def checks(self, today: Today, found: Images, params: Params) -> Iterator[Check]:
        """Yield what can be said of the data before any training."""
        limits, held = params.retrain.data_limits, self.champion.held
        yield from sanity.checks(self.champion.facts, today.facts, found, limits)
        new = today.added(held)
        fresh = set(new)
        known = [row for row in today.tested if row not in fresh]
        if limits.label_agreement is not None and new and known:
            old, now = ((today.labels(part), self.told(part)) for part in (known, new))
            yield from sanity.agreement(old, now, today.facts.classes, limits.label_agreement)
