"""Class folders as a source: the name of a folder is the class of every picture in it.

Above them there may be folders for the splits, under the words that data sets use for them.
"""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from secondlook.artifacts.manifest import SPLITS
from secondlook.config.errors import DataError
from secondlook.data.image_files import (
    ImageFiles,
    WalkNotes,
    explain_unreadable,
    is_image,
    is_left_over,
    leads_back,
)
from secondlook.data.splitting import (
    Item,
    find_split_words,
    list_words,
    normalize_name,
)

LAYOUT = "expected <class>/<picture> or train/<class>/<picture>"
# Folders between a split and its classes, which are no class themselves.
WRAPPERS = ("images", "imgs", "pictures", "photos", "data", "dataset", "classes")
# Words by which folders are parts of the data rather than classes: such as differ, such as count.
PART_WORDS = {
    *("train", "training", "test", "testing", "val", "valid", "validation", "dev", "development"),
    *("eval", "evaluation", "holdout", "heldout", "public", "private", "gallery", "query", "probe"),
}
COUNTED_WORDS = {"fold", "part", "set", "subset", "split", "batch", "dataset", "cv"}
MAX_NAMED = 3  # folders that a message names


class ClassFolders(ImageFiles):
    """Folders whose name is the class of every picture inside, at any depth.

    Above them there may be folders for train, validation and test. Skipped are files in a class
    folder that are no pictures, pictures outside any class folder, class folders
    without a picture, what is hidden, and what systems and programs leave.
    """

    @explain_unreadable()
    def items(self) -> list[Item]:
        """Return every picture in order of split, class and path."""
        items, met = [], self.met
        splits = self._find_split_folders()
        used = [self.root / path.relative_to(self.root).parts[0] for path, word in splits if word]
        self._note_entries(self.root, met, used)
        for folder, split in splits:
            if split:
                self._note_entries(folder, met, [])
            below, beside = self.list_entries(folder)
            for entry in below:
                if entry not in met.repeated:
                    items += self._list_class_items(entry, split, met)
            for entry in filter(self.is_picture, beside):
                self.skip(entry)
        if not items:
            raise DataError(
                f"{self.root}: no pictures in class folders; {LAYOUT}{self._format_skip_hint()}; "
                "correct data.path or data.source"
            )
        self.notes += self._describe_notes(met)
        return items

    def _list_class_items(self, folder: Path, split: str | None, met: WalkNotes) -> list[Item]:
        label, items = normalize_name(folder.name), []
        for path in self.walk(folder, met):
            if self.is_picture(path):
                items.append(Item(self.make_id(path), label, split))
            else:
                self.skip(path)
        if not items:
            self.skip(folder, folder=True)
        return items

    def _note_entries(self, folder: Path, met: WalkNotes, splits: list[Path]) -> None:
        """Note what stands beside class folders, or beside folders for splits, and is none."""
        for path in sorted(folder.iterdir()):
            if is_left_over(path.name):
                met.left_over += [path] if path.is_dir() else []
            elif path.is_symlink() and path.is_dir():
                (met.repeated if leads_back(path, folder) else met.followed).append(path)
            elif path.is_symlink() and not path.is_file():
                met.broken.append(path)
            elif splits and path not in splits and (path.is_dir() or is_image(path)):
                self.skip(path, folder=path.is_dir())

    def _describe_notes(self, met: WalkNotes) -> Iterator[str]:
        if met.followed:
            yield (
                f"{len(met.followed)} linked folders were followed: "
                f"{self.format_names(met.followed)}; dvc does not see what changes behind them: "
                "after a change, `dvc repro --force split` and then `dvc repro`"
            )
        for paths, what in (
            (
                met.repeated,
                "links to folders that are read already, or that hold them, not followed",
            ),
            (met.broken, "links that lead nowhere (warning)"),
            (met.links, "links or devices inside of archives, not followed (warning)"),
            (met.left_over, "skipped, hidden or left by systems and programs"),
        ):
            if paths:
                yield f"{len(paths)} {what}: {self.format_names(paths)}"

    def _format_skip_hint(self) -> str:
        return f", found {self.skipped[0]}" if self.skipped else ""

    def _find_split_folders(self) -> list[tuple[Path, str | None]]:
        """Return the folders that hold class folders, and the split each stands for.

        A class may be called `train`: only a folder that holds no pictures itself is a split.
        """
        folders = self.list_folders(self.root)
        words = find_split_words([path.name for path in folders])
        splits = [(path, word) for path, word in zip(folders, words, strict=True) if word]
        named = [path for path, _ in splits if not self.is_full(path)]
        if folders and len(splits) == len(folders):
            ordered = sorted(splits, key=lambda pair: SPLITS.index(pair[1]))
            inner = [self._unwrap_folder(path, split) for path, split in ordered]
            self._check_wrapped(inner)
            return [(path, split) for path, (_, split) in zip(inner, ordered, strict=True)]
        if named:
            other = next(path.name for path in folders if path not in named)
            raise DataError(
                f"{self.root}: split folder {named[0].name} beside class folder {other}; expected "
                "either class folders or train, validation and test; move one kind elsewhere"
            )
        self._check_inner_names({path: self.list_folders(path) for path in folders})
        return [(self.root, None)]

    def _unwrap_folder(self, folder: Path, split: str) -> Path:
        """Return what holds the classes: often archives have training_set/training_set/<class>."""
        inner = self.list_folders(folder)
        if len(inner) != 1:
            return folder
        name = inner[0].name.lower()
        same = name == folder.name.lower() or find_split_words([name]) == [split]
        if same or (name in WRAPPERS and not self.is_full(inner[0])):
            return self._unwrap_folder(inner[0], split)
        return folder

    def _check_inner_names(self, inner: dict[Path, list[Path]]) -> None:
        """Raise DataError where what stands at the top is no class, by what it holds."""
        if len(inner) == 1:
            self._check_level(*inner)
        for folder, parts in inner.items():
            words = find_split_words([path.name for path in parts])
            if len(set(words) - {None}) > 1 and not self.is_full(folder):
                found = " and ".join(f"{folder.name}/{path.name}" for path in parts[:2])
                raise DataError(
                    f"{self.root}: found {found}, a split inside a class; expected "
                    "train/<class>/<picture>: turn the folders round, or list the pictures in "
                    "labels.csv with a column split"
                )
        named = {folder.name: {path.name for path in parts} for folder, parts in inner.items()}
        suspect = len(named) > 1 and _are_parts([*named])
        counts = Counter(name for names in named.values() for name in names)
        least = 2 if suspect else max(2, len(named))
        shared = sorted(name for name, count in counts.items() if count >= least)
        if len(shared) < 2 or any(self.is_full(folder) for folder in inner):
            return
        tops = [name for name, names in named.items() if names & {*shared}]
        if suspect or len(shared) > len(tops):
            raise DataError(
                f"{self.root}: {_format_some(tops)} each hold {_format_some(shared)}: are those "
                "the classes? Then name the folders above them train, validation and test; if "
                "not, give the inner folders different names, or list the pictures in labels.csv"
            )
        self.notes.append(
            f"{_format_some(tops)} each hold {_format_some(shared)}: their pictures are taken as "
            f"of the classes {_format_some(tops)}"
        )

    def _check_level(self, folder: Path) -> None:
        """Raise DataError where the only folder is no class, for what it holds are folders too."""
        inner = self.list_folders(folder)
        if len(inner) > 1 and not self.is_full(folder):
            raise DataError(
                f"{self.root}: only one folder, {folder.relative_to(self.root).as_posix()}, which "
                f"holds {_format_some([path.name for path in inner])}; if those are the classes or "
                f"the splits, set data.path to {folder}"
            )
        if inner and not self.is_full(folder):
            self._check_level(inner[0])

    def _check_wrapped(self, folders: list[Path]) -> None:
        """Raise DataError where all splits hold one folder, of one name, which holds folders."""
        inner = [path for folder in folders for path in self.list_folders(folder)]
        parts = self.list_folders(inner[0]) if inner else []
        same = len({path.name for path in inner}) == 1
        if same and len(parts) > 1 and not self.is_full(inner[0]):
            raise DataError(
                f"{self.root}: only one class, {inner[0].name}, which holds the folders "
                f"{_format_some([path.name for path in parts])}; if those are the classes, move "
                f"them up, such as to {folders[0].name}/{parts[0].name}"
            )


def _are_parts(names: list[str]) -> bool:
    """Return whether names are those of parts: dev and eval, fold1 and fold2."""
    words = [{word.strip("0123456789") for word in list_words(name)} for name in names]
    common = set.intersection(*words)
    return bool(PART_WORDS & (set.union(*words) - common) or COUNTED_WORDS & common)


def _format_some(names: list[str]) -> str:
    more = f" and {len(names) - MAX_NAMED} more" if len(names) > MAX_NAMED else ""
    return ", ".join(names[:MAX_NAMED]) + more
