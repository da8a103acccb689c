"""A picture's bytes -> uint8 (H, W, C): the one preprocessing, for training and for serving."""

import io
import math
import struct
import warnings
import zlib
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image, ImageFile, ImageOps, UnidentifiedImageError

from stages.core import files
from stages.core.data.items import Content
from stages.core.errors import RejectedImageError
from stages.core.params import Preprocess

FORMATS = ("JPEG", "PNG", "GIF", "BMP", "WEBP", "TIFF", "AVIF")
# What Pillow raises, from its own errors to what a decoder trips over in damaged bytes.
UNREADABLE = (
    *(OSError, SyntaxError, ValueError, EOFError, TypeError, LookupError, ArithmeticError),
    RuntimeError,
    *(struct.error, zlib.error),
)
# A cubic window as wide as the source pixels that a target pixel covers, so nothing aliases; it
# keeps more detail than a linear one and rings less than Lanczos. Where the source is much larger,
# blocks of pixels are averaged first, to no less than twice the target: four times quicker.
FILTER, GAP = Image.Resampling.BICUBIC, 2.0
# How many times the target's sides a JPEG keeps at least when it is decoded smaller.
MARGIN = 1.5
TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
BOMB = "more than {} pixels, perhaps a decompression bomb"
OPPOSITE = {"black": "white", "white": "black"}
Size = tuple[int, int]
Box = tuple[float, float, float, float]
# Pillow warns of a picture above its limit of pixels; `opened` refuses it.
warnings.simplefilter("ignore", Image.DecompressionBombWarning)


class Seen(NamedTuple):
    """A picture as the network sees it, uint8 (H, W, C); its size as given, in pixels, upright."""

    pixels: NDArray[np.uint8]
    width: int
    height: int


def read(content: Content, spec: Preprocess) -> NDArray[np.uint8]:
    """Return a picture file's bytes, or the pixels (h, w) of an array, as uint8 (H, W, C).

    Raises RejectedImageError, as `see` does.
    """
    return see(content, spec).pixels


def see(content: Content, spec: Preprocess, *, inverted: bool = False) -> Seen:
    """Return what the network sees of a picture file's bytes, or of the pixels (h, w) of an array.

    The first frame, over the background where it is transparent, grey or in colour, resized,
    upright as EXIF says, with the contrast asked for and, in mode `pad`, the bars. Where it is
    inverted, light and dark have changed places in all but the background and the bars.
    Raises RejectedImageError, its message the reason, when the bytes are no picture, a damaged
    one (half a picture is none), or one of more pixels than Pillow's limit.
    """
    if not isinstance(content, bytes):
        return _finished(Image.fromarray(content), spec, inverted)
    if not content:
        raise RejectedImageError("empty file")
    try:
        return _finished(opened(content), spec, inverted)
    except Image.DecompressionBombError:
        raise RejectedImageError(BOMB.format(Image.MAX_IMAGE_PIXELS)) from None
    except UnidentifiedImageError:
        found = files.impostor(content[:99]) or "none of the formats that can be read"
        raise RejectedImageError(f"not a picture: {found}") from None
    except UNREADABLE as error:
        raise RejectedImageError(f"damaged: {' '.join(str(error).split())[:120]}") from None


def opened(content: bytes) -> Image.Image:
    """Return a picture of a known format, not yet decoded, unless it is a decompression bomb."""
    image = Image.open(io.BytesIO(content), formats=FORMATS)
    limit = Image.MAX_IMAGE_PIXELS
    if limit and math.prod(image.size) > limit:
        raise RejectedImageError(BOMB.format(limit))
    return image


def _finished(image: Image.Image, spec: Preprocess, inverted: bool) -> Seen:
    turn = _turn(image)
    given = _unturned(image.size, turn)
    size, box = _geometry(image.size, _unturned((spec.width, spec.height), turn), spec.resize)
    scale = _reduce_early(image, size, box)
    behind = OPPOSITE[spec.background] if inverted else spec.background
    small = _flat(image, spec.channels, behind).resize(size, FILTER, _divided(box, scale), GAP)
    small = ImageOps.invert(small) if inverted else small
    upright = small.transpose(TURNS[turn]) if turn in TURNS else small
    framed = _framed(_contrasted(upright, spec.contrast), spec)
    pixels = np.array(framed, np.uint8).reshape(spec.height, spec.width, spec.channels)
    return Seen(pixels, *given)


