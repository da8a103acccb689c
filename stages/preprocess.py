"""Turn pictures into arrays of one size, and say what they are like.

Reads data/split/manifest.csv and the source; writes data/preprocess/: <split>-00000.npy and so on
(uint8, n x H x W x C each), <split>.labels.npy (int64, N), images.csv in the order of the arrays,
rejected.csv, lookalikes.csv and facts.json. Decoding once, here, spares every run and epoch from
doing it again; what was decoded for the last output is taken from there.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
from rich.console import Console
from rich.progress import Progress

from secondlook.artifacts import files, manifest
from secondlook.artifacts.dataset_card import (
    FAINT_LEVELS,
    DatasetCard,
    DuplicateCounts,
    LevelStatistics,
    NearDuplicateCounts,
    PixelStatistics,
    TrainingProfile,
)
from secondlook.artifacts.image_shards import (
    SHARD_NAME,
    ImageShards,
    count_shard_images,
    cut_shards,
    load_shards,
)
from secondlook.artifacts.manifest import MANIFEST_COLUMNS, SPLITS, ManifestRows
from secondlook.config.errors import DataError
from secondlook.config.params import SHARD_BYTES, Params, PreprocessParams
from secondlook.data import near_duplicates, sources
from secondlook.data.image_store import open_store
from secondlook.data.profile import SizedImages, build_profile
from secondlook.data.split_summary import MAX_EXAMPLES, REJECTED_COLUMNS, SplitSummary
from secondlook.data.splitting import order_classes

MAX_FAINT_SHARE = 0.05  # of the training pictures: some are truly of one grey
SplitSummaries = dict[str, SplitSummary]


class _ArrayFindings(NamedTuple):
    """What was found out about the arrays as a whole."""

    digest: str
    copies: DuplicateCounts
    alike: NearDuplicateCounts
    pictures: TrainingProfile


def run(params: Params) -> None:
    """Write arrays, labels, lists and facts; print how many images were made and rejected."""
    listed = manifest.load_manifest()
    names = order_classes({row.label for row in listed}, params.data.positive)
    with files.create_output("preprocess") as out:
        result, decoded = _write_arrays(out, listed, names, params)
        _check_rejections(result, params)
        arrays = [load_shards(out, split) for split in SPLITS]
        pairs = near_duplicates.find_near_duplicates(
            arrays,
            ManifestRows(out / "images.csv"),
            np.concatenate([one.frequencies for one in result.values()]),
        )
        files.write_csv(
            out / "lookalikes.csv",
            near_duplicates.PAIR_COLUMNS,
            near_duplicates.list_pair_rows(pairs),
        )
        found = _ArrayFindings(
            _hash_images(result, names, params.data.positive),
            manifest.count_duplicates(),
            near_duplicates.count_near_duplicates(pairs),
            _build_profile(arrays, result),
        )
        facts = _build_dataset_card(result, names, params, found)
        files.write_json(out / "facts.json", facts.model_dump())
    print(*_format_summary(result, facts, decoded), sep="\n")


def _write_arrays(
    out: Path, listed: ManifestRows, names: list[str], params: Params
) -> tuple[SplitSummaries, int]:
    """Write the arrays and labels of each split, and the lists of all images as they come.

    Returns what is known of each split, and how many images had to be decoded.
    """
    source, result = sources.open_source(params.data), SplitSummaries()
    totals = Counter(row.split for row in listed)
    with (
        open_store(params.preprocess, source.content) as store,
        files.open_csv_writer(out / "images.csv", MANIFEST_COLUMNS) as kept,
        files.open_csv_writer(out / "rejected.csv", REJECTED_COLUMNS) as rejected,
        _show_progress(totals) as advance,
    ):
        at_most = count_shard_images(params.preprocess.shard_bytes, store.shape)
        for split in SPLITS:
            rows = (row for row in listed if row.split == split)
            result[split], number = SplitSummary(names), 0
            for group in cut_shards(rows, totals[split], at_most):
                target = out / SHARD_NAME.format(split=split, number=number)
                shard = store.add_shard(group, target, advance)
                result[split].add_shard(group, shard, kept.writerow, rejected.writerow)
                number += target.exists()
            np.save(out / f"{split}.labels.npy", result[split].labels)
    return result, store.decoded


@contextmanager
def _show_progress(totals: Mapping[str, int]) -> Iterator[Callable[[int], object]]:
    """Give what is to be told how many images more are done; on a terminal it shows that."""
    console = Console(stderr=True)
    with Progress(console=console, disable=not console.is_terminal) as shown:
        task = shown.add_task("preprocess", total=sum(totals.values()))
        yield partial(shown.advance, task)


def _check_rejections(result: SplitSummaries, params: Params) -> None:
    """Raise DataError when too many images were rejected, or all of a class in a split."""
    lost, total = _count_rejections(result), sum(len(one.labels) for one in result.values())
    firsts = [row for one in result.values() for row in one.firsts]
    path, allowed = params.data.path, params.preprocess.max_rejected_fraction
    total += lost.total()
    if lost.total() > allowed * total:
        first = "; ".join(f"{row.id}: {row.reason}" for row in firsts[:MAX_EXAMPLES])
        raise DataError(
            f"{path}: {lost.total()} of {total} images cannot be read, expected at most "
            f"{allowed} of them (params.yaml: preprocess.max_rejected_fraction);"
            f" mend or remove them; the first: {first}"
        )
    for split, one in result.items():
        for name in sorted(name for name, count in one.count_images().items() if not count):
            first = next((f": {r.id}: {r.reason}" for r in one.firsts if r.label == name), "")
            raise DataError(
                f"{path}: no image of class {name!r} in {split} can be read; mend them{first}"
            )


def _count_rejections(result: SplitSummaries) -> "Counter[str]":
    """Return how many images there are no pixels of, by reason."""
    return sum((one.reasons for one in result.values()), Counter())


def _hash_images(result: SplitSummaries, names: list[str], positive: str | None) -> str:
    """Return the SHA-256 (hex) of all pixels and labels, the classes and `positive`.

    It does not depend on how the images are cut into shards.
    """
    told = hashlib.sha256(json.dumps([names, positive]).encode())
    for one in result.values():
        told.update(f"{len(one.labels)}".encode())
        told.update(one.hashes.tobytes())
        told.update(one.labels.tobytes())
    return told.hexdigest()


def _build_profile(arrays: Sequence[ImageShards], result: SplitSummaries) -> TrainingProfile:
    """Return what the training pictures are like, and how unlike those of validation are."""
    training, validation = (
        SizedImages(pictures, one.sizes)
        for pictures, one in zip(arrays[:2], result.values(), strict=False)
    )
    return build_profile(training, validation)


def _build_dataset_card(
    result: SplitSummaries, names: list[str], params: Params, found: _ArrayFindings
) -> DatasetCard:
    """Return what the arrays are like."""
    spec, reasons = params.preprocess, Counter[str]()
    for reason, count in _count_rejections(result).items():
        reasons[reason.partition(":")[0]] += count
    return DatasetCard(
        name=Path(params.data.path).name or "data",
        classes=names,
        positive=params.data.positive,
        shape=[spec.height, spec.width, spec.channels],
        counts={split: one.count_images() for split, one in result.items()},
        rejected=reasons.total(),
        pixels=PixelStatistics.from_histogram(result["train"].histogram),
        levels={
            split: LevelStatistics.from_histogram(one.histogram) for split, one in result.items()
        },
        reasons=dict(reasons),
        preparation=spec.model_copy(update={"shard_bytes": SHARD_BYTES}),  # changes no image
        **found._asdict(),
    )


def _format_summary(result: SplitSummaries, facts: DatasetCard, decoded: int) -> Iterator[str]:
    """Yield the lines that a person reads when it is done."""
    counts = ", ".join(f"{len(one.labels)} {split}" for split, one in result.items())
    yield f"preprocess: {counts} images of {' x '.join(map(str, facts.shape))}"
    if decoded < facts.image_count:
        yield f"{decoded} of them were decoded, the others are as they were"
    if reasons := _count_rejections(result):
        told = ", ".join(f"{count} {reason}" for reason, count in reasons.most_common(5))
        yield f"{reasons.total()} rejected, see data/preprocess/rejected.csv: {told}"
    yield from _describe_faint(result["train"], facts.preparation)
    if facts.alike.pairs:
        more = "" if facts.alike.complete else " or more"
        told = f"{facts.alike.pairs}{more} pairs in different splits or classes look the same"
        yield f"{told} (warning), see data/preprocess/lookalikes.csv"


def _describe_faint(training: SplitSummary, spec: PreprocessParams) -> Iterator[str]:
    """Yield a warning where many training pictures are nearly of one grey."""
    if training.faint > MAX_FAINT_SHARE * len(training.labels):
        told = f"{training.faint} of {len(training.labels)} training pictures use fewer than"
        advice = "" if spec.contrast else ": `preprocess.contrast: stretch` spreads them"
        yield (
            f"{told} {FAINT_LEVELS} of 256 levels (warning); 8 to 12 bits in files of 16 "
            f"look so{advice}"
        )
