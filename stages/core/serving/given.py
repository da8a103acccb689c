"""Pictures as people name them: files, folders, patterns, standard input."""

import glob
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path

from stages.core.data.items import Content
from stages.core.data.pictures import SUFFIXES, below
from stages.core.errors import DataError

STDIN = "-"
Reader = Callable[[], Content]  # gives a picture when it is asked to; DataError where it cannot


@dataclass(frozen=True)
class Given:
    """A picture under the name that its user gave it; `read` gives its bytes, or DataError."""

    name: str
    read: Reader


def pictures(named: Iterable[str], here: Path) -> Iterator[Given]:
    """Yield the pictures that the names stand for, those of a folder in order of their paths.

    A name is a file, a folder (pictures at any depth, told by their suffix), a pattern (`*`, `?`,
    `**`) or `-`, one picture on standard input; relative to `here`. A name that stands for nothing
    yields one that cannot be read, and says why.
    """
    for name in named:
        if name == STDIN:
            yield Given("standard input", cache(sys.stdin.buffer.read))
        elif (here / name).is_dir():
            yield from _inside(name, here)
        elif (here / name).exists() or not glob.has_magic(name):
            yield _file(name, here)
        else:
            yield from _matching(name, here)


def _file(name: str, here: Path) -> Given:
    return Given(name, partial(content, here / name))


def _inside(name: str, here: Path) -> Iterator[Given]:
    found = False
    for path in below(here / name):
        if path.suffix.lower() in SUFFIXES:
            found = True
            yield _file(str(Path(name) / path.relative_to(here / name)), here)
    if not found:
        yield Given(
            name, partial(_nothing, "no picture in this folder, by the suffixes of its files")
        )


def _matching(pattern: str, here: Path) -> Iterator[Given]:
    # Unlike those of Path, these patterns may be absolute.
    found = sorted(glob.glob(pattern, root_dir=here, recursive=True))  # noqa: PTH207
    files = [name for name in found if (here / name).is_file()]
    yield from (_file(name, here) for name in files)
    if not files:
        yield Given(pattern, partial(_nothing, "no file matches this pattern"))


def _nothing(why: str) -> bytes:
    raise DataError(why)


def content(path: Path) -> bytes:
    """Return the bytes of a file; DataError, the reason alone, when it cannot be read."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise DataError((error.strerror or str(error)).lower()) from None
