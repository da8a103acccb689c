"""The sources that `data.source` names; here the IDX files, in pictures.py the others."""

import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from stages.core.data import idx
from stages.core.data.items import WORDS, Content, Item, Source, is_text, normal
from stages.core.data.pictures import ClassFolders, CsvList, visible
from stages.core.errors import DataError
from stages.core.params import Data


def source(data: Data) -> Source:
    """Return the source that the section `data` of params.yaml describes.

    Raises DataError when its folder or the files in it are not what `data.source` promises.
    """
    root = Path(data.path)
    if not root.is_dir():
        found = "a file; expected the folder that holds it" if root.exists() else "no such folder"
        raise DataError(f"params.yaml: data.path: {data.path} is {found}; correct the path")
    if data.source == "idx":
        return IdxPairs(root, data.class_names, data.transpose)
    return ClassFolders(root) if data.source == "folder" else CsvList(root)


@dataclass(frozen=True)
class Pair:
    """Images (N, H, W) and their labels (N,), uint8; `split` as the file names say, or None."""

    images: NDArray[np.uint8]
    labels: NDArray[np.uint8]
    split: str | None


class IdxPairs:
    """One pair of IDX files, or one for training and one for testing, as MNIST and EMNIST come.

    A pair whose name holds `train`, `validation` (or `val`, `valid`), `test` or `t10k` is that
    split. Labels are named by `class_names`, a text file in the folder: its first line names the
    smallest label there is, whether that is 0 (MNIST) or 1 (EMNIST letters), and so on upwards.
    """

    def __init__(self, root: Path, class_names: str | None, transposed: bool) -> None:
        self.skipped: list[str] = []
        self._transposed = transposed
        self._pairs = _pairs(root)
        self._names = _label_names(self._pairs, root / class_names if class_names else None)

    def items(self) -> list[Item]:
        """Return every image in the order of the files; its id is <images file>#<index from 0>."""
        return [
            Item(f"{name}#{index}", self._names[label], pair.split)
            for name, pair in self._pairs.items()
            for index, label in enumerate(pair.labels.tolist())
        ]

    def content(self, name: str) -> Content:
        """Return the pixels (H, W), uint8, of the image with this id."""
        pair, _, index = name.rpartition("#")
        pixels: NDArray[np.uint8] = self._pairs[pair].images[int(index)]
        return pixels.T if self._transposed else pixels


def _pairs(root: Path) -> dict[str, Pair]:
    """Return the pairs in a folder by the short name of their images file."""
    paths = {path.name.removesuffix(".gz"): path for path in visible(root) if path.is_file()}
    partners = _partners(root, list(paths))
    splits = {name: _split_word(name) for name in partners}
    for split, count in Counter(splits.values()).items():
        if count > 1:
            same = [name for name in partners if splits[name] == split]
            raise DataError(
                f"{root}: several IDX pairs for {split or 'one data set'}: {', '.join(same)}; "
                "expected one; move the others to another folder"
            )
    return {
        re.sub(r"[-.]idx3-ubyte$", "", name): _pair(paths[name], paths[partner], splits[name])
        for name, partner in partners.items()
    }


def _partners(root: Path, names: list[str]) -> dict[str, str]:
    """Return for each images file its labels file; a file left alone is an error."""
    partners = {
        name: name.replace("images", "labels").replace("idx3", "idx1")
        for name in names
        if "images" in name
    }
    labels = {name for name in names if "labels" in name}
    if not partners and not labels:
        raise DataError(
            f"{root}: no IDX files; expected a pair such as train-images-idx3-ubyte.gz and "
            "train-labels-idx1-ubyte.gz; correct data.path or data.source"
        )
    alone = labels.symmetric_difference(partners.values())
    if alone:
        raise DataError(
            f"{root}: IDX files come in pairs of images and labels, but there is no partner for "
            f"{min(n for n in names if n in alone or partners.get(n) in alone)}; add it"
        )
    return partners


def _split_word(name: str) -> str | None:
    words = [WORDS[word] for word in re.split(r"[-_. ]", name.lower()) if word in WORDS]
    return words[0] if words else None


def _pair(images: Path, labels: Path, split: str | None) -> Pair:
    pair = Pair(idx.read(images, 3), idx.read(labels, 1), split)
    if len(pair.images) != len(pair.labels):
        raise DataError(
            f"{images}: {len(pair.images)} images, but {labels.name} holds {len(pair.labels)} "
            "labels; expected as many; they do not belong together, download both again"
        )
    return pair


def _label_names(pairs: dict[str, Pair], path: Path | None) -> dict[int, str]:
    """Return the class name of each label there is; the number itself where no file names it."""
    labels = sorted({int(label) for pair in pairs.values() for label in np.unique(pair.labels)})
    if path is None:
        return {label: str(label) for label in labels}
    names = _lines(path)
    if len(names) != len(labels):
        raise DataError(
            f"{path}: {len(names)} class names for {len(labels)} different labels "
            f"({labels[0]} to {labels[-1]}); expected one line per label, smallest label first"
        )
    return dict(zip(labels, names, strict=True))


def _lines(path: Path) -> list[str]:
    try:
        names = [normal(line.strip()) for line in path.read_text("utf-8-sig").strip().split("\n")]
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(
            f"params.yaml: data.class_names: {path} cannot be read ({error}); expected a text "
            "file in the folder data.path, in UTF-8, with one class name a line"
        ) from None
    for name, count in Counter(names).items():
        if count > 1 or not name or not is_text(name):
            raise DataError(
                f"{path}: class name {name!r} {count} times; expected each name once, as plain text"
            )
    return names
