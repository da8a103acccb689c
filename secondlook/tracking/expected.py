"""From the files under data/ and params.yaml to the MLflow runs that mirror them."""

import json
import math
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from secondlook.artifacts import dataset_card, files, manifest
from secondlook.config.params import Params
from secondlook.config.training import TrainParams
from secondlook.report import thumbnails
from secondlook.tracking import provenance
from secondlook.tracking.run_spec import (
    DATA_TAG,
    KEY_TAG,
    DataSpec,
    MetricPoint,
    ModelSpec,
    RunSpec,
    build_run_tags,
    flatten_section,
    format_data_parameters,
    format_place_tags,
)
from secondlook.training.environment import compute_run_key

TRAIN_FILES = ("run.json", "history.csv", "predictions.npz", "layers.json")
EVALUATE_FILES = ("metrics.json", "details.json")
NETWORK_FILES = ("model.json", "model.weights.h5", "typical.npz")
# Of run.json; the last epoch of the head alone stands in that of runs with two phases.
SPENT_METRICS = ("epochs", "kept_epoch", "fine_tuned_after", "parameter_count")
LONGEST_TITLE = 250  # characters that MLflow takes


def format_experiment_name(params: Params) -> str:
    """Return the name of the MLflow experiment: track.experiment, or the question asked.

    It needs no data: the registry is asked for a model where there are none.
    """
    if params.track.experiment is not None:
        return params.track.experiment
    name, positive = Path(params.data.path).name or "data", params.data.positive
    return name if positive is None else f"{name}: {positive} or not"


def load_parent_spec(params: Params) -> RunSpec:
    """Return the MLflow run that holds all runs on the present data, without the report."""
    data = load_data_spec(params)
    return RunSpec(
        tag=DATA_TAG,
        key=data.digest,
        title=f"{data.name} {data.digest[:8]}",
        data=data,
        parameters=format_data_parameters(params),
        tags=format_place_tags(params),
        started=provenance.read_clock(),
    )


def load_training_spec(params: Params, run: str) -> RunSpec:
    """Return the run `run` as far as it is known before it trains."""
    train = params.run(run)
    names = [name for name in params.runs if params.run(name) == train]
    return _build_run_spec(params, names, compute_run_key(params, run), train)


def load_expected_runs(params: Params) -> tuple[RunSpec, list[RunSpec]]:
    """Return the parent with its report, and the trained and evaluated runs below it.

    Raises DataError when a stage before `track` has not run.
    """
    made = replace(load_parent_spec(params), artifacts=_list_report_files())
    same: dict[str, list[str]] = defaultdict(list)
    for name in params.runs:
        same[_read_run_json(name)["key"]].append(name)
    return made, [_load_run_spec(params, names) for names in same.values()]


def _load_run_spec(params: Params, names: list[str]) -> RunSpec:
    folder, run = files.stage_folder("train", names[0]), _read_run_json(names[0])
    started, ended = provenance.read_training_times(run["key"], folder / "run.json")
    curves = tuple(read_curves(folder / "history.csv"))
    train, metrics = TrainParams.model_validate(run["parameters"]), _read_metrics(names[0])
    return replace(
        _build_run_spec(params, names, run["key"], train),
        started=started,
        ended=ended,
        curves=curves,
        final=tuple(list_final_points(run, metrics, curves)),
        artifacts=_list_artifacts(names[0]),
        pictures=_list_pictures(names[0]),
        model=_load_model_spec(folder, run, tuple(metrics)),
        environment=provenance.read_training_environment(run["key"], run["weights_digest"]),
    )


def _build_run_spec(params: Params, names: list[str], key: str, train: TrainParams) -> RunSpec:
    """Entries of `runs:` that do not differ are one MLflow run, which bears all their names."""
    return RunSpec(
        tag=KEY_TAG,
        key=key,
        title=", ".join(names)[:LONGEST_TITLE],
        data=load_data_spec(params),
        parameters=flatten_section(train, "train.") | format_data_parameters(params),
        tags={
            **build_run_tags(list(params.runs).index(names[0])),
            **format_place_tags(params),
            "second_look.names": ", ".join(names),
            "second_look.dvc.stage": ", ".join(f"train@{name}" for name in names),
        },
        started=provenance.read_clock(),
    )


