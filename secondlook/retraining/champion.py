"""The model in service: what it was made with, and what it predicts for today's images.

A process of its own asks it, image after image prepared as it wants them; what it predicts also
says something of the data, before any training.
"""

import os
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from secondlook.artifacts.dataset_card import DatasetCard, read_dataset_card
from secondlook.artifacts.manifest import ManifestRow
from secondlook.artifacts.parallel import map_in_order
from secondlook.artifacts.retraining_history import ConditionCheck, DataChange
from secondlook.config.errors import DataError, SecondLookError
from secondlook.config.params import DataParams, Params, PreprocessParams
from secondlook.data import decoding, sources
from secondlook.data.sources import Source
from secondlook.evaluation.metrics import Numbers, Probabilities
from secondlook.retraining import data_checks
from secondlook.retraining.data_checks import CurrentData, check_unseen
from secondlook.retraining.log import LOG_FILE
from secondlook.tracking import provenance
from secondlook.tracking.provenance import ImageDigests
from secondlook.tracking.registry import RegisteredVersion, Registry
from secondlook.training import environment

PREPARATION_BATCH = 8  # images that one thread prepares at a time


@dataclass(frozen=True)
class Champion:
    """A version in service, the folder of its network, its facts, and the images of its data."""

    version: RegisteredVersion
    network: Path
    facts: DatasetCard
    image_digests: ImageDigests


def _download_champion(registry: Registry, version: RegisteredVersion, folder: Path) -> Champion:
    """Bring the files of a version from MLflow into a folder.

    Raises DataError where MLflow does not know which images it was trained on, or another version
    of Second Look described them.
    """
    network = registry.download_files(version, folder / "model")
    source = registry.download_origin(version, folder / "origin")
    if not (source / provenance.IMAGE_DIGESTS_FILE).exists():
        raise DataError(
            f"MLflow: the images of the champion (version {version.number}, run {version.run}) are "
            "not listed there, so no comparison is fair; `secondlook promote RUN` puts another run "
            "into service, or `dvc repro` with its data adds the list, if its run is still there"
        )
    try:
        facts = read_dataset_card(network / "facts.json")
    except DataError as error:
        raise DataError(
            f"MLflow: the champion (run {version.run}) was made by another version of Second Look, "
            "and cannot be asked: `secondlook promote` a run of this one by hand"
        ) from error
    return Champion(version, network, facts, provenance.load_image_digests(source))


def check_question(then: DatasetCard, now: DatasetCard) -> None:
    """Raise DataError where the champion answers another question than is asked today."""
    asked, answered = (f"{one.classes}, positive {one.positive}" for one in (now, then))
    if asked != answered:
        raise DataError(
            f"data: the champion knows the classes {answered}, today's are {asked}; they cannot "
            "be compared: `secondlook promote` a run by hand"
        )


class PreparedImages:
    """Images (N, H, W, C), uint8, each made when it is asked for, as the champion wants them."""

    def __init__(self, rows: Sequence[ManifestRow], source: Source, spec: PreprocessParams) -> None:
        self.rows, self.source, self.spec = rows, source, spec

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: slice, /) -> NDArray[np.uint8]:
        return np.stack(list(map_in_order(self._prepare_row, self.rows[index], PREPARATION_BATCH)))

    def _prepare_row(self, row: ManifestRow) -> NDArray[np.uint8]:
        return decoding.decode_pixels(self.source.content(row.id), self.spec)


def _predict_apart(
    champion: Champion, rows: Sequence[ManifestRow], data: DataParams
) -> Probabilities:
    """Return the champion's class probabilities (N, K) for images of today's source.

    A process of its own asks it: the network then leaves the memory, of a GPU too, to the
    training. Raises SecondLookError where that process is killed.
    """
    with ProcessPoolExecutor(1, get_context("spawn"), _redirect_stderr_to_log) as pool:
        try:
            return pool.submit(_predict_images, champion, rows, data).result()
        except BrokenProcessPool:
            raise SecondLookError("the process that asked the champion was killed") from None


def _redirect_stderr_to_log() -> None:
    """Let what TensorFlow has to say go into the log, not among what people read."""
    LOG_FILE.parent.mkdir(parents=True, exist_ok=True)
    with LOG_FILE.open("ab") as log:
        os.dup2(log.fileno(), 2)


def _predict_images(
    champion: Champion, rows: Sequence[ManifestRow], data: DataParams
) -> Probabilities:
    environment.start_tensorflow()
    from secondlook.training.model import load_model, predict_probabilities

    source = sources.open_source(data)
    return predict_probabilities(
        load_model(champion.network), PreparedImages(rows, source, champion.facts.preparation)
    )


@dataclass(frozen=True)
class ChampionPredictions:
    """The champion, and its probabilities (K,) for each test image and each image new to it."""

    champion: Champion
    probabilities: Mapping[ManifestRow, Numbers | Probabilities]

    @classmethod
    def load(
        cls,
        registry: Registry,
        version: RegisteredVersion,
        today: CurrentData,
        params: Params,
        folder: Path,
    ) -> Self:
        """Bring the champion's files into the folder, and ask it.

        Raises DataError where no comparison with it would be fair.
        """
        found = _download_champion(registry, version, folder)
        check_question(found.facts, today.facts)
        check_unseen(today.test_rows, found.image_digests)
        asked = list(dict.fromkeys([*today.test_rows, *today.find_new_rows(found.image_digests)]))
        answered = _predict_apart(found, asked, params.data)
        return cls(found, dict(zip(asked, answered, strict=True)))

    def select(self, rows: Sequence[ManifestRow]) -> Probabilities:
        """Return the probabilities (N, K) for these images."""
        return np.array([self.probabilities[row] for row in rows], np.float32)

    def check_data(
        self, today: CurrentData, found: DataChange, params: Params
    ) -> Iterator[ConditionCheck]:
        """Yield what can be said of the data before any training."""
        limits, held = params.retrain.data_limits, self.champion.image_digests
        yield from data_checks.check_data(self.champion.facts, today.facts, found, limits)
        new = today.find_new_rows(held)
        fresh = set(new)
        known = [row for row in today.test_rows if row not in fresh]
        if limits.label_agreement is not None and new and known:
            old, now = ((today.encode_labels(part), self.select(part)) for part in (known, new))
            yield from data_checks.check_label_agreement(
                old, now, today.facts.classes, limits.label_agreement
            )
