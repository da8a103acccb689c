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
from secondlook.artifacts.manifest import (
    MANIFEST_COLUMNS,
    SEEN_SPLITS,
    SPLITS,
    ManifestRow,
    ManifestRows,
)
from secondlook.artifacts.parallel import map_in_order
from secondlook.config.errors import DataError, RejectedImageError
from secondlook.config.params import Params, PreprocessParams
from secondlook.data import decoding, near_duplicates, profile, sources
from secondlook.data.profile import DecodeResult, SizedImages, SplitSummary, build_profile
from secondlook.data.sources import Source
from secondlook.data.splitting import order_classes

BATCH_BYTES = 2**20
MAX_FAINT_SHARE = 0.05  # of the training pictures: some are truly of one grey
SplitSummaries = dict[str, SplitSummary]
SplitArrays = dict[str, NDArray[np.uint8]]


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
        result = _write_arrays(out, listed, names, params)
        _check_rejections(result, names, params)
        arrays = {split: np.load(out / f"{split}.npy", mmap_mode="r") for split in SPLITS}
        pairs = near_duplicates.find_near_duplicates(
            list(arrays.values()), ManifestRows(out / "images.csv")
        )
        files.write_csv(
            out / "lookalikes.csv",
            near_duplicates.PAIR_COLUMNS,
            near_duplicates.list_pair_rows(pairs),
        )
        digest = _hash_arrays(out, names, params.data.positive)
        pictures = _build_profile(arrays, result)
        found = _ArrayFindings(
            digest,
            manifest.count_duplicates(),
            near_duplicates.count_near_duplicates(pairs),
            pictures,
        )
        facts = _build_dataset_card(result, names, params, found)
        files.write_json(out / "facts.json", facts.model_dump())
    print(*_format_summary(result, facts), sep="\n")


def _write_arrays(
    out: Path, listed: ManifestRows, names: list[str], params: Params
) -> SplitSummaries:
    """Write the arrays and labels of each split, and the lists of all images as they come."""
    spec, source, result = params.preprocess, sources.open_source(params.data), SplitSummaries()
    totals = Counter(row.split for row in listed)
    with (
        files.open_csv_writer(out / "images.csv", MANIFEST_COLUMNS) as kept,
        files.open_csv_writer(out / "rejected.csv", profile.REJECTED_COLUMNS) as rejected,
    ):
        for split in SPLITS:
            rows = (row for row in listed if row.split == split)
            decoded = _show_progress(_decode_rows(rows, source, spec), split, totals[split])
            with manifest.ArrayWriter(out / f"{split}.npy", _compute_shape(spec)) as array:
                lists = (kept.writerow, rejected.writerow)
                result[split] = profile.summarize_split(decoded, names, array.append, *lists)
            np.save(out / f"{split}.labels.npy", np.array(result[split].labels, np.int64))
    return result


def _decode_rows(
    rows: Iterable[ManifestRow], source: Source, spec: PreprocessParams
) -> Iterator[DecodeResult]:
    """Yield each row with what the network sees (H, W, C), or with the reason why it cannot."""

    def decode_row(row: ManifestRow) -> DecodeResult:
        try:
            return row, decoding.decode_image(source.content(row.id), spec)
        except RejectedImageError as error:
            return row._replace(reason=str(error)), None

    # As many at a time as fit in a megabyte: handing over single small ones costs more than they.
    batch = max(1, min(64, BATCH_BYTES // math.prod(_compute_shape(spec))))
    return map_in_order(decode_row, rows, batch)


def _compute_shape(spec: PreprocessParams) -> tuple[int, int, int]:
    """Return the shape of one image: (H, W, C)."""
    return (spec.height, spec.width, spec.channels)


def _show_progress(
    results: Iterator[DecodeResult], split: str, total: int
) -> Iterable[DecodeResult]:
    """Yield the results, and on a terminal show how far they are."""
    console, title = Console(stderr=True), f"preprocess {split}"
    return track(results, title, total, console=console, disable=not console.is_terminal)


def _check_rejections(result: SplitSummaries, names: list[str], params: Params) -> None:
    """Raise DataError when too many images were rejected, or all of a class in a split."""
    lost, total = _count_rejections(result), sum(len(one.labels) for one in result.values())
    firsts = [row for one in result.values() for row in one.firsts]
    path, allowed = params.data.path, params.preprocess.max_rejected_fraction
    total += lost.total()
    if lost.total() > allowed * total:
        first = "; ".join(f"{row.id}: {row.reason}" for row in firsts[: profile.MAX_EXAMPLES])
        raise DataError(
            f"{path}: {lost.total()} of {total} images cannot be read, expected at most "
            f"{allowed} of them (params.yaml: preprocess.max_rejected_fraction);"
            f" mend or remove them; the first: {first}"
        )
    for split, one in result.items():
        for name in sorted(name for name, count in one.count_images(names).items() if not count):
            first = next((f": {r.id}: {r.reason}" for r in one.firsts if r.label == name), "")
            raise DataError(
                f"{path}: no image of class {name!r} in {split} can be read; mend them{first}"
            )


def _count_rejections(result: SplitSummaries) -> "Counter[str]":
    """Return how many images there are no pixels of, by reason."""
    return sum((one.reasons for one in result.values()), Counter())


def _hash_arrays(folder: Path, names: list[str], positive: str | None) -> str:
    """Return the SHA-256 (hex) of the arrays and labels in a folder, the classes and `positive`."""
    arrays = [folder / f"{split}{kind}.npy" for split in SPLITS for kind in ("", ".labels")]
    told = json.dumps([files.hash_files(*arrays), names, positive])
    return hashlib.sha256(told.encode()).hexdigest()


def _build_profile(arrays: SplitArrays, result: SplitSummaries) -> TrainingProfile:
    """Return what the training pictures are like, and how unlike those of validation are."""
    training, validation = (
        SizedImages(arrays[split], np.array(result[split].sizes, np.int64).reshape(-1, 2))
        for split in SEEN_SPLITS
    )
    return build_profile(training, validation)


def _build_dataset_card(
    result: SplitSummaries, names: list[str], params: Params, found: _ArrayFindings
) -> DatasetCard:
    """Return what the arrays are like."""
    reasons = Counter[str]()
    for reason, count in _count_rejections(result).items():
        reasons[reason.partition(":")[0]] += count
    return DatasetCard(
        name=Path(params.data.path).name or "data",
        classes=names,
        positive=params.data.positive,
        shape=list(_compute_shape(params.preprocess)),
        counts={split: one.count_images(names) for split, one in result.items()},
        rejected=reasons.total(),
        pixels=PixelStatistics.from_histogram(result["train"].histogram),
        levels={
            split: LevelStatistics.from_histogram(one.histogram) for split, one in result.items()
        },
        reasons=dict(reasons),
        preparation=params.preprocess,
        **found._asdict(),
    )


def _format_summary(result: SplitSummaries, facts: DatasetCard) -> Iterator[str]:
    """Yield the lines that a person reads when it is done."""
    counts = ", ".join(f"{len(one.labels)} {split}" for split, one in result.items())
    yield f"preprocess: {counts} images of {' x '.join(map(str, facts.shape))}"
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
