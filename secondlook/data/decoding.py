"""An image's bytes -> uint8 (H, W, C): the one preprocessing, for training and for serving."""

import io
import math
import struct
import sys
import warnings
import zlib
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image, ImageFile, ImageOps, UnidentifiedImageError

from secondlook.artifacts import files
from secondlook.config.errors import RejectedImageError
from secondlook.config.params import PreprocessParams
from secondlook.data.splitting import ImageContent

# Told by how a file begins, whatever its name. Left out is what runs a program (EPS, PDF), icons,
# video, and what has no mark to be known by.
IMAGE_FORMATS = (
    *("JPEG", "PNG", "GIF", "BMP", "WEBP", "TIFF", "AVIF", "JPEG2000"),
    *("PPM", "PCX", "SGI", "SUN", "QOI"),
)
TGA_MARK = b"TRUEVISION-XFILE.\0"  # at the end of a file
# What Pillow raises, from its own errors to what a decoder trips over in damaged bytes.
DECODE_ERRORS = (
    *(OSError, SyntaxError, ValueError, EOFError, TypeError, LookupError, ArithmeticError),
    RuntimeError,
    *(struct.error, zlib.error),
)
# A cubic window as wide as the source pixels that a target pixel covers, so nothing aliases; it
# keeps more detail than a linear one and rings less than Lanczos. Where the source is much larger,
# blocks of pixels are averaged first, to no less than twice the target: four times quicker.
RESIZE_FILTER, REDUCING_GAP = Image.Resampling.BICUBIC, 2.0
# How many times the target's sides a JPEG keeps at least when it is decoded smaller.
DRAFT_MARGIN = 1.5
EXIF_TRANSPOSES = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
BOMB_REASON = "more than {} pixels, perhaps a decompression bomb"
OPPOSITE_BACKGROUND = {"black": "white", "white": "black"}
# How Pillow reads colours of 16 bits, of which it keeps the upper 8, and how it reads the lower.
NATIVE_LOW = "B" if sys.byteorder == "little" else "L"
LOW_BYTES = {
    f"{mode};16{order}": f"{mode};16{low}"
    for mode in ("RGB", "RGBA")
    for order, low in (("B", "L"), ("L", "B"), ("N", NATIVE_LOW))
}
Size = tuple[int, int]
Box = tuple[float, float, float, float]
# Pillow warns of a picture above its limit of pixels; `opened` refuses it.
warnings.simplefilter("ignore", Image.DecompressionBombWarning)


class DecodedImage(NamedTuple):
    """A picture as the network sees it, uint8 (H, W, C); its size as given, in pixels, upright."""

    pixels: NDArray[np.uint8]
    width: int
    height: int


def decode_pixels(content: ImageContent, spec: PreprocessParams) -> NDArray[np.uint8]:
    """Return a picture file's bytes, or the pixels (h, w) of an array, as uint8 (H, W, C).

    Raises RejectedImageError, as `see` does.
    """
    return decode_image(content, spec).pixels


def decode_image(
    content: ImageContent, spec: PreprocessParams, *, inverted: bool = False
) -> DecodedImage:
    """Return what the network sees of a picture file's bytes, or of the pixels (h, w) of an array.

    The first frame, over the background where it is transparent, grey or in colour, resized,
    upright as EXIF says, with the contrast asked for and, in mode `pad`, the bars. Where it is
    inverted, light and dark have changed places in all but the background and the bars.
    Raises RejectedImageError, its message the reason, when the bytes are no picture, a damaged
    one (half a picture is none), or one of more pixels than Pillow's limit.
    """
    if not isinstance(content, bytes):
        return _prepare_image(Image.fromarray(content), spec, inverted)
    if not content:
        raise RejectedImageError("empty file")
    try:
        image = open_image(content)
        if spec.contrast:
            _spread_deep_colours(image, content)
        return _prepare_image(image, spec, inverted)
    except Image.DecompressionBombError:
        raise RejectedImageError(BOMB_REASON.format(Image.MAX_IMAGE_PIXELS)) from None
    except UnidentifiedImageError:
        found = files.detect_failed_download(content[:99]) or "none of the formats that can be read"
        raise RejectedImageError(f"not a picture: {found}") from None
    except DECODE_ERRORS as error:
        raise RejectedImageError(f"damaged: {' '.join(str(error).split())[:120]}") from None


def open_image(content: bytes) -> ImageFile.ImageFile:
    """Return a picture of a known format, not yet decoded, unless it is a decompression bomb."""
    formats = ("TGA",) if content.endswith(TGA_MARK) else IMAGE_FORMATS
    image = Image.open(io.BytesIO(content), formats=formats)
    limit = Image.MAX_IMAGE_PIXELS
    if limit and math.prod(image.size) > limit:
        raise RejectedImageError(BOMB_REASON.format(limit))
    return image


def _prepare_image(image: Image.Image, spec: PreprocessParams, inverted: bool) -> DecodedImage:
    turn = _read_orientation(image)
    given = _undo_orientation(image.size, turn)
    size, box = _compute_geometry(
        image.size, _undo_orientation((spec.width, spec.height), turn), spec.resize
    )
    scale = _reduce_early(image, size, box)
    behind = OPPOSITE_BACKGROUND[spec.background] if inverted else spec.background
    small = _flatten_image(image, spec, behind).resize(
        size, RESIZE_FILTER, _scale_box(box, scale), REDUCING_GAP
    )
    small = ImageOps.invert(small) if inverted else small
    upright = small.transpose(EXIF_TRANSPOSES[turn]) if turn in EXIF_TRANSPOSES else small
    framed = _pad_image(_adjust_contrast(upright, spec.contrast), spec)
    pixels = np.array(framed, np.uint8).reshape(spec.height, spec.width, spec.channels)
    return DecodedImage(pixels, *given)