def load_data_spec(params: Params) -> DataSpec:
    """Return the present data; DataError when `preprocess` has not run."""
    found = dataset_card.load_dataset_card()
    about = {"shape": found.shape, "classes": found.classes, "images": found.counts}
    profile = json.dumps(about, ensure_ascii=False)
    return DataSpec(found.name, found.digest, params.data.path, profile)


def read_curves(history: Path) -> Iterator[MetricPoint]:
    """Yield a point per epoch and column of history.csv; an empty cell is no point."""
    for row in files.read_csv(files.check_present(history)):
        step = int(row.pop("epoch"))
        yield from (MetricPoint(key, step, float(cell)) for key, cell in row.items() if cell)


def list_final_points(
    run: Mapping[str, Any], metrics: Mapping[str, float | None], curves: tuple[MetricPoint, ...]
) -> Iterator[MetricPoint]:
    """Yield the kept model's metrics so that each is the last value of its name.

    MLflow's table shows a metric's last value, and validation/accuracy, precision and recall
    have a curve too. Where the last epoch was kept, the curve ends with the kept model already.
    Else the kept model is one more point, after the last epoch: no epoch's value is changed.
    A metric without a curve is at step 0: so the UI compares the runs by bars.
    """
    drawn, kept_last = {point.key for point in curves}, run["kept_epoch"] == run["epochs"]
    told = {**metrics, **{key: run[key] for key in SPENT_METRICS if key in run}}
    for key, value in sorted(told.items()):
        if key not in drawn and value is not None:
            yield MetricPoint(key, 0, float(value))
        elif key in drawn and not kept_last:
            yield MetricPoint(key, run["epochs"] + 1, math.nan if value is None else float(value))


def _read_metrics(name: str) -> dict[str, float | None]:
    """Return metrics.json as validation/... and test/..."""
    path = files.check_present(files.stage_folder("evaluate", name, "metrics.json"))
    found = files.read_json(path)
    return {f"{split}/{key}": value for split, part in found.items() for key, value in part.items()}


def _list_report_files() -> dict[str, Path]:
    """Return what is said of all runs together: the report and its tables, the comparison."""
    report = files.check_present(files.stage_folder("report", "report.html")).parent
    found = [*report.glob("*.*"), *files.stage_folder("compare").glob("*.*")]
    return {path.name: path for path in sorted(found)} | {
        "facts.json": files.stage_folder("preprocess", "facts.json")
    }


def _list_artifacts(name: str) -> dict[str, Path]:
    made = {file: files.stage_folder("train", name, file) for file in TRAIN_FILES}
    made |= {file: files.stage_folder("evaluate", name, file) for file in EVALUATE_FILES}
    return {file: files.check_present(path) for file, path in made.items()}


def _list_pictures(name: str) -> dict[str, Path]:
    drawn = sorted(files.stage_folder("report", "runs", name).glob("*.png"))
    return {path.stem: path for path in drawn}


def _load_model_spec(folder: Path, run: dict[str, Any], metrics: tuple[str, ...]) -> ModelSpec:
    found = dataset_card.load_dataset_card()
    told = [
        files.stage_folder("preprocess", "facts.json"),
        files.stage_folder("evaluate", folder.name, "operating.json"),
    ]
    parts = [folder / name for name in NETWORK_FILES] + told
    return ModelSpec(
        digest=run["weights_digest"],
        files=tuple(map(files.check_present, parts)),
        classes=tuple(found.classes),
        example=thumbnails.encode_exact(manifest.load_images("test")[0]).content,
        epoch=run["kept_epoch"],
        metrics=metrics,
    )


def _read_run_json(name: str) -> dict[str, Any]:
    run: dict[str, Any] = files.read_json(
        files.check_present(files.stage_folder("train", name, "run.json"))
    )
    return run
