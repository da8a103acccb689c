"""What is known of the runs, in five to ten sentences for someone in a hurry.

Each is spoken by a rule of this folder, which keeps silent where it knows nothing: a difference
whose interval holds zero is called "not distinguishable", and no sentence fills a gap.
"""

from collections.abc import Callable, Iterator

from secondlook.evaluation.comparison_artifacts import Verdict
from secondlook.verdicts import accuracy, data_quality, probabilities, ranking, training_choices
from secondlook.verdicts.case import Case
from secondlook.verdicts.training_choices import judge_weighting

Rule = Callable[[Case], Iterator[Verdict]]
MAX_VERDICTS = 10  # more are not read
RULES: list[Rule] = [
    data_quality.judge_leak,
    training_choices.judge_diverged,
    accuracy.judge_constant,
    accuracy.judge_no_better_than_lazy,
    accuracy.judge_finds_few,
    probabilities.judge_operating_point,
    ranking.judge_best,
    probabilities.judge_disagree,
    data_quality.judge_faint,
    judge_weighting,
    data_quality.judge_label_conflict,
    data_quality.judge_shifted,
    training_choices.judge_overfitting,
    accuracy.judge_weakest_class,
    probabilities.judge_calibration,
    training_choices.judge_underfitting,
    data_quality.judge_wrong_everywhere,
    ranking.judge_not_distinguishable,
    data_quality.judge_confused,
    training_choices.judge_stopping,
    probabilities.judge_calibrated,
    accuracy.judge_gain_over_lazy,
    ranking.judge_one_seed,
]


def select_verdicts(case: Case) -> list[Verdict]:
    """Return what the rules say, the weightiest first, at most MAX_VERDICTS of it."""
    spoken = [verdict for rule in RULES for verdict in rule(case)]
    return sorted(spoken, key=lambda verdict: -verdict.weight)[:MAX_VERDICTS]
