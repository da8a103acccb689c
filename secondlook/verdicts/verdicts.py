"""What is known of the runs, in five to ten sentences for someone in a hurry.

Each is spoken by a rule of this folder, which keeps silent where it knows nothing: a difference
whose interval holds zero is called "not distinguishable", and no sentence fills a gap. No two of
them contradict each other: CONFLICTS lists which may not stand together.
"""

from collections.abc import Callable, Iterator
from typing import NamedTuple

from secondlook.evaluation.comparison_artifacts import Verdict
from secondlook.verdicts import (
    accuracy,
    contrasts,
    data_quality,
    probabilities,
    ranking,
    training_choices,
    worth,
)
from secondlook.verdicts.case import Case

Rule = Callable[[Case], Iterator[Verdict]]
MAX_VERDICTS = 10  # more are not read
RULES: list[Rule] = [
    data_quality.judge_leak,
    training_choices.judge_diverged,
    worth.judge_constant,
    accuracy.judge_no_better_than_lazy,
    accuracy.judge_finds_few,
    probabilities.judge_operating_point,
    ranking.judge_best,
    probabilities.judge_disagree,
    data_quality.judge_faint,
    contrasts.judge_weighting,
    contrasts.judge_pretraining,
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


class Conflict(NamedTuple):
    """Two rules that may not speak of the same run: where they would, the second keeps silent.

    The rules themselves leave such runs out where they can go on about others. `of` says of which
    runs, with the index of the run in the verdict that stays; what a sentence says of itself ("by
    accuracy it is worse than ...") contradicts none.
    """

    stays: str
    gives_way: str
    of: Callable[[Case, str, int], bool] = lambda *_: True


# All that a number of a run may be praised for, or taken as a reason to choose it.
PRAISES = (
    "best",
    "disagree",
    "pretraining",
    "stopping",
    "not_distinguishable",
    "calibrated",
    "gain_over_lazy",
)
# What asks for answers that depend on the picture, or for numbers, before it means anything.
JUDGEMENTS = ("no_better_than_lazy", "finds_few", "calibration", "weakest_class", "confused")
CONFLICTS = (
    *(Conflict("diverged", rule) for rule in (*PRAISES, *JUDGEMENTS, "constant", "weighting")),
    *(Conflict("diverged", rule) for rule in ("operating_point", "overfitting", "underfitting")),
    *(Conflict("constant", rule) for rule in (*PRAISES, *JUDGEMENTS)),
    # Weighting may have mended what answers the same to everything, but not have made it better.
    Conflict("constant", "weighting", lambda case, run, _: case.is_weighted(run)),
    Conflict("no_better_than_lazy", "gain_over_lazy"),
    *(
        Conflict("no_better_than_lazy", rule, lambda case, run, _: case.is_worse_than_lazy(run))
        for rule in ("calibrated", "not_distinguishable")
    ),
    Conflict("calibration", "calibrated"),
    # The first that `disagree` names is the one whose probabilities are worse.
    Conflict("disagree", "calibrated", lambda _, __, place: place == 0),
    Conflict("overfitting", "underfitting"),
    Conflict("overfitting", "stopping"),
    Conflict("underfitting", "stopping"),
)


def select_verdicts(case: Case) -> list[Verdict]:
    """Return what the rules say, the weightiest first, at most MAX_VERDICTS of it."""
    return sorted(list_verdicts(case), key=lambda verdict: -verdict.weight)[:MAX_VERDICTS]


def list_verdicts(case: Case) -> list[Verdict]:
    """Return all that the rules say, less what may not stand beside another verdict."""
    spoken = [verdict for rule in RULES for verdict in rule(case)]
    return [
        verdict
        for verdict in spoken
        if not any(_contradicts(case, other, verdict) for other in spoken)
    ]


def _contradicts(case: Case, stays: Verdict, verdict: Verdict) -> bool:
    """Say whether a verdict gives way to another one."""
    return any(
        conflict.of(case, run, place)
        for conflict in CONFLICTS
        if (conflict.stays, conflict.gives_way) == (stays.rule, verdict.rule)
        for place, run in enumerate(stays.runs)
        if run in verdict.runs
    )
