"""What stands beside an export, export.json: what it takes and gives, and how it was checked."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from secondlook.artifacts import files, manifest
from secondlook.artifacts.dataset_card import DatasetCard, load_dataset_card
from secondlook.artifacts.schema import NullableFloat, Record, check_artifact
from secondlook.config.errors import ExportError
from secondlook.config.params import PreprocessParams
from secondlook.evaluation.operating_point import OperatingPoint
from secondlook.evaluation.predictions import SplitPredictions, load_predictions
from secondlook.serving.export_format import ExportFormat, OpenedExport
from secondlook.serving.inputs import ModelFiles

# How far the probabilities of an export may lie from the run's, by the precision of its training.
# Runtimes add in another order, which shows in the seventh digit; a graphics card that trained in
# TF32 keeps ten bits of a factor, bfloat16 seven. A network that is not the same is further off.
TOLERANCES = {"float32": 1e-3, "mixed_bfloat16": 1e-2}
BATCH = 64  # images that an export is asked about at once, as the run was
MOST_IMAGES = 1000  # of test that an export is asked about: more find nothing else
CHANNELS = {1: "grey", 3: "red, green, blue"}
VALUES = "0 to 255: scaling is inside of the network"


class ExportInput(Record):
    """What an export takes: images (N, H, W, C) of one type; `values` says how they are scaled.

    preparation: how `preprocess` made every image from its picture; an export leaves that to its
    user.
    """

    name: str
    type: str
    shape: list[int | None]
    channels: str
    values: str
    preparation: PreprocessParams


class ExportOutput(Record):
    """What an export gives: a probability for each class, in this order."""

    name: str
    type: str
    shape: list[int | None]
    classes: list[str]


class ExportDecision(Record):
    """Where the answer to a yes-or-no question is yes: from a probability of `threshold` on.

    The rule `default` is the most probable class, whatever the threshold.
    """

    positive: str
    rule: str
    threshold: NullableFloat


class ExportCheck(Record):
    """How an export was asked: so many test images, all with the class that the run gave them.

    largest_difference: of a probability from the run's; it was to be at most `tolerance`.
    """

    images: int
    test_images: int
    largest_difference: float
    tolerance: float


class ExportCard(Record):
    """export.json: all that a user of an export needs to know.

    weights_digest: SHA-256 (hex) of the run's model.weights.h5; key: what made the run, as in
    MLflow's tag second_look.key; data: the digest of its images. decision: null where the
    question is not yes or no.
    """

    run: str
    format: str
    file: str
    input: ExportInput
    output: ExportOutput
    decision: ExportDecision | None
    check: ExportCheck
    key: str
    weights_digest: str
    data: str
    versions: dict[str, str]


@dataclass(frozen=True)
class ExportedRun:
    """What an export is made of and judged by: the files of a run, and what it answered on test."""

    name: str
    precision: str
    key: str
    weights_digest: str
    parts: ModelFiles
    facts: DatasetCard
    decision: ExportDecision | None
    answers: SplitPredictions


def load_exported_run(name: str, folder: Path) -> ExportedRun:
    """Return what the stages left of a run, whose network lies in `folder`.

    Raises DataError where a file is missing or of another shape.
    """
    with check_artifact(folder / "run.json") as path:
        found = files.read_json(path)
        key, weights = found["key"], found["weights_digest"]
        precision = found["parameters"]["precision"]
    facts, parts = load_dataset_card(), ModelFiles.in_workspace(name)
    decision, answers = _load_decision(parts.operating), load_predictions(name, "test", facts)
    return ExportedRun(name, precision, key, weights, parts, facts, decision, answers)


def _load_decision(path: Path) -> ExportDecision | None:
    """Return where a yes begins, as `evaluate` chose it; None where the question is another."""
    with check_artifact(path):
        found = files.read_json(path)
        point = OperatingPoint.model_validate(found) if found else None
    if point is None:
        return None
    return ExportDecision(positive=point.name, rule=point.rule, threshold=point.threshold)


def check_answers(opened: OpenedExport, trained: ExportedRun, what: str) -> ExportCheck:
    """Return how the export answers test images; ExportError where not as the run did.

    what: the export, as people are told of it.
    """
    images, given = manifest.load_images("test"), trained.answers.probabilities
    asked = _choose_images(len(images))
    batches = np.split(asked, range(BATCH, len(asked), BATCH))
    answers = np.concatenate([_ask_padded(opened, images[batch]) for batch in batches])
    apart = float(np.abs(answers - given[asked]).max())
    others = int((answers.argmax(axis=1) != given[asked].argmax(axis=1)).sum())
    tolerance = TOLERANCES[trained.precision]
    if others or not apart <= tolerance:  # what is not a number is no agreement
        raise ExportError(
            f"{what}: found another class than the run gave for {others:,} of {len(asked):,} test "
            f"images and probabilities up to {apart:.2g} apart, expected the same classes and at "
            f"most {tolerance:g}; nothing is kept; run `dvc repro` if something changed since, or "
            "take another --format"
        )
    return ExportCheck(
        images=len(asked),
        test_images=len(images),
        largest_difference=apart,
        tolerance=tolerance,
    )


def _choose_images(count: int) -> NDArray[np.int64]:
    """Return which of so many images are asked about, spread evenly over all."""
    return np.linspace(0, count - 1, min(count, MOST_IMAGES)).astype(np.int64)


def _ask_padded(opened: OpenedExport, images: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return probabilities (N, K) of a batch, asked as the run was: padded to the same size."""
    padded = np.pad(images, [(0, BATCH - len(images)), (0, 0), (0, 0), (0, 0)])
    return opened.ask(padded)[: len(images)]


def build_export_card(
    trained: ExportedRun, wanted: ExportFormat, opened: OpenedExport, check: ExportCheck
) -> ExportCard:
    """Return what stands beside the export."""
    facts = trained.facts
    return ExportCard(
        run=trained.name,
        format=wanted.name,
        file=wanted.file,
        input=ExportInput(
            name=opened.input_name,
            type="uint8",
            shape=[None, *facts.shape],
            channels=CHANNELS[facts.shape[-1]],
            values=VALUES,
            preparation=facts.preparation,
        ),
        output=ExportOutput(
            name=opened.output_name,
            type="float32",
            shape=[None, len(facts.classes)],
            classes=facts.classes,
        ),
        decision=trained.decision,
        check=check,
        key=trained.key,
        weights_digest=trained.weights_digest,
        data=facts.digest,
        versions=wanted.list_versions(),
    )
