"""What a sweep comes to: its best trial, how much that flatters, and which parameters mattered."""

import math
from collections.abc import Sequence

from secondlook.artifacts import manifest
from secondlook.artifacts.dataset_card import DatasetCard
from secondlook.config.params import Params
from secondlook.config.sweeps import SweepParams
from secondlook.evaluation.parameter_importance import compute_parameter_effects
from secondlook.evaluation.selection import estimate_selection_excess
from secondlook.evaluation.sweep_results import (
    SweepResult,
    TrialResult,
    load_sweep_results,
    save_sweep_results,
)
from secondlook.sweeps.trials import compute_loss, load_trial_answers


def summarize_sweep(
    name: str, sweep: SweepParams, trials: Sequence[TrialResult], facts: DatasetCard
) -> SweepResult:
    """Return what is known of a sweep whose trials have ended."""
    labels, losses = (
        manifest.load_labels("validation"),
        [compute_loss(t, sweep.metric) for t in trials],
    )
    told, finite = sweep.model_dump(), [trial for trial in trials if not trial.diverged]
    excess = (
        estimate_selection_excess(
            labels,
            (load_trial_answers(trial.name) for trial in finite),
            facts.positive_index,
            sweep.metric,
            sweep.seed,
        )
        if finite
        else []
    )
    best = min(zip(losses, trials, strict=True), key=lambda each: each[0], default=None)
    return SweepResult(
        name=name,
        of=sweep.of,
        method=sweep.method,
        metric=sweep.metric,
        seed=sweep.seed,
        search=told["search"],
        data=facts.digest,
        images=len(labels),
        trials=list(trials),
        best=best[1].name if best and math.isfinite(best[0]) else None,
        effects=compute_parameter_effects(
            [trial.point for trial in trials], losses, told["search"], sweep.seed
        ),
        excess=excess,
    )


def keep_result(params: Params, result: SweepResult) -> None:
    """Write a result in the place of the one before; those of sweeps that are gone go as well."""
    others = [
        each
        for each in load_sweep_results()
        if each.name in params.sweeps and each.name != result.name
    ]
    save_sweep_results([*others, result])
