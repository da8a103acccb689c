"""What was made now against what was made then, stage by stage."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from stages.core import environment, files
from stages.core.reproducing.origin import SHORT, SOURCE, Origin
from stages.core.reproducing.outputs import Difference, first
from stages.core.reproducing.workshop import Workshop
from stages.core.statistics.metrics import Probabilities
from stages.core.tracking.whereabouts import recall

# What MLflow keeps of each stage, in the order in which it is made.
KEPT = {
    "split": (),
    "preprocess": ("facts.json",),
    "train": ("history.csv", "run.json", "predictions.npz", "layers.json"),
    "evaluate": ("metrics.json", "details.json"),
}
PER_RUN = ("train", "evaluate")
UNKNOWN = (
    "the environment of that training is not known: what it made came from DVC's run cache or a "
    "remote, or was made before environments were noted"
)


@dataclass(frozen=True)
class Sameness:
    """The first difference of each stage, None where there is none; and where both were made.

    `strayed` is code or data of the rerun that is not what the run was made with.
    """

    stages: Mapping[str, Difference | None]
    weights: str
    predictions: Mapping[str, str]
    strayed: Sequence[str]
    then: Mapping[str, str] | None
    now: Mapping[str, str]

    @property
    def identical(self) -> bool:
        """Say whether not one byte differs."""
        return not any(self.stages.values())

    def lines(self) -> Iterator[str]:
        """Yield the verdict in words, line by line."""
        for stage, difference in self.stages.items():
            yield f"  {stage:<11} {difference or 'identical'}"
        if self.identical:
            splits = " and ".join(self.predictions)
            yield f"bit-identical: weights {self.weights[:SHORT]}, predictions of {splits}, metrics"
            return
        stage = next(name for name, difference in self.stages.items() if difference)
        yield f"different, first in {stage}: {self.stages[stage]}"
        yield from (f"  predictions of {split}: {told}" for split, told in self.predictions.items())
        yield from (f"  not what the run was made with: {path}" for path in self.strayed)
        yield from (f"  {line}" for line in self.surroundings())

    def surroundings(self) -> Iterator[str]:
        """Yield what differs between the environments, or that it is not known, or nothing."""
        if self.then is None:
            yield UNKNOWN
            return
        found = list(environment.changes(self.then, self.now))
        yield "the environment differs:" if found else "the environment is the same, as far as told"
        yield from (f"  {line}" for line in found)


def compared(origin: Origin, shop: Workshop, strayed: Sequence[str]) -> Sameness:
    """Hold what the worktree made against what MLflow and dvc.lock have of the run."""
    made = shop.project / files.folder("train", origin.name)
    run = files.read_json(made / "run.json")
    return Sameness(
        stages={stage: _difference(origin, shop, stage) for stage in KEPT},
        weights=run["weights_digest"],
        predictions=predictions(origin.folder / "predictions.npz", made / "predictions.npz"),
        strayed=strayed,
        then=origin.environment,
        now=recall(run["key"], run["weights_digest"], shop.project) or environment.here(),
    )


def _difference(origin: Origin, shop: Workshop, stage: str) -> Difference | None:
    """Return the first number that differs; of what MLflow does not keep, the digests."""
    name = f"{stage}@{origin.name}" if stage in PER_RUN else stage
    made = files.folder(stage, origin.name) if stage in PER_RUN else files.folder(stage)
    for file in KEPT[stage]:
        then = _kept(origin, file)
        if then.exists() and (found := first(then, shop.project / made / file)):
            return found
    return _digests(origin.lock[name], shop.lock[name])


def _kept(origin: Origin, file: str) -> Path:
    return origin.folder / (SOURCE if file == "facts.json" else "") / file


def _digests(then: Mapping[str, Any], now: Mapping[str, Any]) -> Difference | None:
    """Return the first output of a stage whose digest in dvc.lock differs."""
    new = {out["path"]: out["md5"] for out in now["outs"]}
    for out in then["outs"]:
        if out["md5"] != new.get(out["path"]):
            return Difference(f"{out['path']}: md5", out["md5"], new.get(out["path"]))
    return None


def predictions(then: Path, now: Path) -> dict[str, str]:
    """Return in words, for each split, how far apart the probabilities are."""
    with np.load(then) as old, np.load(now) as new:
        both = [name for name in old.files if name in new.files]
        return {name: _apart(old[name], new[name]) for name in both}


def _apart(then: Probabilities, now: Probabilities) -> str:
    if then.shape != now.shape:
        return f"{len(then)} images then, {len(now)} now"
    other = int((then.argmax(axis=1) != now.argmax(axis=1)).sum())
    return (
        f"{np.abs(then - now).max():.3g} apart at most, {other} of {len(then)} answered otherwise"
    )
