"""Sweeps in MLflow: a run for each, its trials below it, in an experiment of their own.

Beside the runs they would bury them: a hundred trials in every table and chart, which have no
numbers of test, and are not to be compared with what has. A sweep whose definition, data or code
changed is another one; the earlier stays, as runs of earlier keys do.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from secondlook.artifacts import files
from secondlook.artifacts.schema import check_artifact
from secondlook.config.params import Params
from secondlook.config.training import TrainParams
from secondlook.evaluation.selection import LOWER_IS_BETTER
from secondlook.evaluation.sweep_results import (
    RESULTS_FILE,
    SweepResult,
    TrialResult,
    load_sweep_results,
)
from secondlook.tracking import provenance
from secondlook.tracking.expected import list_final_points, load_data_spec, read_curves
from secondlook.tracking.run_spec import (
    LONGEST_VALUE,
    DataSpec,
    MetricPoint,
    RunSpec,
    flatten_section,
    format_data_parameters,
    format_place_tags,
)

SWEEP_TAG = "second_look.sweep"  # the tag that finds the run of a sweep
TRIAL_TAG = "second_look.trial"  # the tag that finds a trial
TRIALS_TAG = "second_look.trial.sweep"  # the tag that finds all trials of a sweep
SWEEPS_NOTE = (
    "One run for each `secondlook sweep`, its trials below it; kept equal to the project's files. "
    "A view for each, under Views, has its parallel coordinates. Trials are asked about validation "
    "alone, and the best of many looks better there than it is: docs/sweeps.md."
)
SWEEPS_TAGS = {
    "mlflow.experimentKind": "custom_model_development",
    "mlflow.note.content": SWEEPS_NOTE,
}

CHARTS_SECTION = {
    "uuid": "search",
    "name": "Search",
    "display": True,
    "columns": 1,
    "cardHeight": 500,
}
CHART_PLACE = {"metricSectionId": CHARTS_SECTION["uuid"], "deleted": False, "isGenerated": False}


@dataclass(frozen=True)
class ExpectedSweep:
    """The runs of a sweep, and how the UI shows its trials.

    lost: the keys of trials that are known by data/sweep/results.json alone: their curves may be in
    MLflow, and are not here.
    """

    parent: RunSpec
    trials: list[RunSpec]
    lost: frozenset[str]
    view_name: str
    view: str


def load_expected_sweeps(params: Params) -> list[ExpectedSweep]:
    """Return the sweeps that have ended; DataError where what they left has another shape."""
    results = load_sweep_results()
    if not results:
        return []
    with check_artifact(RESULTS_FILE):
        return [_build_sweep(params, result) for result in results]


def _build_sweep(params: Params, result: SweepResult) -> ExpectedSweep:
    key, data = _compute_sweep_key(result), load_data_spec(params)
    if result.data != data.digest:  # images of before, of which the files say no more
        data = DataSpec(data.name, result.data, data.source, "{}")
    here = {trial.name for trial in result.trials if _is_here(trial)}
    trials = [_build_trial(result, trial, key, data, trial.name in here) for trial in result.trials]
    lost = frozenset(each.key for each in trials if each.title not in here)
    parent = _build_parent(params, result, key, data, trials)
    return ExpectedSweep(parent, trials, lost, f"sweep-{result.name}", _describe_view(result, key))


def _compute_sweep_key(result: SweepResult) -> str:
    """Return the SHA-256 (hex) of what makes it the same sweep, be it one that goes on.

    The key of its first trial stands for the run that is varied, the data and the code.
    """
    asked = [result.name, result.of, result.method, result.metric, result.seed, result.search]
    told = json.dumps([asked, result.data, [trial.key for trial in result.trials[:1]]])
    return sha256(told.encode()).hexdigest()


def _is_here(trial: TrialResult) -> bool:
    """Tell whether data/trial holds this very training."""
    told = files.stage_folder("trial", trial.name) / "trial.json"
    return told.exists() and bool(files.read_json(told)["key"] == trial.key)


def _build_parent(
    params: Params, result: SweepResult, key: str, data: DataSpec, trials: list[RunSpec]
) -> RunSpec:
    present = data == load_data_spec(params)
    return RunSpec(
        tag=SWEEP_TAG,
        key=key,
        title=f"sweep {result.name}",
        data=data,
        parameters={
            **{name: str(getattr(result, name)) for name in ("of", "method", "metric", "seed")},
            **{
                _clean_key(f"search.{name}"): json.dumps(space)[:LONGEST_VALUE]
                for name, space in result.search.items()
            },
            **(format_data_parameters(params) if present else {}),
        },
        tags={
            "second_look.names": result.name,
            "second_look.best": result.best or "none",
            **(format_place_tags(params) if present else {}),
        },
        started=min((trial.started for trial in trials), default=provenance.read_clock()),
        ended=max((trial.ended for trial in trials), default=0),
        final=tuple(_list_sweep_numbers(result)),
        artifacts={RESULTS_FILE.name: RESULTS_FILE},
    )


def _build_trial(
    result: SweepResult, trial: TrialResult, sweep: str, data: DataSpec, here: bool
) -> RunSpec:
    folder = files.stage_folder("trial", trial.name)
    history = folder / "history.csv"
    curves = tuple(read_curves(history)) if here and history.exists() else ()
    made = folder / "trial.json" if here else RESULTS_FILE
    started, ended = provenance.read_training_times(trial.key, made)
    metrics = {f"validation/{name}": value for name, value in trial.metrics.items()}
    # A choice that is a mapping is told as a whole, beside its parts.
    chosen = {
        _clean_key(f"train.{name}"): _format_choice(value)[:LONGEST_VALUE]
        for name, value in trial.point.items()
    }
    train = TrainParams.model_validate(trial.parameters)
    return RunSpec(
        tag=TRIAL_TAG,
        key=f"{sweep}/{trial.name}",
        title=trial.name,
        data=data,
        parameters=chosen | flatten_section(train, "train."),
        tags={
            TRIALS_TAG: sweep,
            "second_look.names": trial.name,
            "second_look.best": str(trial.name == result.best).lower(),
            "second_look.dvc.stage": f"data/sweep/dvc.yaml:trial@{trial.name}",
            **({"second_look.diverged": trial.diverged} if trial.diverged else {}),
        },
        started=started,
        ended=ended,
        curves=curves,
        final=()
        if trial.diverged
        else tuple(list_final_points(trial.model_dump(), metrics, curves)),
        status="FAILED" if trial.diverged else "FINISHED",
        numbers_only=True,
    )


def _clean_key(name: str) -> str:
    """Return a name as MLflow takes it; that of a class may have signs that it refuses."""
    return re.sub(r"[^\w./ :-]", "_", name)


def _format_choice(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _list_sweep_numbers(result: SweepResult) -> Iterator[MetricPoint]:
    """Yield what came of a sweep: how many trials, the best of them, how much that flatters."""
    told: dict[str, float | None] = {"trials": len(result.trials)}
    told["diverged"] = sum(trial.diverged is not None for trial in result.trials)
    for trial in result.trials:
        if trial.name == result.best:
            told |= {f"validation/{name}": value for name, value in trial.metrics.items()}
    told |= {f"excess/{each.metric}": each.excess.value for each in result.excess}
    told |= {f"share/{each.name}": each.share.value for each in result.effects}
    yield from (
        MetricPoint(_clean_key(key), 0, value) for key, value in told.items() if value is not None
    )


def _is_numeric(space: dict[str, Any] | list[Any]) -> bool:
    """Tell whether a parameter is searched among numbers: in a range, or in a list of them."""
    return isinstance(space, dict) or all(type(value) in (int, float) for value in space)


def _describe_view(result: SweepResult, key: str) -> str:
    """Return a saved view of the UI: the trials alone, the best first, and what was searched."""
    searched = [_clean_key(f"train.{name}") for name in result.search]
    chosen = f"validation/{result.metric}"
    columns = [f"metrics.`{chosen}`", *(f"params.`{name}`" for name in searched)]
    parallel = {"selectedParams": searched, "selectedMetrics": [chosen], "showAllRuns": True}
    charts: list[dict[str, Any]] = [{"type": "PARALLEL", "uuid": "parallel", **parallel}]
    numeric = [
        _clean_key(f"train.{name}") for name, space in result.search.items() if _is_numeric(space)
    ]
    if len(numeric) > 1:
        x, y = ({"type": "PARAM", "key": name} for name in numeric[:2])
        axes = {"xaxis": x, "yaxis": y, "zaxis": {"type": "METRIC", "key": chosen}}
        charts.append({"type": "CONTOUR", "uuid": "contour", **axes})
    state = {
        "searchFilter": f"tags.`{TRIALS_TAG}` = '{key}'",
        "orderByKey": columns[0],
        "orderByAsc": result.metric == LOWER_IS_BETTER,
        "selectedColumns": columns,
        "compareRunSections": [CHARTS_SECTION],
        "compareRunCharts": [{**chart, **CHART_PLACE} for chart in charts],
    }
    view = {"name": f"Sweep {result.name}", "createdAt": 0, "updatedAt": 0}
    return json.dumps({**view, "state": json.dumps(state)})
