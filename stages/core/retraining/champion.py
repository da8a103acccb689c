"""The model in service: what it was made with, and what it answers to today's images."""

import os
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from stages.core import files
from stages.core.data import images, sources
from stages.core.data.items import Source
from stages.core.errors import DataError, SecondLookError
from stages.core.outputs.facts import Facts
from stages.core.outputs.manifest import Row
from stages.core.parallel import in_order
from stages.core.params import Data, Preprocess
from stages.core.retraining.transcript import LOG
from stages.core.statistics.metrics import Probabilities
from stages.core.tracking import held
from stages.core.tracking.held import Held
from stages.core.tracking.registry import Registry, Version

BATCH = 8  # images that one thread prepares at a time


@dataclass(frozen=True)
class Champion:
    """A version in service, the folder of its network, its facts, and the images of its data."""

    version: Version
    network: Path
    facts: Facts
    held: Held


def fetched(registry: Registry, version: Version, folder: Path) -> Champion:
    """Bring the files of a version from MLflow into a folder.

    Raises DataError where MLflow does not know which images it was trained on, or another version
    of Second Look described them.
    """
    network = registry.files(version, folder / "model")
    source = registry.origin(version, folder / "origin")
    if not (source / held.FILE).exists():
        raise DataError(
            f"MLflow: the images of the champion (run {version.run}) are not listed there, so no "
            "comparison is fair; `dvc repro` with its data adds the list, or `secondlook promote` "
            "another run by hand"
        )
    try:
        facts = Facts.of(files.read_json(network / "facts.json"))
    except (KeyError, TypeError, ValueError) as error:
        raise DataError(
            f"MLflow: the champion (run {version.run}) was made by another version of Second Look, "
            "and cannot be asked: `secondlook promote` a run of this one by hand"
        ) from error
    return Champion(version, network, facts, held.read(source))


def check_question(then: Facts, now: Facts) -> None:
    """Raise DataError where the champion answers another question than is asked today."""
    asked, answered = (f"{one.classes}, positive {one.positive}" for one in (now, then))
    if asked != answered:
        raise DataError(
            f"data: the champion knows the classes {answered}, today's are {asked}; they cannot "
            "be compared: `secondlook promote` a run by hand"
        )


class Prepared:
    """Images (N, H, W, C), uint8, each made when it is asked for, as the champion wants them."""

    def __init__(self, rows: Sequence[Row], source: Source, spec: Preprocess) -> None:
        self.rows, self.source, self.spec = rows, source, spec

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: slice, /) -> NDArray[np.uint8]:
        return np.stack(list(in_order(self._made, self.rows[index], BATCH)))

    def _made(self, row: Row) -> NDArray[np.uint8]:
        return images.read(self.source.content(row.id), self.spec)


def answers(champion: Champion, rows: Sequence[Row], data: Data) -> Probabilities:
    """Return the champion's class probabilities (N, K) for images of today's source.

    A process of its own asks it: the network then leaves the memory, of a GPU too, to the
    training. Raises SecondLookError where that process is killed.
    """
    with ProcessPoolExecutor(1, get_context("spawn"), _mutter) as pool:
        try:
            return pool.submit(_answers, champion, rows, data).result()
        except BrokenProcessPool:
            raise SecondLookError("the process that asked the champion was killed") from None


def _mutter() -> None:
    """Let what TensorFlow has to say go into the log, not among what people read."""
    LOG.parent.mkdir(parents=True, exist_ok=True)
    with LOG.open("ab") as log:
        os.dup2(log.fileno(), 2)


def _answers(champion: Champion, rows: Sequence[Row], data: Data) -> Probabilities:
    from stages.core.model import load, predict

    source = sources.source(data)
    return predict(load(champion.network), Prepared(rows, source, champion.facts.preparation))
