"""Small data sets of known content: pictures, class folders, IDX pairs, and their data card."""

import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import ExifTags, Image

from secondlook.artifacts import files
from secondlook.artifacts.dataset_card import (
    DatasetCard,
    DuplicateCounts,
    LevelStatistics,
    NearDuplicateCounts,
    PixelStatistics,
    ReferenceRange,
    TrainingProfile,
)
from secondlook.artifacts.manifest import SPLITS
from secondlook.config.params import Params, PreprocessParams
from secondlook.data import idx
from secondlook.data.image_features import ImageFeatures
from stages import preprocess, split
from tests.support.project import make_params


def make_preprocess_spec(**keys: object) -> PreprocessParams:
    """Return a preprocess section: 4 x 4 grey, stretched over black, unless told otherwise."""
    usual = {"height": 4, "width": 4, "channels": 1, "resize": "stretch", "background": "black"}
    return PreprocessParams.model_validate(
        {**usual, "contrast": None, "max_rejected_fraction": 0.0, **keys}
    )


def encode_image(image: Image.Image, kind: str = "PNG", **options: Any) -> bytes:  # noqa: ANN401 - Pillow's
    """Return the bytes of a picture file."""
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def make_png(number: int) -> bytes:
    """Return a PNG file of 4 x 4 grey pixels; another number, another picture."""
    return encode_image(
        Image.fromarray(np.full((4, 4), number % 256, np.uint8) + np.arange(4, dtype="u1"))
    )


def write_class_folders(root: Path, counts: dict[str, int]) -> Path:
    """Write so many different pictures into each folder, as 0.png, 1.png and so on."""
    number = 0
    for name, count in counts.items():
        (root / name).mkdir(parents=True)
        for index in range(count):
            (root / name / f"{index}.png").write_bytes(make_png(number))
            number += 1
    return root


def write_idx_pair(root: Path, name: str, labels: list[int]) -> Path:
    """Write a gzipped IDX pair of 2 x 3 pixels: image i holds i, i + 1, ... i + 5."""
    root.mkdir(parents=True, exist_ok=True)
    pixels = np.arange(6).reshape(2, 3) + np.arange(len(labels))[:, None, None]
    idx.write_idx(root / name.format("images-idx3"), pixels.astype(np.uint8))
    idx.write_idx(root / name.format("labels-idx1"), np.array(labels, np.uint8))
    return root


PHOTOGRAPH_SIZE = (30, 20)  # pixels: width, height
Encoder = Callable[[Image.Image], bytes]


def _encode_rotated_jpeg(image: Image.Image) -> bytes:
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    return encode_image(image, "JPEG", exif=exif)


def _encode_sixteen_bits(image: Image.Image) -> bytes:
    grey = np.asarray(image.convert("L")).astype(np.uint16) * 257
    return encode_image(Image.fromarray(grey))


def _make_encoder(kind: str, mode: str = "RGB", **options: Any) -> Encoder:  # noqa: ANN401 - Pillow's
    return lambda image: encode_image(image.convert(mode), kind, **options)


FORMATS: dict[str, Encoder] = {
    "plain.png": _make_encoder("PNG"),
    "grey.png": _make_encoder("PNG", "L"),
    "bilevel.png": _make_encoder("PNG", "1"),
    "palette.png": _make_encoder("PNG", "P"),
    "transparent.png": _make_encoder("PNG", "RGBA"),
    "sixteen.png": _encode_sixteen_bits,
    "plain.jpg": _make_encoder("JPEG"),
    "turned.jpg": _encode_rotated_jpeg,
    "cmyk.jpg": _make_encoder("JPEG", "CMYK"),
    "plain.webp": _make_encoder("WEBP", lossless=True),
    "plain.bmp": _make_encoder("BMP"),
    "plain.tif": _make_encoder("TIFF"),
    "plain.avif": _make_encoder("AVIF"),
    "plain.gif": _make_encoder("GIF", "P"),
}


