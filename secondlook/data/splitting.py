"""What every source gives, one item an image, and which split each falls in.

As its source says, else by a hash of its content or group, and so that each class is in each.
"""

import hashlib
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from secondlook.artifacts.manifest import EVALUATED_SPLITS, SPLITS, ManifestRow
from secondlook.config.params import SplitParams

# The words that data sets use for the three splits, in any case, and what they put beside them:
# Training, train_set, TestData. `dev` is not among them: to some it is validation, to others test.
SPLIT_WORDS = {name: name for name in SPLITS} | {
    "training": "train",
    "valid": "validation",
    "val": "validation",
    "validate": "validation",
    "testing": "test",
    "t10k": "test",
}
FILLER_WORDS = {
    *("set", "sets", "data", "dataset", "folder", "split", "samples", "examples"),
    *("image", "images", "img", "imgs", "picture", "pictures", "photos"),
}
ImageContent = bytes | NDArray[np.uint8]


@dataclass(frozen=True)
class Item:
    """One image: `split` is None where the source does not say, `group` where it has none."""

    id: str
    label: str
    split: str | None = None
    group: str | None = None


def order_classes(labels: Iterable[str], positive: str | None = None) -> list[str]:
    """Return the class names in order: numbers by value, then text; the positive one last."""
    return sorted(set(labels), key=lambda name: (name == positive, *_rank_class(name)))


def _rank_class(name: str) -> tuple[bool, int, str]:
    number = name.isdecimal()
    return (not number, int(name) if number else 0, name)


def normalize_name(name: str) -> str:
    """Return a class name in one Unicode form (NFC): é may be stored as one character or two."""
    return unicodedata.normalize("NFC", name)


def list_words(name: str) -> list[str]:
    """Return the words of a name, in lower case: TrainSet, train_set and train-set have two."""
    parted = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name)
    return [word for word in re.split(r"[\W_]+", parted.lower()) if word]


def find_split_words(names: list[str]) -> list[str | None]:
    """Return for each of the names that stand side by side its split; None where it is none.

    What all names have in common says nothing: seg_train and seg_test are train and test.
    """
    words = [[part for word in list_words(name) for part in _part_word(word)] for name in names]
    common = set[str]().union(*words).intersection(*words) if len(names) > 1 else set[str]()
    quiet = FILLER_WORDS | (common - set(SPLIT_WORDS))
    return [_find_only_split([word for word in each if word not in quiet]) for each in words]


def _part_word(word: str) -> list[str]:
    """Return trainset as train and set, train2017 as train and 2017; any other word as it is."""
    for name in SPLIT_WORDS:
        rest = word.removeprefix(name)
        if word != rest and (rest in FILLER_WORDS or rest.isdecimal()):
            return [name, rest]
    return [word]


def _find_only_split(words: list[str]) -> str | None:
    return SPLIT_WORDS.get(words[0]) if len(words) == 1 else None


def is_plain_text(name: str) -> bool:
    """Return whether a name is fit for a line of text: no control character, and valid UTF-8."""
    return not any(unicodedata.category(letter) in {"Cc", "Cs"} for letter in name)


def hash_content(content: ImageContent) -> str:
    """Return the SHA-256 (hex) of a file's bytes, or of an array's shape and pixels."""
    if isinstance(content, bytes):
        return hashlib.sha256(content).hexdigest()
    return hashlib.sha256(f"{content.shape}".encode() + content.tobytes()).hexdigest()


def assign_splits(items: list[Item], digests: list[str], shares: SplitParams) -> list[ManifestRow]:
    """Return where each image falls.

    A split that the source gives is kept. Whichever of validation and test it does not give is
    drawn from the images it gives to training or to nothing, by their key and the seed; a class
    that a drawn split would lack is given one there, if it has enough.
    """
    keys = compute_split_keys(items, digests)
    drawn, open_splits = _draw_splits(items, keys, shares)
    _complete_classes(_group_keys(items, keys), drawn, open_splits, shares.seed)
    return [
        ManifestRow(item.id, item.label, _get_given(item) or drawn[key], code)
        for item, code, key in zip(items, digests, keys, strict=True)
    ]


