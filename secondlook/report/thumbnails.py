"""Images of the data as small pictures for a page: one, a contact sheet, or the mistakes.

Small ones are enlarged by a whole factor without smoothing, so that each pixel is seen as it is;
large ones are reduced with antialiasing (Lanczos). The same images give the same bytes.
"""

import base64
import io
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from secondlook.artifacts import files, manifest
from secondlook.artifacts.dataset_card import DatasetCard
from secondlook.artifacts.schema import ImageArray, IndexArray
from secondlook.evaluation.confusion import ConfusedPair, MisclassifiedImage, Mistakes
from secondlook.evaluation.run_artifacts import Study

SINGLE_SIDE, TILE_SIDE = (
    120,
    96,
)  # pixels that the longer side has at most: of one image, of one on a sheet
ENLARGED_SIDE = 240  # pixels that the longer side has at most of an image to be looked into
SHEET_GAP, SHEET_GREY = (
    2,
    "#808080",
)  # pixels between the images of a sheet; seen on a light page and a dark
WEBP_QUALITY = 80  # of WebP, 0..100: a photograph on a sheet takes some 2 kB, a twelfth of a PNG


@dataclass(frozen=True)
class Thumbnail:
    """A picture file, `kind` png or webp, and its size in pixels."""

    content: bytes
    kind: str
    width: int
    height: int

    @property
    def uri(self) -> str:
        """Return the file as the address of an <img> that needs no network."""
        return f"data:image/{self.kind};base64,{base64.b64encode(self.content).decode()}"


def sample_indices(labels: NDArray[np.int64], index: int, n: int, seed: int) -> IndexArray:
    """Return n places, or all, where labels (N,) are `index`: drawn by the seed, ascending."""
    places = np.flatnonzero(labels == index)
    drawn = np.random.default_rng((seed, index)).permutation(len(places))[:n]
    return np.sort(places[drawn])


def encode_thumbnail(image: ImageArray, limit: int = SINGLE_SIDE) -> Thumbnail:
    """Return one image (H, W, C) at most `limit` pixels long, C being 1 or 3."""
    return _encode(_resize(image, limit), lossless=_compute_enlargement(image, limit) > 1)


def encode_exact(image: ImageArray) -> Thumbnail:
    """Return one image (H, W, C) in its own size, each pixel as it is."""
    return _encode(_convert_to_image(image), lossless=True)


def encode_sheet(images: ImageArray, columns: int, limit: int = TILE_SIDE) -> Thumbnail:
    """Return images (N, H, W, C), N at least 1, row by row, each at most `limit` pixels long."""
    tiles = [_resize(image, limit) for image in images]
    width, height = tiles[0].width + SHEET_GAP, tiles[0].height + SHEET_GAP
    across, down = min(columns, len(tiles)), math.ceil(len(tiles) / columns)
    size = (across * width - SHEET_GAP, down * height - SHEET_GAP)
    whole = Image.new(tiles[0].mode, size, SHEET_GREY)
    for number, tile in enumerate(tiles):
        row, column = divmod(number, columns)
        whole.paste(tile, (column * width, row * height))
    return _encode(whole, lossless=_compute_enlargement(images[0], limit) > 1)


def _compute_enlargement(image: ImageArray, limit: int) -> int:
    """Return how many times an image (H, W, C) can be enlarged within the limit; 0 if not once."""
    longer: int = max(image.shape[:2])
    return limit // longer


def _resize(image: ImageArray, limit: int) -> Image.Image:
    """Return an image as large as fits, by a whole factor, or reduced to the limit."""
    whole = _convert_to_image(image)
    if factor := _compute_enlargement(image, limit):
        return whole.resize((whole.width * factor, whole.height * factor), Image.Resampling.NEAREST)
    share = limit / max(whole.size)
    width, height = (max(1, round(side * share)) for side in whole.size)
    return whole.resize((width, height), Image.Resampling.LANCZOS)


def _convert_to_image(image: ImageArray) -> Image.Image:
    return Image.fromarray(image[..., 0] if image.shape[2] == 1 else image)


