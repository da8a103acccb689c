"""What a prediction starts from: images as people name them, and the files of a network.

Images are files, folders, patterns or standard input; each is read when it is asked for.
"""

import glob
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Literal

from secondlook.artifacts import files
from secondlook.config.errors import DataError
from secondlook.data.image_files import WalkNotes, is_image, walk_files
from secondlook.data.splitting import ImageContent

STDIN = "-"
ImageReader = Callable[
    [], ImageContent
]  # gives a picture when it is asked to; DataError where it cannot


@dataclass(frozen=True)
class InputImage:
    """A picture under the name that its user gave it; `read` gives its bytes, or DataError."""

    name: str
    read: ImageReader


def find_images(named: Iterable[str], here: Path) -> Iterator[InputImage]:
    """Yield the pictures that the names stand for, those of a folder in order of their paths.

    A name is a file, a folder (pictures at any depth), a pattern (`*`, `?`,
    `**`) or `-`, one picture on standard input; relative to `here`. A name that stands for nothing
    yields one that cannot be read, and says why.
    """
    for name in named:
        if name == STDIN:
            yield InputImage("standard input", cache(sys.stdin.buffer.read))
        elif (here / name).is_dir():
            yield from _find_in_folder(name, here)
        elif (here / name).exists() or not glob.has_magic(name):
            yield _make_file_input(name, here)
        else:
            yield from _find_matching(name, here)


def _make_file_input(name: str, here: Path) -> InputImage:
    return InputImage(name, partial(read_bytes, here / name))


def _find_in_folder(name: str, here: Path) -> Iterator[InputImage]:
    """Yield the pictures in a folder, then what of it may not be read."""
    found, unreadable, met = False, list[OSError](), WalkNotes()
    for path in walk_files(here / name, unreadable.append, met):
        try:
            known = is_image(path)
        except OSError as error:
            unreadable.append(error)
            continue
        if known:
            found = True
            yield _make_file_input(str(Path(name) / path.relative_to(here / name)), here)
    for refused in unreadable:
        where = Path(name) / Path(refused.filename).relative_to(here / name)
        yield InputImage(str(where), partial(_raise_data_error, (refused.strerror or "").lower()))
    for link in met.broken:
        where = Path(name) / link.relative_to(here / name)
        yield InputImage(str(where), partial(_raise_data_error, "a link that leads nowhere"))
    if not found and not unreadable and not met.broken:
        yield InputImage(name, partial(_raise_data_error, "no picture in this folder"))


def _find_matching(pattern: str, here: Path) -> Iterator[InputImage]:
    # Unlike those of Path, these patterns may be absolute.
    found = sorted(glob.glob(pattern, root_dir=here, recursive=True))  # noqa: PTH207
    files = [name for name in found if (here / name).is_file()]
    yield from (_make_file_input(name, here) for name in files)
    if not files:
        yield InputImage(pattern, partial(_raise_data_error, "no file matches this pattern"))


def _raise_data_error(why: str) -> bytes:
    raise DataError(why)


def read_bytes(path: Path) -> bytes:
    """Return the bytes of a file; DataError, the reason alone, when it cannot be read."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise DataError((error.strerror or str(error)).lower()) from None


InvertMode = Literal["never", "auto", "always"]
OPERATING_FILE = "operating.json"


@dataclass(frozen=True)
class ModelFiles:
    """The folder of a network, what is known of its data, and where a yes begins; its name."""

    name: str
    network: Path
    facts: Path
    operating: Path

    @classmethod
    def in_workspace(cls, name: str) -> "ModelFiles":
        """Return the parts of a run in the workspace."""
        facts = files.stage_folder("preprocess") / "facts.json"
        operating = files.stage_folder("evaluate", name, OPERATING_FILE)
        return cls(name, files.stage_folder("train", name), facts, operating)

    @classmethod
    def in_folder(cls, folder: Path, name: str) -> "ModelFiles":
        """Return the parts that lie in one folder, as in a model of MLflow."""
        return cls(name, folder, folder / "facts.json", folder / OPERATING_FILE)
