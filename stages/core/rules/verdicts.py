"""What is known of the runs, in five to ten sentences for someone in a hurry.

Each is spoken by a rule of `core/rules`, which keeps silent where it knows nothing: a difference
whose interval holds zero is called "not distinguishable", and no sentence fills a gap.
"""

from collections.abc import Callable, Iterator

from stages.core import files
from stages.core.errors import DataError
from stages.core.rules import accuracy, data, probabilities, ranking, training
from stages.core.rules.case import Case, Verdict
from stages.core.rules.weighting import weighting

Rule = Callable[[Case], Iterator[Verdict]]

MOST = 10  # more are not read
RULES: list[Rule] = [
    data.leak,
    training.diverged,
    accuracy.no_better_than_lazy,
    accuracy.finds_few,
    probabilities.operating_point,
    ranking.best,
    probabilities.disagree,
    weighting,
    data.label_conflict,
    data.shifted,
    training.overfitting,
    accuracy.weakest_class,
    probabilities.calibration,
    training.underfitting,
    data.wrong_everywhere,
    ranking.not_distinguishable,
    data.confused,
    training.stopping,
    probabilities.calibrated,
    accuracy.gain_over_lazy,
    ranking.one_seed,
]


def told(case: Case) -> list[Verdict]:
    """Return the MOST weighty things the rules say, the weightiest first."""
    spoken = [verdict for rule in RULES for verdict in rule(case)]
    return sorted(spoken, key=lambda verdict: -verdict.weight)[:MOST]


def read() -> list[Verdict]:
    """Return what stands in data/compare/verdicts.json; DataError when it is missing."""
    path = files.folder("compare") / "verdicts.json"
    if not path.exists():
        raise DataError(f"{path}: no such file; run `dvc repro` to make it")
    return [Verdict.model_validate(found) for found in files.read_json(path)]
