"""What is taken for what: the classes that are confused, the misclassified images to look at.

Confusion matrices of many classes are cut down; mistakes have names for people to find them by.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from secondlook.artifacts.schema import IndexArray, NullableFloat, Record
from secondlook.evaluation.comparison import ComparedRun
from secondlook.evaluation.metrics import Counts, Labels, Numbers, count_answers
from secondlook.evaluation.predictions import ImagePredictions


class ConfusedPair(Record):
    """How many test images of one class are taken for another; share: of all of the first one."""

    true: str
    predicted: str
    count: int
    share: float


OTHER_CLASSES = "others"


def find_most_confused_classes(matrices: Sequence[Counts], limit: int) -> list[int]:
    """Return the classes, in their order, that take part in most mistakes of all runs.

    Matrices are (K, K); at most `limit` classes are returned, all of them where K is no larger.
    """
    total = np.sum(matrices, axis=0)
    mistakes = total.sum(axis=0) + total.sum(axis=1) - 2 * total.diagonal()
    worst = np.argsort(-mistakes, kind="stable")[:limit]
    return sorted(worst.tolist())


def condense_confusion_matrix(counts: Counts, kept: Sequence[int]) -> Counts:
    """Return the matrix of the `kept` classes, and one last row and column for all others.

    Nothing is lost: the sum stays. The matrix itself where every class is kept.
    """
    size = len(counts)
    if len(kept) == size:
        return counts
    place = np.full(size, len(kept))
    place[list(kept)] = range(len(kept))
    small = np.zeros((len(kept) + 1, len(kept) + 1), dtype=np.int64)
    np.add.at(small, (place[:, None], place[None, :]), counts)
    return small


def compute_row_shares(counts: Counts) -> NDArray[np.float64]:
    """Return each cell's share of its row, 0..1; 0 in a row without images."""
    totals = counts.sum(axis=1, keepdims=True)
    shares: NDArray[np.float64] = counts / np.maximum(totals, 1)
    return shares


def find_confused_pairs(counts: Counts, classes: Sequence[str], n: int) -> list[ConfusedPair]:
    """Return at most n pairs of classes, those confused most often first, of equals the rarer.

    counts (K, K): rows true, columns predicted; classes: their K names. Pairs that are never
    confused are left out.
    """
    shares = compute_row_shares(counts)
    places = [(true, taken) for true, taken in np.argwhere(counts).tolist() if true != taken]
    places.sort(key=lambda at: (-counts[at], -shares[at]))
    return [
        ConfusedPair(
            true=classes[true],
            predicted=classes[taken],
            count=int(counts[true, taken]),
            share=float(shares[true, taken]),
        )
        for true, taken in places[:n]
    ]


class MisclassifiedImage(Record):
    """A test image that was taken for another class.

    index: its place in the test images; id: its name in images.csv; true, predicted:
    names of classes; confidence: probability (0..1) of the class predicted; loss: log loss.
    Where several runs are meant, predicted is what most of them say (the first of equals), and
    confidence and loss are means over them.
    """

    index: int
    id: str
    true: str
    predicted: str
    confidence: NullableFloat
    loss: NullableFloat


class Mistakes(Record):
    """Test images to look at: lists of at most `compare.images`, with how many there are in all.

    hardest: by run, those of the highest loss (which may be right, if barely, where a run makes
    few mistakes); wrong_everywhere: those that no run gets right, the surest mistakes first;
    right_once: by run, those that it alone gets right, with what the others say; confused: by
    run, the pairs of classes that are confused most. wrong_everywhere and right_once are empty
    where there is one run only.
    """

    hardest: dict[str, list[MisclassifiedImage]]
    wrong_everywhere: list[MisclassifiedImage]
    wrong_everywhere_count: int
    right_once: dict[str, list[MisclassifiedImage]]
    right_once_count: dict[str, int]
    confused: dict[str, list[ConfusedPair]]


def find_highest_losses(losses: Numbers, n: int) -> IndexArray:
    """Return the places of the n highest losses (N,), or of all, the highest first."""
    return np.argsort(-losses, kind="stable")[:n]


def find_wrong_everywhere(
    labels: Labels, runs: Sequence[ImagePredictions]
) -> tuple[IndexArray, Numbers]:
    """Return the images (n,) that no run gets right, and how sure (n,) the runs are on average.

    labels (N,). The surest come first: they are the first to suspect of wrong labels.
    """
    places = np.flatnonzero(~_compute_correct_by_run(labels, runs).any(axis=0))
    sure = _select_confidences(runs, places).mean(axis=0)
    order = np.argsort(-sure, kind="stable")
    return places[order], sure[order]