def _turn(image: Image.Image) -> int:
    """Return the EXIF orientation, 1 to 8, that is still to be undone."""
    if image.format == "TIFF":
        return 1  # Pillow turns TIFF while it loads it
    try:
        return int(image.getexif().get(ExifTags.Base.Orientation, 1))
    except UNREADABLE:
        return 1  # damaged EXIF says nothing, and the picture may be whole


def _unturned(size: Size, turn: int) -> Size:
    """Return a size as it is before turning: orientations 5 to 8 lie on their side."""
    return (size[1], size[0]) if turn >= 5 else size


def _geometry(full: Size, target: Size, mode: str) -> tuple[Size, Box]:
    """Return the size to resize to, and the part of the picture (left, top, right, bottom)."""
    ratios = (full[0] / target[0], full[1] / target[1])
    if mode == "pad":
        width, height = (max(1, round(side / max(ratios))) for side in full)
        return (width, height), (0, 0, *full)
    if mode == "stretch":
        return target, (0, 0, *full)
    # Of a picture to be cropped, the largest part in the middle that has the target's shape.
    left, top = ((side - min(ratios) * goal) / 2 for side, goal in zip(full, target, strict=True))
    return target, (left, top, full[0] - left, full[1] - top)


def _reduce_early(image: Image.Image, size: Size, box: Box) -> float:
    """Let a JPEG be decoded at 1/2, 1/4 or 1/8 of its sides, if that stays well above the target.

    Returns by how much its sides have shrunk; 1 for anything else. Pixels of photographs differ
    from those of the full decode by less than 1 level of 255 on average, by less than 3 in the
    worst picture, and single ones by up to 25 (tests/core/test_images.py measures it).
    """
    if not isinstance(image, ImageFile.ImageFile):
        return 1
    shrink = min((box[2] - box[0]) / size[0], (box[3] - box[1]) / size[1]) / MARGIN
    wanted = (math.ceil(image.width / shrink), math.ceil(image.height / shrink))
    full = image.width
    drafted = image.draft(None, wanted) if shrink >= 2 else None
    return full / drafted[1][2] if drafted else 1


def _divided(box: Box, scale: float) -> Box:
    left, top, right, bottom = (side / scale for side in box)
    return (left, top, right, bottom)


def _flat(image: Image.Image, channels: int, background: str) -> Image.Image:
    """Return the picture as L or RGB of 8 bits, over the background where it is transparent."""
    if image.mode.startswith("I"):
        image = _eight_bits(image, background)
    if image.mode == "F":
        raise RejectedImageError("floating-point samples; expected 8 or 16 bits")
    if image.has_transparency_data:
        whole = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", whole.size, background), whole)
    return image.convert("L" if channels == 1 else "RGB")


def _eight_bits(image: Image.Image, background: str) -> Image.Image:
    """Scale grey samples of 16 bits by their whole range: 0 to 65535 becomes 0 to 255.

    By the range, not by the values found, so that two pictures stay comparable; `contrast:
    stretch` is there for those that use a small part of it.
    """
    samples = np.asarray(image).astype(np.int64)
    if samples.min() < 0 or samples.max() > 65535:
        raise RejectedImageError("samples beyond 16 bits; expected 8 or 16 bits")
    pixels = ((samples * 255 + 32767) // 65535).astype(np.uint8)
    if "transparency" in image.info:
        pixels[samples == image.info["transparency"]] = 255 if background == "white" else 0
    return Image.fromarray(pixels)


def _contrasted(image: Image.Image, contrast: str | None) -> Image.Image:
    """Stretch the brightness to 0..255, hues kept, or make every level as frequent, by channel."""
    if contrast == "stretch":
        return ImageOps.autocontrast(image, preserve_tone=True)
    return ImageOps.equalize(image) if contrast == "equalize" else image


def _framed(image: Image.Image, spec: Preprocess) -> Image.Image:
    """Put a picture in the middle of the background, if it is smaller than asked for."""
    if image.size == (spec.width, spec.height):
        return image
    frame = Image.new(image.mode, (spec.width, spec.height), spec.background)
    frame.paste(image, ((spec.width - image.width) // 2, (spec.height - image.height) // 2))
    return frame