def _read_orientation(image: Image.Image) -> int:
    """Return the EXIF orientation, 1 to 8, that is still to be undone."""
    if image.format == "TIFF":
        return 1  # Pillow turns TIFF while it loads it
    try:
        return int(image.getexif().get(ExifTags.Base.Orientation, 1))
    except DECODE_ERRORS:
        return 1  # damaged EXIF says nothing, and the picture may be whole


def _undo_orientation(size: Size, turn: int) -> Size:
    """Return a size as it is before turning: orientations 5 to 8 lie on their side."""
    return (size[1], size[0]) if turn >= 5 else size


def _compute_geometry(full: Size, target: Size, mode: str) -> tuple[Size, Box]:
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
    worst picture, and single ones by up to 25 (tests/data/test_decoding_real.py measures it).
    """
    if not isinstance(image, ImageFile.ImageFile):
        return 1
    shrink = min((box[2] - box[0]) / size[0], (box[3] - box[1]) / size[1]) / DRAFT_MARGIN
    wanted = (math.ceil(image.width / shrink), math.ceil(image.height / shrink))
    full = image.width
    drafted = image.draft(None, wanted) if shrink >= 2 else None
    return full / drafted[1][2] if drafted else 1


def _scale_box(box: Box, scale: float) -> Box:
    left, top, right, bottom = (side / scale for side in box)
    return (left, top, right, bottom)


def _flatten_image(image: Image.Image, spec: PreprocessParams, background: str) -> Image.Image:
    """Return the picture as L or RGB of 8 bits, over the background where it is transparent."""
    if image.mode.startswith("I"):
        image = _reduce_to_eight_bits(image, background, spread=spec.contrast is not None)
    if image.mode == "F":
        raise RejectedImageError("floating-point samples; expected 8 or 16 bits")
    if image.has_transparency_data:
        whole = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", whole.size, background), whole)
    return image.convert("L" if spec.channels == 1 else "RGB")


def _reduce_to_eight_bits(image: Image.Image, background: str, *, spread: bool) -> Image.Image:
    """Scale grey samples of 16 bits by their whole range: 0 to 65535 becomes 0 to 255.

    By the range, not by the values found, so that two pictures stay comparable; unless they are
    to be `spread` anyhow: the few values of 8 to 12 bits in 16 would be rounded to a handful.
    """
    samples = np.asarray(image).astype(np.int64)
    if samples.min() < 0 or samples.max() > 65535:
        raise RejectedImageError("samples beyond 16 bits; expected 8 or 16 bits")
    clear = samples == image.info.get("transparency", -1)
    low, high = _find_ends(samples[~clear]) if spread else (0, 65535)
    whole = high - low
    pixels = ((samples.clip(low, high) - low) * 255 + whole // 2) // whole
    pixels[clear] = 255 if background == "white" else 0
    return Image.fromarray(pixels.astype(np.uint8))


def _find_ends(samples: NDArray[np.int64]) -> tuple[int, int]:
    """Return the darkest and lightest of 16 bits; the whole range where there is but one value."""
    low, high = (int(samples.min()), int(samples.max())) if samples.size else (0, 0)
    return (low, high) if low < high else (0, 65535)


def _spread_deep_colours(image: ImageFile.ImageFile, content: bytes) -> None:
    """Spread colours of 16 bits (PNG, TIFF) over the whole range: Pillow keeps 8 of the bits alone.

    Those below come to light where the same bytes are read as if in the other order.
    """
    tiles = [(t, t.args if isinstance(t.args, tuple) else (t.args,)) for t in image.tile]
    if not tiles or tiles[0][1][0] not in LOW_BYTES or "transparency" in image.info:
        return
    lower = open_image(content)
    lower.tile = [tile._replace(args=(LOW_BYTES[raw], *more)) for tile, (raw, *more) in tiles]
    samples = np.asarray(image).astype(np.int64) * 256 + np.asarray(lower)
    low, high = _find_ends(samples[samples[..., -1] > 0, :3] if image.mode == "RGBA" else samples)
    samples[..., :3] = (samples[..., :3].clip(low, high) - low) * 65535 // (high - low)
    image.paste(Image.fromarray((samples >> 8).astype(np.uint8)))


def _adjust_contrast(image: Image.Image, contrast: str | None) -> Image.Image:
    """Stretch the brightness to 0..255, hues kept, or make every level as frequent, by channel."""
    if contrast == "stretch":
        return ImageOps.autocontrast(image, preserve_tone=True)
    return ImageOps.equalize(image) if contrast == "equalize" else image


def _pad_image(image: Image.Image, spec: PreprocessParams) -> Image.Image:
    """Put a picture in the middle of the background, if it is smaller than asked for."""
    if image.size == (spec.width, spec.height):
        return image
    frame = Image.new(image.mode, (spec.width, spec.height), spec.background)
    frame.paste(image, ((spec.width - image.width) // 2, (spec.height - image.height) // 2))
    return frame
