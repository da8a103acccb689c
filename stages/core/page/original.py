"""A picture as it was given, small enough for a page."""

import numpy as np
from PIL import Image, ImageOps

from stages.core.data import images
from stages.core.data.items import Content
from stages.core.page import gallery
from stages.core.page.gallery import Picture


def original(content: Content) -> Picture:
    """Return a picture that can be read: upright, in its own colours, transparent where it is."""
    if not isinstance(content, bytes):
        return gallery.picture(content[..., None], gallery.ENLARGED)
    image = images.opened(content)
    image.draft(None, (2 * gallery.ENLARGED, 2 * gallery.ENLARGED))
    upright = _eight_bits(ImageOps.exif_transpose(image))
    upright.thumbnail((gallery.ENLARGED, gallery.ENLARGED))
    return gallery.picture(np.atleast_3d(np.asarray(upright)), gallery.ENLARGED)


def _eight_bits(image: Image.Image) -> Image.Image:
    """Return a picture in RGB or RGBA, or in grey; 16 bits are cut to the upper eight."""
    if image.mode.startswith("I"):
        return Image.fromarray((np.asarray(image).astype(np.int64) >> 8).clip(0, 255).astype("u1"))
    return image.convert("RGBA" if image.has_transparency_data else "RGB")
