"""Which test images to look at: the mistakes of all runs, with names for people to find them by."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from stages.core.outputs.comparison import Confused, Image, Mistakes
from stages.core.statistics import mistakes
from stages.core.statistics.contrast import Entry
from stages.core.statistics.metrics import Counts, Labels
from stages.core.statistics.mistakes import Places


@dataclass(frozen=True)
class Album:
    """The test images: class (N,) and name (N,) of each, and the names of the K classes."""

    labels: Labels
    ids: Sequence[str]
    classes: Sequence[str]


def found(album: Album, entries: Sequence[Entry], limit: int) -> Mistakes:
    """Return the mistakes of runs worth looking at, at most `limit` of each kind."""
    everywhere, once, by = shared(album, entries)
    alone = {entry.run: once[by == place] for place, entry in enumerate(entries)}
    others = {one.run: [entry for entry in entries if entry is not one] for one in entries}
    return Mistakes(
        hardest={entry.run: hardest(album, entry, limit) for entry in entries},
        wrong_everywhere=images(album, everywhere[:limit], entries),
        wrong_everywhere_count=len(everywhere),
        right_once={run: images(album, at[:limit], others[run]) for run, at in alone.items()},
        right_once_count={run: len(at) for run, at in alone.items()},
        confused={entry.run: confused(album, entry, limit) for entry in entries},
    )


def shared(album: Album, entries: Sequence[Entry]) -> tuple[Places, Places, Places]:
    """Return the images wrong everywhere, those right once, and the place of the run that is.

    One run alone shares nothing with others: all three are empty.
    """
    if len(entries) == 1:
        return (np.array([], dtype=np.int64),) * 3
    guesses = [entry.guesses for entry in entries]
    everywhere, _ = mistakes.wrong_everywhere(album.labels, guesses)
    return everywhere, *mistakes.right_once(album.labels, guesses)


def hardest(album: Album, entry: Entry, limit: int) -> list[Image]:
    """Return the images of a run's highest losses."""
    return images(album, mistakes.hardest(entry.answers.losses, limit), [entry])


def images(album: Album, places: Places, entries: Sequence[Entry]) -> list[Image]:
    """Return the images at the places (n,), with what these runs say of them."""
    return [_image(album, int(place), entries) for place in places]


def _image(album: Album, place: int, entries: Sequence[Entry]) -> Image:
    said = np.bincount([entry.guesses.predicted[place] for entry in entries])
    return Image(
        index=place,
        id=album.ids[place],
        true=album.classes[album.labels[place]],
        predicted=album.classes[int(said.argmax())],
        confidence=float(np.mean([entry.guesses.confidence[place] for entry in entries])),
        loss=float(np.mean([entry.answers.losses[place] for entry in entries])),
    )


def confused(album: Album, entry: Entry, limit: int) -> list[Confused]:
    """Return the pairs of classes that a run confuses most."""
    size = len(album.classes)
    cells = np.bincount(album.labels * size + entry.guesses.predicted, minlength=size**2)
    counts: Counts = cells.reshape(size, size).astype(np.int64)
    return [
        Confused(
            true=album.classes[pair.true],
            predicted=album.classes[pair.predicted],
            count=pair.count,
            share=pair.share,
        )
        for pair in mistakes.confused_pairs(counts, limit)
    ]