def find_right_once(
    labels: Labels, runs: Sequence[ImagePredictions]
) -> tuple[IndexArray, IndexArray]:
    """Return the images (n,) that a single run of several gets right, and the place (n,) of it.

    labels (N,). Those come first of which the others are surest, and wrong.
    """
    right = _compute_correct_by_run(labels, runs)
    places = np.flatnonzero(right.sum(axis=0) == 1) if len(runs) > 1 else np.array([], np.int64)
    sure = np.where(right[:, places], 0, _select_confidences(runs, places)).sum(axis=0)
    order = np.argsort(-sure, kind="stable")
    return places[order], right[:, places[order]].argmax(axis=0)


def _compute_correct_by_run(labels: Labels, runs: Sequence[ImagePredictions]) -> NDArray[np.bool_]:
    """Return which runs get which images right, (runs, N)."""
    return np.stack([run.predicted == labels for run in runs])


def _select_confidences(runs: Sequence[ImagePredictions], places: IndexArray) -> Numbers:
    """Return how sure each run is of the images at the places, (runs, n)."""
    return np.stack([run.confidence[places] for run in runs])


@dataclass(frozen=True)
class NamedImages:
    """The test images: class (N,) and name (N,) of each, and the names of the K classes."""

    labels: Labels
    ids: Sequence[str]
    classes: Sequence[str]


def find_mistakes(album: NamedImages, entries: Sequence[ComparedRun], limit: int) -> Mistakes:
    """Return the mistakes of runs worth looking at, at most `limit` of each kind."""
    everywhere, once, by = _find_shared_mistakes(album, entries)
    alone = {entry.run: once[by == place] for place, entry in enumerate(entries)}
    others = {one.run: [entry for entry in entries if entry is not one] for one in entries}
    return Mistakes(
        hardest={entry.run: _list_hardest_images(album, entry, limit) for entry in entries},
        wrong_everywhere=_describe_images(album, everywhere[:limit], entries),
        wrong_everywhere_count=len(everywhere),
        right_once={
            run: _describe_images(album, at[:limit], others[run]) for run, at in alone.items()
        },
        right_once_count={run: len(at) for run, at in alone.items()},
        confused={entry.run: _list_confused_pairs(album, entry, limit) for entry in entries},
    )


def _find_shared_mistakes(
    album: NamedImages, entries: Sequence[ComparedRun]
) -> tuple[IndexArray, IndexArray, IndexArray]:
    """Return the images wrong everywhere, those right once, and the place of the run that is.

    One run alone shares nothing with others: all three are empty.
    """
    if len(entries) == 1:
        return (np.array([], dtype=np.int64),) * 3
    answers = [entry.answers for entry in entries]
    everywhere, _ = find_wrong_everywhere(album.labels, answers)
    return everywhere, *find_right_once(album.labels, answers)


def _list_hardest_images(
    album: NamedImages, entry: ComparedRun, limit: int
) -> list[MisclassifiedImage]:
    """Return the images of a run's highest losses."""
    return _describe_images(album, find_highest_losses(entry.answers.losses, limit), [entry])


def _describe_images(
    album: NamedImages, places: IndexArray, entries: Sequence[ComparedRun]
) -> list[MisclassifiedImage]:
    """Return the images at the places (n,), with what these runs say of them."""
    return [_describe_image(album, int(place), entries) for place in places]


def _describe_image(
    album: NamedImages, place: int, entries: Sequence[ComparedRun]
) -> MisclassifiedImage:
    said = np.bincount([entry.answers.predicted[place] for entry in entries])
    return MisclassifiedImage(
        index=place,
        id=album.ids[place],
        true=album.classes[album.labels[place]],
        predicted=album.classes[int(said.argmax())],
        confidence=float(np.mean([entry.answers.confidence[place] for entry in entries])),
        loss=float(np.mean([entry.answers.losses[place] for entry in entries])),
    )


def _list_confused_pairs(album: NamedImages, entry: ComparedRun, limit: int) -> list[ConfusedPair]:
    """Return the pairs of classes that a run confuses most."""
    counts = count_answers(album.labels, entry.answers.predicted, len(album.classes))
    return find_confused_pairs(counts, album.classes, limit)
