"""Archives that belong together: found below a folder, listed when asked, read by ids.

A file's id is the path of its archive, and its own in there: pets-0001.tar/cat/1.jpg.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from threading import Lock

from secondlook.artifacts.parallel import map_in_order
from secondlook.config.errors import DataError
from secondlook.data.archives import ARCHIVE_SUFFIXES, PACKED_SUFFIXES, Archive, list_archive
from secondlook.data.image_files import WalkNotes, is_image, walk_files
from secondlook.data.splitting import find_split_words, list_words

SHARD_WORDS = {"of", "part", "shard", "chunk"}  # beside numbers, in the names of archives


def is_archive(path: Path) -> bool:
    """Return whether a file is an archive by its name."""
    return path.name.lower().endswith(ARCHIVE_SUFFIXES + PACKED_SUFFIXES)


@dataclass
class FoundArchives:
    """Archives below a folder, the files beside them, and what else was met."""

    archives: list[Path] = field(default_factory=list)
    others: list[Path] = field(default_factory=list)
    met: WalkNotes = field(default_factory=WalkNotes)


def find_archives(root: Path) -> FoundArchives | None:
    """Return the archive at a path, or those below a folder; None where it has pictures or none."""
    if root.is_file():
        return FoundArchives([root])
    found = FoundArchives()
    for path in walk_files(root, notes=found.met):
        if is_archive(path):
            found.archives.append(path)
        elif is_image(path):
            return None
        else:
            found.others.append(path)
    return found if found.archives else None


class ArchiveShards:
    """Archives by their ids, which are their paths relative to `base`."""

    def __init__(self, base: Path, archives: list[Path]) -> None:
        self.base = base
        self.paths = {path.relative_to(base).as_posix(): path for path in archives}
        self._listed: dict[str, Archive] = {}

    def __reduce__(self) -> tuple[object, ...]:
        """Let other processes have the archives, but not what was listed of them."""
        return type(self), (self.base, list(self.paths.values()))

    @cached_property
    def _locks(self) -> dict[str, Lock]:
        return {key: Lock() for key in self.paths}

    def list_all(self) -> Iterator[tuple[str, Archive]]:
        """Yield each archive with its id, listed several at once: a network may be slow."""
        yield from zip(self.paths, map_in_order(self.list, self.paths, 1), strict=True)

    def list(self, key: str) -> Archive:
        """Return what is in an archive; DataError where it is none, or may not be read so."""
        with self._locks[key]:
            if key not in self._listed:
                self._listed[key] = list_archive(self.paths[key])
            return self._listed[key]

    def read(self, name: str, limit: int | None = None) -> bytes:
        """Return the bytes of the file with this id, so many at most; DataError if it cannot."""
        for end, letter in enumerate(name):
            if letter == "/" and (key := name[:end]) in self.paths:
                return self.list(key).read(name[end + 1 :], limit)
        raise DataError(f"{self.base / name}: in none of the archives; expected a readable file")

    def place(self) -> dict[str, Path]:
        """Return the folder, below `base`, that each archive stands for.

        That is the one where it lies; or, where those that lie there are named after splits, the
        folder of its split there. Raises DataError where only some are.
        """
        places, groups = dict[str, Path](), dict[Path, list[str]]()
        for key in self.paths:
            groups.setdefault((self.base / key).parent, []).append(key)
        for parent, keys in groups.items():
            words = find_split_words([_clean_name(Path(key)) for key in keys])
            if any(words) and not all(words):
                named = next(key for key, word in zip(keys, words, strict=True) if word)
                raise DataError(
                    f"{self.base}: archive {named} is named after a split, "
                    f"{keys[words.index(None)]} is not; expected all archives of a folder to be, "
                    "or none; rename or move one kind"
                )
            places |= {key: parent / (word or "") for key, word in zip(keys, words, strict=True)}
        return places


def _clean_name(path: Path) -> str:
    """Return the words in an archive's name without those that number it."""
    words = list_words(path.name.rpartition(".")[0])
    return " ".join(word for word in words if not word.isdecimal() and word not in SHARD_WORDS)
