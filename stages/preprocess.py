"""Turn pictures into arrays of one size, and say what they are like.

Reads data/split/manifest.csv and the source; writes data/preprocess/: <split>.npy (uint8,
N x H x W x C), <split>.labels.npy (int64, N), images.csv in the order of the arrays, rejected.csv
and facts.json. Decoding once, here, spares every run and every epoch from doing it again.
"""

import hashlib
import json
import math
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track

from stages.core import files, images, sources
from stages.core.errors import DataError, RejectedImageError
from stages.core.facts import Facts
from stages.core.items import SPLITS, Source, classes
from stages.core.parallel import in_order
from stages.core.params import Params, Preprocess

IMAGES = ("id", "label", "split", "digest")
REJECTED = ("id", "label", "split", "reason")
BATCH_BYTES = 2**20


class Row(NamedTuple):
    """One image of the manifest; once rejected, with the reason."""

    id: str
    label: str
    split: str
    digest: str
    reason: str = ""


Decoded = tuple[Row, NDArray[np.uint8] | None]


@dataclass
class Made:
    """What became of one split: images kept and rejected, and how often each pixel level is."""

    kept: list[Row] = field(default_factory=list)
    rejected: list[Row] = field(default_factory=list)
    histogram: NDArray[np.int64] = field(default_factory=lambda: np.zeros(256, np.int64))


def run(params: Params) -> None:
    """Write arrays, labels, lists and facts; print how many images were made and rejected."""
    spec, manifest = params.preprocess, read_manifest(files.folder("split") / "manifest.csv")
    names, made = classes((row.label for row in manifest), params.data.positive), {}
    with files.output("preprocess") as out:
        source = sources.source(params.data)
        for split in SPLITS:
            rows = [row for row in manifest if row.split == split]
            with files.ArrayWriter(out / f"{split}.npy", shape(spec)) as writer:
                made[split] = collect(
                    with_progress(rows, decoded(rows, source, spec)), writer.append
                )
            np.save(out / f"{split}.labels.npy", numbers(made[split].kept, names))
        check(made, names, params)
        files.write_csv(out / "images.csv", IMAGES, columns(made, "kept", IMAGES))
        files.write_csv(out / "rejected.csv", REJECTED, columns(made, "rejected", REJECTED))
        facts = described(made, names, params, digest(out, names, params.data.positive))
        files.write_json(out / "facts.json", vars(facts))
    print(*summary(made, spec), sep="\n")


def read_manifest(path: Path) -> list[Row]:
    """Return the rows that `split` wrote; DataError when it has not run."""
    if not path.exists():
        raise DataError(f"{path}: no such file; run `dvc repro` to make it")
    # Interned: one string per class and split, however many images there are.
    return [
        Row(row["id"], sys.intern(row["label"]), sys.intern(row["split"]), row["digest"])
        for row in files.read_csv(path)
    ]


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


def check(made: dict[str, Made], names: list[str], params: Params) -> None:
    """Raise DataError when too many images were rejected, or all of a class in a split."""
    rejected = [row for one in made.values() for row in one.rejected]
    total = len(rejected) + sum(len(one.kept) for one in made.values())
    path, allowed = params.data.path, params.preprocess.max_rejected_fraction
    if len(rejected) > allowed * total:
        first = "; ".join(f"{row.id}: {row.reason}" for row in rejected[:3])
        raise DataError(
            f"{path}: {len(rejected)} of {total} images cannot be read, expected at most "
            f"{allowed} of them (params.yaml: preprocess.max_rejected_fraction);"
            f" mend or remove them; the first: {first}"
        )
    for split, one in made.items():
        for name in sorted(set(names) - {row.label for row in one.kept}):
            first = next((f": {r.id}: {r.reason}" for r in one.rejected if r.label == name), "")
            raise DataError(
                f"{path}: no image of class {name!r} in {split} can be read; mend them{first}"
            )


def columns(made: dict[str, Made], which: str, names: tuple[str, ...]) -> Iterator[dict[str, str]]:
    """Yield the named columns of all rows kept or rejected, split after split."""
    for one in made.values():
        for row in getattr(one, which):
            yield {name: getattr(row, name) for name in names}


def digest(folder: Path, names: list[str], positive: str | None) -> str:
    """Return the SHA-256 (hex) of the arrays and labels in a folder, the classes and `positive`."""
    arrays = [folder / f"{split}{kind}.npy" for split in SPLITS for kind in ("", ".labels")]
    told = json.dumps([files.digest(*arrays), names, positive])
    return hashlib.sha256(told.encode()).hexdigest()


def described(made: dict[str, Made], names: list[str], params: Params, digest: str) -> Facts:
    """Return what the arrays are like; the pixels' mean and deviation are those of training."""
    counts = {split: Counter(row.label for row in one.kept) for split, one in made.items()}
    return Facts(
        name=Path(params.data.path).name or "data",
        classes=names,
        positive=params.data.positive,
        shape=list(shape(params.preprocess)),
        counts={split: {name: count[name] for name in names} for split, count in counts.items()},
        rejected=sum(len(one.rejected) for one in made.values()),
        digest=digest,
        pixels=levels(made["train"].histogram),
    )


def levels(histogram: NDArray[np.int64]) -> dict[str, float | list[int]]:
    """Return mean and standard deviation, in 0..255, of pixels counted by level, and the counts."""
    level, total = np.arange(256), histogram.sum()
    mean = float((level * histogram).sum() / total)
    variance = float(((level - mean) ** 2 * histogram).sum() / total)
    return {"mean": mean, "std": math.sqrt(variance), "histogram": histogram.tolist()}


def summary(made: dict[str, Made], spec: Preprocess) -> Iterator[str]:
    """Yield the lines that a person reads when it is done."""
    counts = ", ".join(f"{len(one.kept)} {split}" for split, one in made.items())
    size = " x ".join(map(str, shape(spec)))
    yield f"preprocess: {counts} images of {size}"
    reasons = Counter(row.reason for one in made.values() for row in one.rejected)
    if reasons:
        told = ", ".join(f"{count} {reason}" for reason, count in reasons.most_common(5))
        yield f"{reasons.total()} rejected, see data/preprocess/rejected.csv: {told}"
