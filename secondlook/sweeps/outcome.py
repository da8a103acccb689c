"""What a sweep comes to: its best trial, how much that flatters, and which parameters mattered."""

import math
from collections.abc import Sequence

from secondlook.artifacts import manifest
from secondlook.artifacts.dataset_card import DatasetCard
from secondlook.config.params import Params
from secondlook.config.sweeps import SweepParams
from secondlook.evaluation.sweep_results import (
    SweepResult,
    TrialResult,
    load_sweep_results,
    save_sweep_results,
)
from secondlook.sweeps.trials import compute_loss


def summarize_sweep(
    name: str, sweep: SweepParams, trials: Sequence[TrialResult], facts: DatasetCard
) -> SweepResult:
    """Return what is known of a sweep whose trials have ended."""
    losses = [compute_loss(trial, sweep.metric) for trial in trials]
    best = min(range(len(trials)), key=losses.__getitem__, default=None)
    found = best is not None and math.isfinite(losses[best])
    return SweepResult(
        name=name,
        of=sweep.of,
        method=sweep.method,
        metric=sweep.metric,
        seed=sweep.seed,
        search=sweep.model_dump()["search"],
        data=facts.digest,
        images=len(manifest.load_labels("validation")),
        trials=list(trials),
        best=trials[best].name if best is not None and found else None,
        effects=[],
        excess=[],
    )


def keep_result(params: Params, result: SweepResult) -> None:
    """Write a result in the place of the one before; those of sweeps that are gone go as well."""
    others = [
        each
        for each in load_sweep_results()
        if each.name in params.sweeps and each.name != result.name
    ]
    save_sweep_results([*others, result])


def describe_sweep(result: SweepResult) -> str:
    """Return in words what came of a sweep, a line each."""
    diverged = [trial.name for trial in result.trials if trial.diverged]
    lines = [f"sweep {result.name}: {len(result.trials)} trials of {result.of}"]
    if diverged:
        lines.append(f"  diverged: {', '.join(diverged)}")
    best = next((trial for trial in result.trials if trial.name == result.best), None)
    if best is None:
        return "\n".join([*lines, "  no trial came to a number: search elsewhere"])
    point = ", ".join(f"{name} {value}" for name, value in best.point.items())
    lines.append(f"  best on validation: {best.name}, {point}")
    numbers = (
        f"{each.metric} {each.value:.4f}" for each in result.excess if each.value is not None
    )
    return "\n".join([*lines, *(f"  {number}" for number in numbers)])