def _encode(image: Image.Image, *, lossless: bool) -> Thumbnail:
    """Return a file: PNG, or, where the pixels need not be exact, WebP if that is smaller."""
    files = [("png", _encode_as(image, "PNG", optimize=True))]
    if not lossless:
        files.append(("webp", _encode_as(image, "WEBP", quality=WEBP_QUALITY, method=6)))
    kind, content = min(files, key=lambda file: len(file[1]))
    return Thumbnail(content, kind, image.width, image.height)


def _encode_as(image: Image.Image, kind: str, **options: int) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


SHEET_IMAGES, SHEET_MINIMUM, SHEET_MAXIMUM = 120, 6, 20  # on all sheets together, and on each
MANY_CLASSES, SMALL_TILE_SIDE = (
    20,
    48,
)  # more classes than these have images with sides of so many pixels
SHEET_SEED = 1


@dataclass(frozen=True)
class ContactSheet:
    """Images of one class: how many are shown, and how many there are in training."""

    name: str
    sample_size: int
    count: int
    picture: Thumbnail


def load_contact_sheets(facts: DatasetCard) -> Sequence[ContactSheet]:
    """Return a sheet for every class that training has; none where there are no arrays."""
    if not (files.stage_folder("preprocess") / "train-00000.npy").exists():
        return []
    images, labels = manifest.load_images("train"), manifest.load_labels("train")
    size = len(facts.classes)
    n = min(max(SHEET_IMAGES // size, SHEET_MINIMUM), SHEET_MAXIMUM)
    limit = TILE_SIDE if size <= MANY_CLASSES else SMALL_TILE_SIDE
    sheets = []
    for k, name in enumerate(facts.classes):
        places = sample_indices(labels, k, n, SHEET_SEED)
        if len(places):
            picture = encode_sheet(images[places], columns=-(-n // 2), limit=limit)
            sheets.append(ContactSheet(name, len(places), facts.counts["train"][name], picture))
    return sheets


MISTAKE_IMAGES, MISTAKE_MINIMUM = 150, 3  # of all runs together, and of each


@dataclass(frozen=True)
class MistakeThumbnail:
    """One test image: what is known of it, and its picture."""

    image: MisclassifiedImage
    picture: Thumbnail


@dataclass(frozen=True)
class RunMistakes:
    """One run: its hardest images, those it alone gets right (of `alone` many), its confusions."""

    hardest: Sequence[MistakeThumbnail]
    right_once: Sequence[MistakeThumbnail]
    alone: int
    confused: Sequence[ConfusedPair]


@dataclass(frozen=True)
class MistakeGallery:
    """Images that no run gets right, of `count` many, and a page for each run, by name."""

    everywhere: Sequence[MistakeThumbnail]
    count: int
    pages: dict[str, RunMistakes]


def load_mistake_gallery(found: Study, mistakes: Mistakes) -> MistakeGallery | None:
    """Return the pictures of the mistakes; None where there are no arrays."""
    if not (files.stage_folder("preprocess") / "test-00000.npy").exists():
        return None
    test, limit = (
        manifest.load_images("test"),
        max(MISTAKE_MINIMUM, MISTAKE_IMAGES // (2 * len(found.results))),
    )

    def encode_all(images: Sequence[MisclassifiedImage]) -> list[MistakeThumbnail]:
        return [
            MistakeThumbnail(image, encode_thumbnail(test[image.index])) for image in images[:limit]
        ]

    return MistakeGallery(
        everywhere=encode_all(mistakes.wrong_everywhere),
        count=mistakes.wrong_everywhere_count,
        pages={
            result.name: _build_run_mistakes(mistakes, result.name, encode_all)
            for result in found.results
        },
    )


def _build_run_mistakes(
    mistakes: Mistakes,
    run: str,
    encode_all: Callable[[Sequence[MisclassifiedImage]], list[MistakeThumbnail]],
) -> RunMistakes:
    return RunMistakes(
        hardest=encode_all(mistakes.hardest[run]),
        right_once=encode_all(mistakes.right_once.get(run, [])),
        alone=mistakes.right_once_count.get(run, 0),
        confused=mistakes.confused[run],
    )
