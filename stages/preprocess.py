"""Turn pictures into arrays of one size, and say what they are like.

Reads data/split/manifest.csv and the source; writes data/preprocess/: <split>.npy (uint8,
N x H x W x C), <split>.labels.npy (int64, N), images.csv in the order of the arrays, rejected.csv,
lookalikes.csv and facts.json. Decoding once, here, spares every run and epoch from doing it again.
"""

import hashlib
import json
import math
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track

from stages.core import files
from stages.core.data import images, lookalikes, sources
from stages.core.data.items import SPLITS, Source, classes
from stages.core.data.lookalikes import Lookalikes
from stages.core.errors import DataError, RejectedImageError
from stages.core.outputs import manifest
from stages.core.outputs.facts import Alike, Copies, Facts, Levels, Pixels
from stages.core.outputs.manifest import Row
from stages.core.parallel import in_order
from stages.core.params import Params, Preprocess

IMAGES = ("id", "label", "split", "digest")
REJECTED = ("id", "label", "split", "reason")
BATCH_BYTES = 2**20
Names = tuple[str, ...]
Records = Iterator[dict[str, object]]
Decoded = tuple[Row, NDArray[np.uint8] | None]


@dataclass
class Made:
    """What became of one split: images kept and rejected, and how often each pixel level is."""

    kept: list[Row] = field(default_factory=list)
    rejected: list[Row] = field(default_factory=list)
    histogram: NDArray[np.int64] = field(default_factory=lambda: np.zeros(256, np.int64))


def run(params: Params) -> None:
    """Write arrays, labels, lists and facts; print how many images were made and rejected."""
    spec, listed, made = params.preprocess, manifest.read(), dict[str, Made]()
    names = classes((row.label for row in listed), params.data.positive)
    with files.output("preprocess") as out:
        source = sources.source(params.data)
        for split in SPLITS:
            rows = [row for row in listed if row.split == split]
            with files.ArrayWriter(out / f"{split}.npy", shape(spec)) as writer:
                results = with_progress(rows, decoded(rows, source, spec))
                made[split] = collect(results, writer.append)
            np.save(out / f"{split}.labels.npy", numbers(made[split].kept, names))
        check(made, names, params)
        arrays = [np.load(out / f"{split}.npy", mmap_mode="r") for split in SPLITS]
        found = lookalikes.find(arrays, kept(made))
        for name, (fields, records) in lists(made, found).items():
            files.write_csv(out / name, fields, records)
        digest = digested(out, names, params.data.positive)
        alike = lookalikes.counted(found)
        facts = described(made, params, digest, manifest.copies(), alike)
        files.write_json(out / "facts.json", asdict(facts))
    print(*summary(made, facts), sep="\n")


def shape(spec: Preprocess) -> tuple[int, int, int]:
    """Return the shape of one image: (H, W, C)."""
    return (spec.height, spec.width, spec.channels)


