"""Small data sets of known content, written where a test wants them."""

import io
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from PIL import Image

from stages.core.data import idx
from stages.core.params import Params, Preprocess

ROOT = Path(__file__).parents[1]


def params(**sections: dict[str, Any]) -> Params:
    """Return the project's own parameters with the given keys of the given sections changed."""
    whole = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    return Params.model_validate(whole | {name: whole[name] | sections[name] for name in sections})


def spec(**keys: object) -> Preprocess:
    """Return a preprocess section: 4 x 4 grey, stretched over black, unless told otherwise."""
    usual = {"height": 4, "width": 4, "channels": 1, "resize": "stretch", "background": "black"}
    return Preprocess.model_validate(
        {**usual, "contrast": None, "max_rejected_fraction": 0.0, **keys}
    )


def saved(image: Image.Image, kind: str = "PNG", **options: Any) -> bytes:  # noqa: ANN401 - Pillow's
    """Return the bytes of a picture file."""
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def picture(number: int) -> bytes:
    """Return a PNG file of 4 x 4 grey pixels; another number, another picture."""
    return saved(
        Image.fromarray(np.full((4, 4), number % 256, np.uint8) + np.arange(4, dtype="u1"))
    )


def folders(root: Path, counts: dict[str, int]) -> Path:
    """Write so many different pictures into each folder, as 0.png, 1.png and so on."""
    number = 0
    for name, count in counts.items():
        (root / name).mkdir(parents=True)
        for index in range(count):
            (root / name / f"{index}.png").write_bytes(picture(number))
            number += 1
    return root


def idx_pair(root: Path, name: str, labels: list[int]) -> Path:
    """Write a gzipped IDX pair of 2 x 3 pixels: image i holds i, i + 1, ... i + 5."""
    root.mkdir(parents=True, exist_ok=True)
    pixels = np.arange(6).reshape(2, 3) + np.arange(len(labels))[:, None, None]
    idx.write(root / name.format("images-idx3"), pixels.astype(np.uint8))
    idx.write(root / name.format("labels-idx1"), np.array(labels, np.uint8))
    return root
