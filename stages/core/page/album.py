"""The mistakes of the runs as pictures: which test images to look at, and what was said of them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from stages.core import files
from stages.core.outputs.comparison import Confused, Image, Mistakes
from stages.core.outputs.study import Study
from stages.core.page import gallery
from stages.core.page.gallery import Picture

PICTURES, FEWEST = 150, 3  # of all runs together, and of each


@dataclass(frozen=True)
class Print:
    """One test image: what is known of it, and its picture."""

    image: Image
    picture: Picture


@dataclass(frozen=True)
class Page:
    """One run: its hardest images, those it alone gets right (of `alone` many), its confusions."""

    hardest: Sequence[Print]
    right_once: Sequence[Print]
    alone: int
    confused: Sequence[Confused]


@dataclass(frozen=True)
class Album:
    """Images that no run gets right, of `count` many, and a page for each run, by name."""

    everywhere: Sequence[Print]
    count: int
    pages: dict[str, Page]


def read(found: Study, mistakes: Mistakes) -> Album | None:
    """Return the pictures of the mistakes; None where there are no arrays."""
    if not (files.folder("preprocess") / "test.npy").exists():
        return None
    test, limit = files.images("test"), max(FEWEST, PICTURES // (2 * len(found.results)))

    def printed(images: Sequence[Image]) -> list[Print]:
        return [Print(image, gallery.picture(test[image.index])) for image in images[:limit]]

    return Album(
        everywhere=printed(mistakes.wrong_everywhere),
        count=mistakes.wrong_everywhere_count,
        pages={result.name: _page(mistakes, result.name, printed) for result in found.results},
    )


def _page(mistakes: Mistakes, run: str, printed: Callable[[Sequence[Image]], list[Print]]) -> Page:
    return Page(
        hardest=printed(mistakes.hardest[run]),
        right_once=printed(mistakes.right_once.get(run, [])),
        alone=mistakes.right_once_count.get(run, 0),
        confused=mistakes.confused[run],
    )
