"""Turn pictures into arrays of one size, and say what they are like.

Reads data/split/manifest.csv and the source; writes data/preprocess/: <split>.npy (uint8,
N x H x W x C), <split>.labels.npy (int64, N), images.csv in the order of the arrays, rejected.csv,
lookalikes.csv and facts.json. Decoding once, here, spares every run and epoch from doing it again.
"""

import hashlib
import json
import math
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track

from stages.core import files
from stages.core.data import images, lookalikes, made, sources
from stages.core.data.items import SPLITS, Source, classes
from stages.core.data.made import Decoded, Made
from stages.core.errors import DataError, RejectedImageError
from stages.core.outputs import manifest
from stages.core.outputs.facts import Alike, Copies, Facts, Levels, Pictures, Pixels
from stages.core.outputs.manifest import Row, Rows
from stages.core.parallel import in_order
from stages.core.params import Params, Preprocess
from stages.core.typical.survey import Split, survey

BATCH_BYTES = 2**20
Result = dict[str, Made]
Arrays = dict[str, NDArray[np.uint8]]


class Found(NamedTuple):
    """What was found out about the arrays as a whole."""

    digest: str
    copies: Copies
    alike: Alike
    pictures: Pictures


def run(params: Params) -> None:
    """Write arrays, labels, lists and facts; print how many images were made and rejected."""
    listed = manifest.read()
    names = classes({row.label for row in listed}, params.data.positive)
    with files.output("preprocess") as out:
        result = make(out, listed, names, params)
        check(result, names, params)
        arrays = {split: np.load(out / f"{split}.npy", mmap_mode="r") for split in SPLITS}
        pairs = lookalikes.find(list(arrays.values()), Rows(out / "images.csv"))
        files.write_csv(out / "lookalikes.csv", lookalikes.FIELDS, lookalikes.records(pairs))
        digest = digested(out, names, params.data.positive)
        pictures = surveyed(arrays, result)
        found = Found(digest, manifest.copies(), lookalikes.counted(pairs), pictures)
        facts = described(result, names, params, found)
        files.write_json(out / "facts.json", facts.as_json())
    print(*summary(result, facts), sep="\n")


def make(out: Path, listed: Rows, names: list[str], params: Params) -> Result:
    """Write the arrays and labels of each split, and the lists of all images as they come."""
    spec, source, result = params.preprocess, sources.source(params.data), Result()
    totals = Counter(row.split for row in listed)
    with (
        files.csv_writer(out / "images.csv", made.KEPT) as kept,
        files.csv_writer(out / "rejected.csv", made.REJECTED) as rejected,
    ):
        for split in SPLITS:
            rows = (row for row in listed if row.split == split)
            decoded = with_progress(decode(rows, source, spec), split, totals[split])
            with files.ArrayWriter(out / f"{split}.npy", shape(spec)) as array:
                lists = (kept.writerow, rejected.writerow)
                result[split] = made.collect(decoded, names, array.append, *lists)
            np.save(out / f"{split}.labels.npy", np.array(result[split].labels, np.int64))
    return result


def decode(rows: Iterable[Row], source: Source, spec: Preprocess) -> Iterator[Decoded]:
    """Yield each row with what the network sees (H, W, C), or with the reason why it cannot."""

    def one(row: Row) -> Decoded:
        try:
            return row, images.see(source.content(row.id), spec)
        except RejectedImageError as error:
            return row._replace(reason=str(error)), None

    # As many at a time as fit in a megabyte: handing over single small ones costs more than they.
    batch = max(1, min(64, BATCH_BYTES // math.prod(shape(spec))))
    return in_order(one, rows, batch)


def shape(spec: Preprocess) -> tuple[int, int, int]:
    """Return the shape of one image: (H, W, C)."""
    return (spec.height, spec.width, spec.channels)


def with_progress(results: Iterator[Decoded], split: str, total: int) -> Iterable[Decoded]:
    """Yield the results, and on a terminal show how far they are."""
    console, title = Console(stderr=True), f"preprocess {split}"
    return track(results, title, total, console=console, disable=not console.is_terminal)


def check(result: Result, names: list[str], params: Params) -> None:
    """Raise DataError when too many images were rejected, or all of a class in a split."""
    lost, total = rejected(result), sum(len(one.labels) for one in result.values())
    firsts = [row for one in result.values() for row in one.firsts]
    path, allowed = params.data.path, params.preprocess.max_rejected_fraction
    total += lost.total()
    if lost.total() > allowed * total:
        first = "; ".join(f"{row.id}: {row.reason}" for row in firsts[: made.SHOWN])
        raise DataError(
            f"{path}: {lost.total()} of {total} images cannot be read, expected at most "
            f"{allowed} of them (params.yaml: preprocess.max_rejected_fraction);"
            f" mend or remove them; the first: {first}"
        )
    for split, one in result.items():
        for name in sorted(name for name, count in one.counts(names).items() if not count):
            first = next((f": {r.id}: {r.reason}" for r in one.firsts if r.label == name), "")
            raise DataError(
                f"{path}: no image of class {name!r} in {split} can be read; mend them{first}"
            )


def rejected(result: Result) -> "Counter[str]":
    """Return how many images there are no pixels of, by reason."""
    return sum((one.reasons for one in result.values()), Counter())


def digested(folder: Path, names: list[str], positive: str | None) -> str:
    """Return the SHA-256 (hex) of the arrays and labels in a folder, the classes and `positive`."""
    arrays = [folder / f"{split}{kind}.npy" for split in SPLITS for kind in ("", ".labels")]
    told = json.dumps([files.digest(*arrays), names, positive])
    return hashlib.sha256(told.encode()).hexdigest()


def surveyed(arrays: Arrays, result: Result) -> Pictures:
    """Return what the training pictures are like, and how unlike those of validation are."""
    training, validation = (
        Split(arrays[split], np.array(result[split].sizes, np.int64).reshape(-1, 2))
        for split in ("train", "validation")
    )
    return survey(training, validation)


def described(result: Result, names: list[str], params: Params, found: Found) -> Facts:
    """Return what the arrays are like."""
    reasons = Counter[str]()
    for reason, count in rejected(result).items():
        reasons[reason.partition(":")[0]] += count
    return Facts(
        name=Path(params.data.path).name or "data",
        classes=names,
        positive=params.data.positive,
        shape=list(shape(params.preprocess)),
        counts={split: one.counts(names) for split, one in result.items()},
        rejected=reasons.total(),
        pixels=Pixels.of(result["train"].histogram),
        levels={split: Levels.of(one.histogram) for split, one in result.items()},
        reasons=dict(reasons),
        preparation=params.preprocess,
        **found._asdict(),
    )


def summary(result: Result, facts: Facts) -> Iterator[str]:
    """Yield the lines that a person reads when it is done."""
    counts = ", ".join(f"{len(one.labels)} {split}" for split, one in result.items())
    yield f"preprocess: {counts} images of {' x '.join(map(str, facts.shape))}"
    if reasons := rejected(result):
        told = ", ".join(f"{count} {reason}" for reason, count in reasons.most_common(5))
        yield f"{reasons.total()} rejected, see data/preprocess/rejected.csv: {told}"
    if facts.alike.pairs:
        more = "" if facts.alike.complete else " or more"
        told = f"{facts.alike.pairs}{more} pairs in different splits or classes look the same"
        yield f"{told} (warning), see data/preprocess/lookalikes.csv"