def draw_photograph(chance: np.random.Generator, *, bright: bool) -> Image.Image:
    """Return noise in colour, its middle brighter or darker than the rest."""
    pixels = chance.integers(60, 190, (PHOTOGRAPH_SIZE[1], PHOTOGRAPH_SIZE[0], 3), np.uint8)
    pixels[5:15, 8:22] += np.uint8(60 if bright else 0)
    pixels[5:15, 8:22] -= np.uint8(0 if bright else 60)
    return Image.fromarray(pixels)


def generate_files(seed: int) -> Iterator[tuple[str, str, bytes]]:
    """Yield class, name and bytes of one picture of each class in each format."""
    chance = np.random.default_rng(seed)
    for name, make in FORMATS.items():
        for label in ("bright", "dark"):
            yield label, name, make(draw_photograph(chance, bright=label == "bright"))


def write_format_folders(root: Path) -> Path:
    """Write train, validation and test, each with every format in both classes."""
    for seed, part in enumerate(SPLITS):
        for label, name, content in generate_files(seed):
            path = root / part / label / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
    return root


TWO_OF_EACH = {f"{part}/{name}": 2 for part in SPLITS for name in ("cat", "dog")}
# A picture or two a shard: whatever is tested with these is tested with several shards.
SMALL_PREPROCESS = {
    "height": 4,
    "width": 4,
    "channels": 1,
    "max_rejected_fraction": 0.5,
    "shard_bytes": 32,
}


def make_folder_params(root: Path, positive: str | None = None, **spec: object) -> Params:
    """Return parameters for class folders and pictures of 4 x 4."""
    data = {"source": "folder", "path": str(root), "positive": positive}
    return make_params(data=data, preprocess=SMALL_PREPROCESS | spec)


def run_split_and_preprocess(config: Params) -> dict[str, Any]:
    """Run split and preprocess; return what facts.json says."""
    split.run(config)
    preprocess.run(config)
    facts: dict[str, Any] = files.read_json(files.stage_folder("preprocess") / "facts.json")
    return facts


def read_rows(name: str) -> list[dict[str, str]]:
    """Return the rows of a CSV file that was written."""
    return list(files.read_csv(files.stage_folder("preprocess") / name))


ANY_RANGE = ReferenceRange(values=[0.0], shares=[1.0], low=-1e6, high=1e6)


def make_duplicate_counts(
    duplicates: int, label_conflicts: int = 0, across_splits: int = 0
) -> DuplicateCounts:
    """Return so many images with copies."""
    return DuplicateCounts(
        duplicates=duplicates, label_conflicts=label_conflicts, across_splits=across_splits
    )


def make_near_duplicate_counts(
    pairs: int, across_splits: int, label_conflicts: int, seen: int, *, complete: bool = True
) -> NearDuplicateCounts:
    """Return so many pairs that look the same, up to a distance of 0.004."""
    return NearDuplicateCounts(
        pairs=pairs,
        across_splits=across_splits,
        label_conflicts=label_conflicts,
        judged_and_seen=seen,
        bound=0.004,
        complete=complete,
    )


def make_pixel_statistics(mean: float, std: float) -> PixelStatistics:
    """Return pixels of this mean and deviation, of every level equally many."""
    return PixelStatistics(mean=mean, std=std, histogram=[1] * 256)


def make_dataset_card(
    classes: Sequence[str],
    counts: Mapping[str, Mapping[str, int]],
    positive: str | None = None,
    **changes: object,
) -> DatasetCard:
    """Return the facts of images of 28 x 28 grey pixels, one more of which was rejected."""
    found = DatasetCard(
        name="invented",
        classes=list(classes),
        positive=positive,
        shape=[28, 28, 1],
        counts={split: dict(count) for split, count in counts.items()},
        rejected=1,
        digest="0" * 64,
        pixels=make_pixel_statistics(51.0, 77.0),
        levels={split: LevelStatistics(mean=51.0 + i, std=77.0) for i, split in enumerate(SPLITS)},
        reasons={"damaged": 1},
        copies=make_duplicate_counts(4, 2, 2),
        alike=make_near_duplicate_counts(3, 2, 1, 2),
        preparation=make_preprocess_spec(height=28, width=28),
        pictures=TrainingProfile(
            features=dict.fromkeys(ImageFeatures._fields, ANY_RANGE), mean=[0.0] * 256, unusual=0.0
        ),
    )
    return found.model_copy(update=changes)