def decoded(rows: Iterable[Row], source: Source, spec: Preprocess) -> Iterator[Decoded]:
    """Yield each row with its pixels (H, W, C), or with the reason why there are none."""

    def decode(row: Row) -> Decoded:
        try:
            return row, images.read(source.content(row.id), spec)
        except RejectedImageError as error:
            return row._replace(reason=str(error)), None

    # As many at a time as fit in a megabyte: handing over single small ones costs more than they.
    batch = max(1, min(64, BATCH_BYTES // math.prod(shape(spec))))
    return in_order(decode, rows, batch)


def with_progress(rows: list[Row], results: Iterator[Decoded]) -> Iterable[Decoded]:
    """Yield the results, and on a terminal show how far they are."""
    console = Console(stderr=True)
    title = f"preprocess {rows[0].split}" if rows else ""
    return track(results, title, len(rows), console=console, disable=not console.is_terminal)


def collect(results: Iterable[Decoded], append: Callable[[NDArray[np.uint8]], None]) -> Made:
    """Append every image that there is to the array; return what became of all of them."""
    made = Made()
    for row, pixels in results:
        if pixels is None:
            made.rejected.append(row)
        else:
            append(pixels)
            made.kept.append(row)
            made.histogram += np.bincount(pixels.ravel(), minlength=256)
    return made


def numbers(rows: list[Row], names: list[str]) -> NDArray[np.int64]:
    """Return each image's class as an index into the names: int64 (N,)."""
    index = {name: number for number, name in enumerate(names)}
    return np.array([index[row.label] for row in rows], np.int64)


def kept(made: dict[str, Made]) -> list[Row]:
    """Return the images in the order of the arrays, split after split."""
    return [row for one in made.values() for row in one.kept]


def rejected(made: dict[str, Made]) -> list[Row]:
    """Return the images that there are no pixels of, split after split."""
    return [row for one in made.values() for row in one.rejected]


def check(made: dict[str, Made], names: list[str], params: Params) -> None:
    """Raise DataError when too many images were rejected, or all of a class in a split."""
    lost, total = rejected(made), len(kept(made)) + len(rejected(made))
    path, allowed = params.data.path, params.preprocess.max_rejected_fraction
    if len(lost) > allowed * total:
        first = "; ".join(f"{row.id}: {row.reason}" for row in lost[:3])
        raise DataError(
            f"{path}: {len(lost)} of {total} images cannot be read, expected at most "
            f"{allowed} of them (params.yaml: preprocess.max_rejected_fraction);"
            f" mend or remove them; the first: {first}"
        )
    for split, one in made.items():
        for name in sorted(set(names) - {row.label for row in one.kept}):
            first = next((f": {r.id}: {r.reason}" for r in one.rejected if r.label == name), "")
            raise DataError(
                f"{path}: no image of class {name!r} in {split} can be read; mend them{first}"
            )


def lists(made: dict[str, Made], found: Lookalikes) -> dict[str, tuple[Names, Records]]:
    """Return the columns and rows of each CSV file by its name."""
    return {
        "images.csv": (IMAGES, columns(kept(made), IMAGES)),
        "rejected.csv": (REJECTED, columns(rejected(made), REJECTED)),
        "lookalikes.csv": (lookalikes.FIELDS, lookalikes.records(found)),
    }


def columns(rows: list[Row], names: Names) -> Records:
    """Yield the named columns of the rows."""
    for row in rows:
        yield {name: getattr(row, name) for name in names}


def digested(folder: Path, names: list[str], positive: str | None) -> str:
    """Return the SHA-256 (hex) of the arrays and labels in a folder, the classes and `positive`."""
    arrays = [folder / f"{split}{kind}.npy" for split in SPLITS for kind in ("", ".labels")]
    told = json.dumps([files.digest(*arrays), names, positive])
    return hashlib.sha256(told.encode()).hexdigest()


def described(
    made: dict[str, Made], params: Params, digest: str, copies: Copies, alike: Alike
) -> Facts:
    """Return what the arrays are like."""
    counts = {split: Counter(row.label for row in one.kept) for split, one in made.items()}
    names = classes(counts["train"], params.data.positive)
    return Facts(
        name=Path(params.data.path).name or "data",
        classes=names,
        positive=params.data.positive,
        shape=list(shape(params.preprocess)),
        counts={split: {name: count[name] for name in names} for split, count in counts.items()},
        rejected=len(rejected(made)),
        digest=digest,
        pixels=Pixels.of(made["train"].histogram),
        levels={split: Levels.of(one.histogram) for split, one in made.items()},
        reasons=dict(Counter(row.reason.partition(":")[0] for row in rejected(made))),
        copies=copies,
        alike=alike,
    )


def summary(made: dict[str, Made], facts: Facts) -> Iterator[str]:
    """Yield the lines that a person reads when it is done."""
    counts = ", ".join(f"{len(one.kept)} {split}" for split, one in made.items())
    yield f"preprocess: {counts} images of {' x '.join(map(str, facts.shape))}"
    if reasons := Counter(row.reason for row in rejected(made)):
        told = ", ".join(f"{count} {reason}" for reason, count in reasons.most_common(5))
        yield f"{reasons.total()} rejected, see data/preprocess/rejected.csv: {told}"
    if facts.alike.pairs:
        more = "" if facts.alike.complete else " or more"
        told = f"{facts.alike.pairs}{more} pairs in different splits or classes look the same"
        yield f"{told} (warning), see data/preprocess/lookalikes.csv"
