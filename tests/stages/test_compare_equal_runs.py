"""Studies of equally good runs: no verdict calls one better than another."""

from pathlib import Path

import numpy as np

from secondlook.config.params import load_params
from tests.support.simulated_studies import Setting, find_claims, simulate_study

STUDIES = 8


def test_equal_runs_are_hardly_ever_told_apart(project: Path) -> None:
    """At most one study in eight; judged pair by pair, every second one tells some.

    Its intervals alone still do: it is the claims together that are asked for more.
    """
    assert project == Path.cwd()
    claimed, alone = 0, 0
    for seed in range(STUDIES):
        comparison, spoken = simulate_study(Setting(6), load_params(), np.random.default_rng(seed))
        claimed += bool(find_claims(spoken))
        found = [each for pair in comparison.pairs for each in pair.differences.values()]
        alone += any((each.low or 0.0) > 0 or (each.high or 0.0) < 0 for each in found)
    assert claimed <= 1
    assert alone >= STUDIES / 2
