"""Tar and zip archives as a source: class folders in them, or pictures beside files with classes.

All is as if each archive had been unpacked where it lies, and nothing is.
"""

import io
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from secondlook.artifacts.manifest import SPLITS
from secondlook.artifacts.parallel import map_in_order
from secondlook.config.errors import DataError
from secondlook.data.archive_shards import ArchiveShards, FoundArchives
from secondlook.data.archives import HARMLESS_BYTES, Archive
from secondlook.data.class_folders import ClassFolders
from secondlook.data.image_files import WalkNotes, explain_unreadable, is_image, is_left_over
from secondlook.data.sample_labels import LABEL_SUFFIXES, SampleLabels
from secondlook.data.splitting import Item, find_split_words

LABEL_BATCH = 64


@dataclass
class _Folder:
    """A folder as all archives have it: the folders in it, and its files by (name, id).

    left_over: what systems and programs left, and whether it is a folder.
    """

    folders: set[Path] = field(default_factory=set)
    pictures: list[tuple[str, str]] = field(default_factory=list)
    others: list[tuple[str, str]] = field(default_factory=list)
    left_over: list[tuple[Path, bool]] = field(default_factory=list)


class ArchivedFolders(ClassFolders):
    """Pictures in archives, one or a folder of them; an id is the archive's and the path in it.

    Folders of the same path in several archives are one. Where archives that lie side by side are
    named after splits (train-0001.tar, test.zip), their pictures are of these.
    """

    def __init__(self, root: Path, found: FoundArchives) -> None:
        super().__init__(root)
        self.met, self._single = found.met, found.archives == [root]
        self._top, self.base = root, root.parent if self._single else root
        self._shards = ArchiveShards(self.base, found.archives)
        self._tree: dict[Path, _Folder] = {}
        self._others = set[str]()  # ids of files that are no pictures
        for path in found.others:
            self.skip(path)

    def __getstate__(self) -> dict[str, object]:
        """Let other processes have the source, but not what it listed: `content` needs it not."""
        return vars(self) | {"_tree": {}, "_others": set()}

    @explain_unreadable()
    def items(self) -> list[Item]:
        """Return every picture in order of split, class, path and archive."""
        self.root, self._tree, self._others = self._top, {}, set()
        places = {} if self._single else self._shards.place()
        for key, archive in self._shards.list_all():
            self._add_archive(key, archive, places.get(key, self.root))
        self._enter_wrappers()
        named = {name for name in self._others if name.endswith(LABEL_SUFFIXES)}
        labels = SampleLabels(named, self._shards.read)
        pictures = [name for folder in self._tree.values() for _, name in folder.pictures]
        return self._list_samples(labels) if labels.are_used(pictures) else super().items()

    def content(self, name: str) -> bytes:
        """Return the bytes of the file with this id; DataError when it cannot be read."""
        return self._shards.read(name)

    def _add_archive(self, key: str, archive: Archive, place: Path) -> None:
        """Note where the files of an archive stand among those of the others."""
        spots: dict[str, Path | None] = {"": self._make_folder(place)}
        for folder in sorted(archive.folders):
            parent, _, own = folder.rpartition("/")
            spots[folder] = self._place_folder(spots[parent], own, f"{key}/{folder}")
        for path in archive.members:
            parent, _, own = path.rpartition("/")
            if spot := spots[parent]:
                self._place_file(self._tree[spot], own, f"{key}/{path}")
        self.met.links += [self.base / key / name for name in archive.others]

    def _place_folder(self, above: Path | None, own: str, name: str) -> Path | None:
        """Return a folder as all archives have it; None where it is left over, or in such a one."""
        if above is None:
            return None
        if is_left_over(own):
            self._tree[above].left_over.append((self.base / name, True))
            return None
        return self._make_folder(above / own)

    def _place_file(self, folder: _Folder, own: str, name: str) -> None:
        if is_left_over(own):
            folder.left_over.append((self.base / name, False))
        elif not own.endswith(LABEL_SUFFIXES) and is_image(
            Path(own), lambda: io.BytesIO(self._shards.read(name, HARMLESS_BYTES))
        ):
            folder.pictures.append((own, name))
        else:
            folder.others.append((own, name))
            self._others.add(name)

    def _make_folder(self, folder: Path) -> Path:
        """Let there be a folder, and those above it up to the top."""
        if folder not in self._tree:
            self._tree[folder] = _Folder()
            if folder != self.root:
                self._tree[self._make_folder(folder.parent)].folders.add(folder)
        return folder

    def _enter_wrappers(self) -> None:
        """Let the top be where the classes or splits are: often archives hold a single folder."""
        inner = self.list_folders(self.root)
        while len(inner) == 1 and not self.is_full(inner[0]):
            single, inner = inner[0], self.list_folders(inner[0])
            if find_split_words([single.name]) != [None]:
                return
            if len(inner) > 1 or any(find_split_words([path.name for path in inner])):
                self.root = single
                return

    def _list_samples(self, labels: SampleLabels) -> list[Item]:
        """Return the pictures whose class a file beside them names."""
        items = []
        for folder, split in self._find_sample_splits():
            found = [path for path in self.walk(folder, self.met) if self.is_picture(path)]
            names = [self.make_id(path) for path in found]
            classes = map_in_order(labels.read_label, names, LABEL_BATCH)
            for path, name, label in zip(found, names, classes, strict=True):
                if label is None:
                    self.skip(path)
                else:
                    items.append(Item(name, label, split))
        self.skipped += sorted(n for n in self._others if not n.endswith(LABEL_SUFFIXES))
        self.notes += self._describe_notes(self.met)
        return items

    def _find_sample_splits(self) -> list[tuple[Path, str | None]]:
        """Return the folders that hold pictures, and the split each stands for."""
        folders = self.list_folders(self.root)
        words = find_split_words([path.name for path in folders])
        if not any(words):
            return [(self.root, None)]
        if not all(words) or self.is_full(self.root):
            raise DataError(
                f"{self.root}: pictures beside the folders for splits; expected all of them under "
                "train, validation and test, or none; move one kind elsewhere"
            )
        found = [(path, word) for path, word in zip(folders, words, strict=True) if word]
        return sorted(found, key=lambda pair: SPLITS.index(pair[1]))

    def list_entries(self, folder: Path) -> tuple[list[Path], list[Path]]:
        """Return the folders and the files in a folder."""
        return sorted(self._tree[folder].folders), list(self._list_files(folder))

    def list_folders(self, folder: Path) -> list[Path]:
        """Return the folders in a folder that hold a picture, at any depth."""
        return [path for path in sorted(self._tree[folder].folders) if self._holds_pictures(path)]

    def _holds_pictures(self, folder: Path) -> bool:
        return self.is_full(folder) or any(map(self._holds_pictures, self._tree[folder].folders))

    def is_full(self, folder: Path) -> bool:
        """Return whether there are pictures in a folder itself."""
        return bool(self._tree[folder].pictures)

    def is_picture(self, path: Path) -> bool:
        """Return whether a file is taken for a picture."""
        return path.relative_to(self.base).as_posix() not in self._others

    def walk(self, folder: Path, met: WalkNotes) -> Iterator[Path]:
        """Yield the files in a folder at any depth, in the order of those on a disk."""
        found = sorted(self._tree[folder].left_over)
        met.left_over += [
            path for kind in (True, False) for path, is_dir in found if is_dir == kind
        ]
        yield from self._list_files(folder)
        for inner in sorted(self._tree[folder].folders):
            yield from self.walk(inner, met)

    def _list_files(self, folder: Path) -> Iterator[Path]:
        found = self._tree[folder]
        for _, name in sorted(found.pictures + found.others):
            yield self.base / name

    def _note_entries(self, folder: Path, met: WalkNotes, splits: list[Path]) -> None:
        """Note what stands beside class folders, or beside folders for splits, and is none."""
        met.left_over += sorted(path for path, is_dir in self._tree[folder].left_over if is_dir)
        folders, beside = self.list_entries(folder) if splits else ([], [])
        strays = [(path, True) for path in folders if path not in splits]
        strays += [(path, False) for path in beside if self.is_picture(path)]
        for path, is_dir in sorted(strays, key=lambda stray: stray[0].name):
            self.skip(path, folder=is_dir)
