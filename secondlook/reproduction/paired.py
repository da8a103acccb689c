"""A run against the same run of other code or data, by the test images that both answered."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from secondlook.artifacts import files
from secondlook.artifacts.dataset_card import DatasetCard, read_dataset_card
from secondlook.artifacts.manifest import ManifestRow, ManifestRows
from secondlook.artifacts.schema import McNemarTest
from secondlook.config.errors import DataError
from secondlook.evaluation import bootstrap, intervals
from secondlook.evaluation.intervals import Difference
from secondlook.evaluation.metrics import Labels, Probabilities, compute_mcnemar
from secondlook.evaluation.predictions import GroundTruth, ImagePredictions

PAIRED_SPLIT = "test"
ImageKey = tuple[str, str, int]


class RunImages(NamedTuple):
    """The N test images of a project: what each is, by content, label and number of the copy."""

    names: list[ImageKey]
    facts: DatasetCard
    labels: Labels


@dataclass(frozen=True)
class PairedComparison:
    """What the second run's metrics are less the first's, on the `shared` test images.

    `values` are both runs' metrics on these images; then and now: how many images each has.
    """

    then: int
    now: int
    shared: int
    values: dict[str, tuple[float, float]]
    differences: dict[str, Difference]
    mcnemar: McNemarTest
    same_bytes: bool

    def format_lines(self) -> Iterator[str]:
        """Yield the comparison in words, line by line."""
        sizes = f"{self.then} then, {self.now} now"
        yield f"on {self.shared} {PAIRED_SPLIT} images that both answered ({sizes}):"
        yield f"  {'':<18}{'then':>8}{'now':>8}  difference [95 % interval]"
        yield from map(self._format_row, self.differences)
        if self.same_bytes:
            yield "the same images, and bit by bit the same answers"
        found = self.mcnemar
        test = f"McNemar's exact test: p = {found.p:.3g}"
        yield f"right only then: {found.first_only}, right only now: {found.second_only} ({test})"

    def _format_row(self, name: str) -> str:
        (old, new), found = self.values[name], self.differences[name]
        value, low, high = found.floats
        ends = f"{value:+.4f} [{low:+.4f}, {high:+.4f}]"
        told = "" if found.distinguishable else "  not distinguishable"
        return f"  {name:<18}{old:>8.4f}{new:>8.4f}  {ends}{told}"


def load_run_images(project: Path) -> RunImages:
    """Read which test images a project's `preprocess` made; DataError where another version did."""
    made = project / files.stage_folder("preprocess")
    rows = [row for row in ManifestRows(made / "images.csv") if row.split == PAIRED_SPLIT]
    labels: Labels = np.load(made / f"{PAIRED_SPLIT}.labels.npy")
    return RunImages(_number_copies(rows), read_dataset_card(made / "facts.json"), labels)


def check_comparable(then: RunImages, now: RunImages) -> None:
    """Raise DataError where two projects do not ask the same question, or share no image."""
    asked = [(one.facts.classes, one.facts.positive) for one in (then, now)]
    if asked[0] != asked[1]:
        raise DataError(f"data: the classes were {asked[0][0]}, and are {asked[1][0]}; no pairs")
    if not set(then.names) & set(now.names):
        raise DataError("data: no test image of then is one of now; there is nothing to compare")


def load_run_predictions(asked: RunImages, predictions: Path) -> Probabilities:
    """Read what was answered to these images (N, K); DataError where it was to others."""
    with np.load(predictions) as arrays:
        found: Probabilities = arrays[PAIRED_SPLIT]
    expected = (len(asked.labels), len(asked.facts.classes))
    if found.shape != expected:
        raise DataError(
            f"predictions.npz: {PAIRED_SPLIT}: found {found.shape} (images, classes), expected "
            f"{expected}; the images are not those of the run"
        )
    return found


def compare_on_shared_images(
    then: RunImages, now: RunImages, told: tuple[Probabilities, Probabilities], seed: int
) -> PairedComparison:
    """Compare two runs on the images that both answered, and that are labelled alike.

    `told` is what each answered to its own images, then and now.
    """
    place = {name: index for index, name in enumerate(then.names)}
    both = [(place[name], index) for index, name in enumerate(now.names) if name in place]
    old, new = (np.array(side) for side in zip(*both, strict=True))
    truth = GroundTruth(now.labels[new], len(now.facts.classes), now.facts.positive_index)
    sides = (told[0][old], told[1][new])
    first, second = (ImagePredictions.from_probabilities(truth.labels, given) for given in sides)
    return PairedComparison(
        then=len(then.names),
        now=len(now.names),
        shared=len(both),
        values=_compute_metrics(truth, first, second),
        differences=intervals.compute_differences(truth, first, second, seed),
        mcnemar=compute_mcnemar(first.compute_correct(truth), second.compute_correct(truth)),
        same_bytes=then.names == now.names and np.array_equal(*sides),
    )


def _compute_metrics(
    truth: GroundTruth, first: ImagePredictions, second: ImagePredictions
) -> dict[str, tuple[float, float]]:
    one, other = (
        bootstrap.compute_observed_metrics(truth, run.predicted) for run in (first, second)
    )
    counted = {name: (float(one[name]), float(other[name])) for name in one}
    return counted | {"log_loss": (float(first.losses.mean()), float(second.losses.mean()))}


def _number_copies(rows: Iterable[ManifestRow]) -> list[ImageKey]:
    """Return a name for each image that is the same wherever it stands: content, label, copy."""
    seen, names = Counter[tuple[str, str]](), list[ImageKey]()
    for row in rows:
        what = (row.digest, row.label)
        names.append((*what, seen[what]))
        seen[what] += 1
    return names
