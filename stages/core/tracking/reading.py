"""From the files under data/ and params.yaml to the MLflow runs that mirror them."""

import json
import math
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from stages.core import files
from stages.core.errors import DataError
from stages.core.identity import run_key
from stages.core.outputs import facts
from stages.core.page import gallery
from stages.core.params import Params, Train
from stages.core.tracking import clock, whereabouts
from stages.core.tracking.looks import run_tags
from stages.core.tracking.record import DATA, KEY, DataSet, Model, Point, Record
from stages.core.tracking.settings import flat, settings

TRAINED = ("run.json", "history.csv", "predictions.npz", "layers.json")
EVALUATED = ("metrics.json", "details.json")
NETWORK = ("model.json", "model.weights.h5", "typical.npz")
LONGEST_TITLE = 250  # characters that MLflow takes


def experiment(params: Params) -> str:
    """Return the name of the MLflow experiment: track.experiment, or the question asked.

    It needs no data: the registry is asked for a model where there are none.
    """
    if params.track.experiment is not None:
        return params.track.experiment
    name, positive = Path(params.data.path).name or "data", params.data.positive
    return name if positive is None else f"{name}: {positive} or not"


def parent(params: Params) -> Record:
    """Return the MLflow run that holds all runs on the present data, without the report."""
    data = _data_set(params)
    return Record(
        tag=DATA,
        key=data.digest,
        title=f"{data.name} {data.digest[:8]}",
        data=data,
        parameters=settings(params),
        started=clock.now(),
    )


def training(params: Params, run: str) -> Record:
    """Return the run `run` as far as it is known before it trains."""
    train = params.run(run)
    names = [name for name in params.runs if params.run(name) == train]
    return _named(params, names, run_key(params, run), train)


def finished(params: Params) -> tuple[Record, list[Record]]:
    """Return the parent with its report, and the trained and evaluated runs below it.

    Raises DataError when a stage before `track` has not run.
    """
    made = replace(parent(params), artifacts=_pages())
    same: dict[str, list[str]] = defaultdict(list)
    for name in params.runs:
        same[_trained(name)["key"]].append(name)
    return made, [_finished(params, names) for names in same.values()]


def _finished(params: Params, names: list[str]) -> Record:
    folder, run = files.folder("train", names[0]), _trained(names[0])
    started, ended = clock.recall(run["key"], folder / "run.json")
    curves = tuple(_curves(folder / "history.csv"))
    train, metrics = Train.model_validate(run["parameters"]), _metrics(names[0])
    return replace(
        _named(params, names, run["key"], train),
        started=started,
        ended=ended,
        curves=curves,
        final=tuple(_final(run, metrics, curves)),
        artifacts=_artifacts(names[0]),
        pictures=_pictures(names[0]),
        model=_model(folder, run, tuple(metrics)),
        environment=whereabouts.recall(run["key"], run["weights_digest"]),
    )


def _named(params: Params, names: list[str], key: str, train: Train) -> Record:
    """Entries of `runs:` that do not differ are one MLflow run, which bears all their names."""
    return Record(
        tag=KEY,
        key=key,
        title=", ".join(names)[:LONGEST_TITLE],
        data=_data_set(params),
        parameters=flat(train, "train.") | settings(params),
        tags={
            **run_tags(list(params.runs).index(names[0])),
            "second_look.names": ", ".join(names),
            "second_look.dvc.stage": ", ".join(f"train@{name}" for name in names),
        },
        started=clock.now(),
    )


def _data_set(params: Params) -> DataSet:
    found = facts.read()
    about = {"shape": found.shape, "classes": found.classes, "images": found.counts}
    profile = json.dumps(about, ensure_ascii=False)
    return DataSet(found.name, found.digest, params.data.path, profile)


def _curves(history: Path) -> Iterator[Point]:
    """Yield a point per epoch and column of history.csv; an empty cell is no point."""
    for row in files.read_csv(history):
        step = int(row.pop("epoch"))
        yield from (Point(key, step, float(cell)) for key, cell in row.items() if cell)


def _final(
    run: dict[str, Any], metrics: dict[str, float | None], curves: tuple[Point, ...]
) -> Iterator[Point]:
    """Yield the kept model's metrics so that each is the last value of its name.

    MLflow's table shows a metric's last value, and validation/accuracy, precision and recall
    have a curve too. Where the last epoch was kept, the curve ends with the kept model already.
    Else the kept model is one more point, after the last epoch: no epoch's value is changed.
    A metric without a curve is at step 0: so the UI compares the runs by bars.
    """
    drawn, kept_last = {point.key for point in curves}, run["kept_epoch"] == run["epochs"]
    told = metrics | {key: run[key] for key in ("epochs", "kept_epoch", "parameter_count")}
    for key, value in sorted(told.items()):
        if key not in drawn and value is not None:
            yield Point(key, 0, float(value))
        elif key in drawn and not kept_last:
            yield Point(key, run["epochs"] + 1, math.nan if value is None else float(value))


def _metrics(name: str) -> dict[str, float | None]:
    """Return metrics.json as validation/... and test/..."""
    found = files.read_json(_present(files.folder("evaluate", name, "metrics.json")))
    return {f"{split}/{key}": value for split, part in found.items() for key, value in part.items()}


def _pages() -> dict[str, Path]:
    """Return what is said of all runs together: the report and its tables, the comparison."""
    report = _present(files.folder("report", "report.html")).parent
    found = [*report.glob("*.*"), *files.folder("compare").glob("*.*")]
    return {path.name: path for path in sorted(found)} | {
        "facts.json": files.folder("preprocess", "facts.json")
    }


def _artifacts(name: str) -> dict[str, Path]:
    made = {file: files.folder("train", name, file) for file in TRAINED}
    made |= {file: files.folder("evaluate", name, file) for file in EVALUATED}
    return {file: _present(path) for file, path in made.items()}


def _pictures(name: str) -> dict[str, Path]:
    drawn = sorted(files.folder("report", "runs", name).glob("*.png"))
    return {path.stem: path for path in drawn}


def _model(folder: Path, run: dict[str, Any], metrics: tuple[str, ...]) -> Model:
    found = facts.read()
    told = [
        files.folder("preprocess", "facts.json"),
        files.folder("evaluate", folder.name, "operating.json"),
    ]
    parts = [folder / name for name in NETWORK] + told
    return Model(
        digest=run["weights_digest"],
        files=tuple(map(_present, parts)),
        classes=tuple(found.classes),
        example=gallery.exact(files.images("test")[0]).content,
        epoch=run["kept_epoch"],
        metrics=metrics,
    )


def _trained(name: str) -> dict[str, Any]:
    run: dict[str, Any] = files.read_json(_present(files.folder("train", name, "run.json")))
    return run


def _present(path: Path) -> Path:
    if not path.exists():
        raise DataError(f"{path}: no such file; run `dvc repro` to make it")
    return path
