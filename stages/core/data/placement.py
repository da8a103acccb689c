"""Which split an image falls in: as its source says, else by a hash of its content or group."""

import hashlib
from dataclasses import dataclass

from stages.core.data.items import Content, Item
from stages.core.params import Split


@dataclass(frozen=True)
class Placed:
    """An image with the SHA-256 (hex) of its content, its class and the split it falls in."""

    id: str
    label: str
    split: str
    digest: str


def digest(content: Content) -> str:
    """Return the SHA-256 (hex) of a file's bytes, or of an array's shape and pixels."""
    if isinstance(content, bytes):
        return hashlib.sha256(content).hexdigest()
    return hashlib.sha256(f"{content.shape}".encode() + content.tobytes()).hexdigest()


def place(items: list[Item], digests: list[str], shares: Split) -> list[Placed]:
    """Return where each image falls.

    A split that the source gives is kept. Whichever of validation and test it does not give is
    drawn from the images it gives to training or to nothing, by their key and the seed.
    """
    given = {item.split for item in items}
    test = 0.0 if "test" in given else shares.test
    validation = 0.0 if "validation" in given else shares.validation
    placed = []
    for item, code, key in zip(items, digests, keys(items, digests), strict=True):
        split = drawn(key, shares.seed, validation, test)
        if item.split in ("validation", "test"):
            split = item.split
        placed.append(Placed(item.id, item.label, split, code))
    return placed


def keys(items: list[Item], digests: list[str]) -> list[str]:
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


def drawn(key: str, seed: int, validation: float, test: float) -> str:
    """Return the split of a key: its hash is a number in 0..1, and the shares lie one by one."""
    number = int.from_bytes(hashlib.sha256(f"{seed}:{key}".encode()).digest()[:8]) / 2**64
    if number < test:
        return "test"
    return "validation" if number < test + validation else "train"
