"""Photographs, and files that are awkward on purpose."""

import csv
import io
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from secondlook.config.errors import RejectedImageError
from secondlook.data import decoding
from tests.support.datasets import encode_image, make_preprocess_spec


def decode_twice(name: Path) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return a JPEG decoded early at a smaller scale, and in full: the same pixels as PNG."""
    wanted, content = (
        make_preprocess_spec(height=64, width=64, channels=3, resize="crop"),
        name.read_bytes(),
    )
    image, exif = Image.open(io.BytesIO(content)), Image.Exif()
    exif[0x0112] = image.getexif().get(0x0112, 1)
    full = decoding.decode_pixels(encode_image(image, compress_level=0, exif=exif), wanted)
    return decoding.decode_pixels(content, wanted).astype(int), full.astype(int)


@pytest.mark.parametrize("name", ["landscape_1", "landscape_6", "portrait_1", "portrait_6"])
def test_scaled_decoding_differs_little_from_the_full(shared_data: Path, name: str) -> None:
    """A large photograph: less than 3 levels of 255 on average, no pixel by more than 25."""
    scaled, full = decode_twice(shared_data / "awkward" / f"{name}.jpg")
    difference = np.abs(scaled - full)
    assert 0 < difference.mean() < 3  # 0 would mean that nothing was scaled early
    assert difference.max() <= 25


def read_manifest(folder: Path) -> list[dict[str, str]]:
    """Return the rows of the manifest of awkward files."""
    with (folder / "MANIFEST.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_every_awkward_file_is_read_or_rejected_as_its_manifest_says(shared_data: Path) -> None:
    """What decodes for Pillow decodes here, in grey and colour; what fails there is rejected."""
    folder, wanted = shared_data / "awkward", make_preprocess_spec(height=32, width=32, channels=3)
    for row in read_manifest(folder):
        content = (folder / row["file"]).read_bytes()
        try:
            made = decoding.decode_pixels(content, wanted)
            assert decoding.decode_pixels(content, make_preprocess_spec()).shape == (4, 4, 1)
            assert (made.shape, row["pillow_result"]) == ((32, 32, 3), "decodes"), row["file"]
        except RejectedImageError:
            assert "FAILS" in row["pillow_result"], row["file"]


@pytest.mark.parametrize(
    ("name", "tolerance"),
    [
        ("png_named.jpg", 0),
        ("plain.bmp", 0),
        ("plain.tif", 0),
        *[(f"exif_orientation_{number}.jpg", 3) for number in (2, 3, 4, 6, 8)],
        ("plain.webp", 4),
        ("plain.avif", 4),
        ("rle8.bmp", 6),
    ],
)
def test_one_portrait_in_many_formats(shared_data: Path, name: str, tolerance: float) -> None:
    """Lossless formats give the same pixels as the reference, the others nearly the same."""
    folder, wanted = shared_data / "awkward", make_preprocess_spec(height=32, width=32, channels=3)
    expected = decoding.decode_pixels((folder / "reference_rgb.png").read_bytes(), wanted).astype(
        int
    )
    made = decoding.decode_pixels((folder / name).read_bytes(), wanted)
    assert np.abs(made - expected).mean() <= tolerance


def test_two_cameras_two_orientations_one_landscape(shared_data: Path) -> None:
    """The photographs stored upright and on their side come out alike."""
    folder, wanted = shared_data / "awkward", make_preprocess_spec(height=40, width=60, channels=3)
    for name in ("landscape", "portrait"):
        upright, lying = (
            decoding.decode_pixels((folder / f"{name}_{number}.jpg").read_bytes(), wanted).astype(
                int
            )
            for number in (1, 6)
        )
        assert np.abs(upright - lying).mean() < 6
