"""Decide which image trains, validates and tests.

Reads the source that `data` names; writes data/split/manifest.csv (id,label,split,digest) and
duplicates.csv. Hashes of the content decide, not chance or order: adding images moves none that
was there, but where a class was too small for each split to have one; and byte-identical images
fall on the same side, so no test image is trained on.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import replace
from difflib import get_close_matches

from rich.console import Console
from rich.table import Table

from secondlook.artifacts import files
from secondlook.artifacts.manifest import MANIFEST_COLUMNS, SPLITS, ManifestRow
from secondlook.artifacts.parallel import map_in_order
from secondlook.config.errors import DataError, ParamsError
from secondlook.config.params import DataParams, Params
from secondlook.data import sources
from secondlook.data.splitting import (
    Item,
    assign_splits,
    hash_content,
    list_moved,
    order_classes,
)

DUPLICATE_COLUMNS = ("digest", "id", "label", "split", "kind")
HASH_BATCH = 64
MAX_TABLE_ROWS = 30
KIND_MEANINGS = {
    "duplicate": "are byte-identical copies, kept in one split",
    "across splits": "stand in several splits as given (warning: what was seen is judged)",
    "label conflict": "are byte-identical, but labelled differently (warning)",
}


def run(params: Params) -> None:
    """Write the manifest and the list of duplicates; print how many images are where."""
    with files.create_output("split") as out:
        source = sources.open_source(params.data)
        listed = source.items()
        items = _relabel_one_vs_rest(listed, params.data.positive)
        digests = list(
            map_in_order(lambda item: hash_content(source.content(item.id)), items, HASH_BATCH)
        )
        images = assign_splits(items, digests, params.split)
        _check_class_counts(images, items, params.data)
        rows = list(_list_duplicates(images))
        files.write_csv(
            out / "manifest.csv", MANIFEST_COLUMNS, (image.to_cells() for image in images)
        )
        files.write_csv(out / "duplicates.csv", DUPLICATE_COLUMNS, rows)
    _print_counts(images, params.data)
    for line in (
        *_describe_moved(list_moved(items, images, digests, params.split)),
        *_describe_duplicates(rows),
        *_describe_torn_groups(items, images),
        *_describe_similar_names({item.label for item in listed}),
        *_describe_skipped(source.skipped),
        *source.notes,
    ):
        print(line)


def _relabel_one_vs_rest(items: list[Item], positive: str | None) -> list[Item]:
    """Return the items labelled `positive` or `not <positive>`; unchanged where that is None.

    Raises ParamsError when no image is of the positive class.
    """
    if positive is None:
        return items
    valid = order_classes(item.label for item in items)
    if positive not in valid:
        same = [name for name in valid if _simplify(name) == _simplify(positive)]
        near = same or get_close_matches(positive, valid, n=1)
        quotes = " (in quotes)" if near and near[0].isdecimal() else ""
        hint = (
            f"did you mean {near[0]}{quotes}?"
            if near
            else f"expected one of {_format_names(valid)}"
        )
        raise ParamsError(f"params.yaml: data.positive: no image of class {positive!r}; {hint}")
    rest = f"not {positive}"
    return [i if i.label == positive else replace(i, label=rest) for i in items]


def _format_names(names: list[str]) -> str:
    return ", ".join(names[:12]) + (f" ... ({len(names)} in all)" if len(names) > 12 else "")


def _check_class_counts(images: list[ManifestRow], items: list[Item], data: DataParams) -> None:
    """Raise DataError unless there are two classes, and images of each in every split."""
    counts = Counter((image.label, image.split) for image in images)
    names = order_classes(image.label for image in images)
    if len(names) < 2:
        raise DataError(
            f"{data.path}: only one class, {names[0]!r}, in {len(images)} images; expected at "
            "least two; add images of another class"
        )
    for name in names:
        for split in SPLITS:
            if not counts[name, split]:
                found = ", ".join(f"{counts[name, other]} in {other}" for other in SPLITS)
                raise DataError(
                    f"{data.path}: class {name!r} has no image in {split} ({found}); expected at "
                    f"least one in each; {_advise(images, items, name, split)}"
                )


def _advise(images: list[ManifestRow], items: list[Item], name: str, split: str) -> str:
    """Return what helps where a class is not in a split."""
    own = [image for image in images if image.label == name]
    if len(own) < len(SPLITS):
        return f"{len(own)} cannot be in {len(SPLITS)} splits: add images of it, or leave it out"
    if split in {item.split for item in items}:
        return f"add images of it to {split}, or let `split` draw {split} from all"
    return (
        f"its {len(own)} images are too few different ones, or of too few groups, to be placed "
        "in each: add others"
    )


def _list_duplicates(images: list[ManifestRow]) -> Iterator[dict[str, str]]:
    """Yield a row for each byte-identical image and each kind of trouble that its copies make."""
    copies = defaultdict(list)
    for image in images:
        copies[image.digest].append(image)
    for same in copies.values():
        kinds = ["label conflict"] if len({image.label for image in same}) > 1 else []
        kinds += ["across splits"] if len({image.split for image in same}) > 1 else []
        if len(same) > 1:
            for kind in kinds or ["duplicate"]:
                yield from (image.to_cells() | {"kind": kind} for image in same)


def _print_counts(images: list[ManifestRow], data: DataParams) -> None:
    """Print a table of images per class and split; of many classes the largest and smallest."""
    counts = Counter((image.label, image.split) for image in images)
    totals = Counter(image.label for image in images)
    names = order_classes(totals, data.positive)
    table = Table("class", *SPLITS, "all", box=None, pad_edge=False)
    for name in names if len(names) <= MAX_TABLE_ROWS else _select_extremes(totals):
        table.add_row(name, *(f"{counts[name, split]}" for split in SPLITS), f"{totals[name]}")
    if len(names) > MAX_TABLE_ROWS:
        table.add_row(f"(and {len(names) - MAX_TABLE_ROWS} of sizes between)")
    sums = Counter(image.split for image in images)
    table.add_row("all", *(f"{sums[split]}" for split in SPLITS), f"{len(images)}")
    for column in table.columns[1:]:
        column.justify = "right"
    print(f"split: {data.path}: {len(images)} images of {len(names)} classes")
    # A class may be called [b] or :smile:, so neither means anything here.
    Console(markup=False, emoji=False, highlight=False).print(table)


def _select_extremes(totals: Counter[str]) -> list[str]:
    ordered = [name for name, _ in totals.most_common()]
    return [*ordered[: MAX_TABLE_ROWS // 2], *ordered[-MAX_TABLE_ROWS // 2 :]]


def _describe_moved(moved: list[ManifestRow]) -> Iterator[str]:
    """Yield a line on the images that do not stand where their hash would put them."""
    if moved:
        examples = ", ".join(f"{image.id} ({image.label}, {image.split})" for image in moved[:3])
        yield (
            f"{len(moved)} images were moved so that each class is in each split: {examples}"
            f"{', ...' if len(moved) > 3 else ''}"
        )


def _describe_duplicates(rows: list[dict[str, str]]) -> Iterator[str]:
    """Yield a line for each kind of duplicate, with how many and the first of them."""
    for kind, meaning in KIND_MEANINGS.items():
        found = [row for row in rows if row["kind"] == kind]
        if found:
            first = [row for row in found if row["digest"] == found[0]["digest"]]
            example = ", ".join(
                f"{row['id']} ({row['label']}, {row['split']})" for row in first[:3]
            )
            yield f"{len(found)} images {meaning}: {example}; see data/split/duplicates.csv"


def _describe_torn_groups(items: list[Item], images: list[ManifestRow]) -> Iterator[str]:
    """Yield a warning when images of one group are in several splits, as the source gives them."""
    splits = defaultdict(set)
    for item, image in zip(items, images, strict=True):
        splits[item.group].add(image.split)
    torn = [group for group, found in splits.items() if group is not None and len(found) > 1]
    if torn:
        yield f"warning: groups in several splits as given: {len(torn)}, such as {torn[0]}"


def _describe_similar_names(names: set[str]) -> Iterator[str]:
    """Yield a warning where classes may be one, written in two ways: 1, 01 and 1.0, Cat and cat."""
    alike = defaultdict(list)
    for name in sorted(names):
        alike[_simplify(name)].append(name)
    for found in alike.values():
        if len(found) > 1:
            yield f"warning: {_format_names(found)} are different classes; are they meant to be?"


def _simplify(name: str) -> str | float:
    """Return the number that a name is, or its text without capitals and spaces."""
    if re.fullmatch(r"[+-]?\d+\.?\d*", name, re.ASCII):
        return float(name)
    return "".join(name.casefold().split())


def _describe_skipped(names: list[str]) -> Iterator[str]:
    """Yield a line on the files that were skipped, with the first of them."""
    if names:
        shown = ", ".join(names[:3]) + (", ..." if len(names) > 3 else "")
        yield f"{len(names)} skipped, no pictures by name or in no class folder: {shown}"