def list_moved(
    items: list[Item], images: list[ManifestRow], digests: list[str], shares: SplitParams
) -> list[ManifestRow]:
    """Return the images that are not where their hash alone would put them."""
    keys = compute_split_keys(items, digests)
    drawn, _ = _draw_splits(items, keys, shares)
    return [
        image
        for item, image, key in zip(items, images, keys, strict=True)
        if not _get_given(item) and image.split != drawn[key]
    ]


def _get_given(item: Item) -> str | None:
    return item.split if item.split in EVALUATED_SPLITS else None


def _draw_splits(
    items: list[Item], keys: list[str], shares: SplitParams
) -> tuple[dict[str, str], list[str]]:
    """Return the split of each key by its hash, and the splits that are drawn and not given."""
    given = {_get_given(item) for item in items}
    test = 0.0 if "test" in given else shares.test
    validation = 0.0 if "validation" in given else shares.validation
    drawn = {key: choose_split(key, shares.seed, validation, test) for key in dict.fromkeys(keys)}
    return drawn, [split for split in SPLITS if split not in given]


def _group_keys(items: list[Item], keys: list[str]) -> dict[str, set[str]]:
    """Return the keys of each class's images whose split is drawn, in order of the classes."""
    grouped = dict[str, set[str]]()
    for item, key in zip(items, keys, strict=True):
        if not _get_given(item):
            grouped.setdefault(item.label, set()).add(key)
    return dict(sorted(grouped.items()))


# Where an image for a split that a class lacks comes from, and which end of those there by hash:
# such that two that are moved never compete. From training first: what stood in test for want of
# another may come back to training, but where an image comes back to test, `retrain` refuses to
# judge a champion that was trained on it.
DONORS = {
    "test": {"train": min, "validation": min},
    "validation": {"train": max, "test": min},
    "train": {"validation": max, "test": max},
}


def _complete_classes(
    keys: dict[str, set[str]], drawn: dict[str, str], open_splits: list[str], seed: int
) -> None:
    """Move a key, with all its images, into each drawn split that a class would lack.

    Images added later move none but what was moved so: that comes home once the class has others.
    (Or where a class had a single image in a split, which is spared only from then on.)
    """
    labels = dict[str, list[str]]()
    for label, own in keys.items():
        for key in own:
            labels.setdefault(key, []).append(label)
    counts = Counter((label, drawn[key]) for key, own in labels.items() for label in own)
    wanted = [(label, split) for label in keys for split in DONORS if split in open_splits]
    moved = set[str]()
    for label, split in wanted:
        for donor, choose in DONORS[split].items():
            if counts[label, split]:
                break
            spare = [
                key
                for key in keys[label] - moved
                if drawn[key] == donor and all(counts[one, donor] > 1 for one in labels[key])
            ]
            if spare:
                pick = choose(spare, key=lambda key: _hash_key(key, seed))
                counts.subtract((one, donor) for one in labels[pick])
                counts.update((one, split) for one in labels[pick])
                drawn[pick] = split
                moved.add(pick)


def compute_split_keys(items: list[Item], digests: list[str]) -> list[str]:
    """Return for each image what its side hangs on: its digest, or its group where it has one.

    Byte-identical images in several groups join them: the key of all is then the first group by
    name. (A union-find, the smallest member being the root: Cormen et al., Introduction to
    Algorithms, chapter on disjoint sets.)
    """
    parents: dict[tuple[int, str], tuple[int, str]] = {}

    def root(node: tuple[int, str]) -> tuple[int, str]:
        while (parent := parents.setdefault(node, node)) != node:
            parents[node] = node = parents[parent]
        return node

    for item, code in zip(items, digests, strict=True):
        if item.group is not None:
            # 0 before 1: a group is smaller than any digest.
            low, high = sorted((root((0, item.group)), root((1, code))))
            parents[high] = low
    return [root((1, code))[1] for code in digests]


def choose_split(key: str, seed: int, validation: float, test: float) -> str:
    """Return the split of a key: its hash is a number in 0..1, and the shares lie one by one."""
    number = _hash_key(key, seed)
    if number < test:
        return "test"
    return "validation" if number < test + validation else "train"


def _hash_key(key: str, seed: int) -> float:
    """Return the hash of a key as a number in 0..1."""
    return int.from_bytes(hashlib.sha256(f"{seed}:{key}".encode()).digest()[:8]) / 2**64
