"""Decide which image trains, validates and tests.

Reads the source that `data` names; writes data/split/manifest.csv (id,label,split,digest) and
duplicates.csv. Hashes of the content decide, not chance or order: adding images moves none that
was there, and byte-identical images fall on the same side, so no test image is trained on.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import replace
from difflib import get_close_matches

from rich.console import Console
from rich.table import Table

from stages.core import files
from stages.core.data import sources
from stages.core.data.items import SPLITS, Item, classes
from stages.core.data.placement import Placed, digest, place
from stages.core.errors import DataError, ParamsError
from stages.core.parallel import in_order
from stages.core.params import Data, Params

MANIFEST = ("id", "label", "split", "digest")
DUPLICATES = ("digest", "id", "label", "split", "kind")
BATCH = 64
ROWS_SHOWN = 30
MEANINGS = {
    "duplicate": "are byte-identical copies, kept in one split",
    "across splits": "stand in several splits as given (warning: what was seen is judged)",
    "label conflict": "are byte-identical, but labelled differently (warning)",
}


def run(params: Params) -> None:
    """Write the manifest and the list of duplicates; print how many images are where."""
    with files.output("split") as out:
        source = sources.source(params.data)
        items = one_vs_rest(source.items(), params.data.positive)
        digests = list(in_order(lambda item: digest(source.content(item.id)), items, BATCH))
        images = place(items, digests, params.split)
        check(images, params.data)
        rows = list(duplicates(images))
        files.write_csv(out / "manifest.csv", MANIFEST, map(vars, images))
        files.write_csv(out / "duplicates.csv", DUPLICATES, rows)
    show(images, params.data)
    for line in (*remarks(rows), *straddling(items, images), *passed_over(source.skipped)):
        print(line)


def one_vs_rest(items: list[Item], positive: str | None) -> list[Item]:
    """Return the items labelled `positive` or `not <positive>`; unchanged where that is None.

    Raises ParamsError when no image is of the positive class.
    """
    if positive is None:
        return items
    valid = classes(item.label for item in items)
    if positive not in valid:
        near = get_close_matches(positive, valid, n=1)
        hint = f"did you mean {near[0]}?" if near else f"expected one of {_listed(valid)}"
        raise ParamsError(f"params.yaml: data.positive: no image of class {positive!r}; {hint}")
    rest = f"not {positive}"
    return [i if i.label == positive else replace(i, label=rest) for i in items]


def _listed(names: list[str]) -> str:
    return ", ".join(names[:12]) + (f" ... ({len(names)} in all)" if len(names) > 12 else "")


def check(images: list[Placed], data: Data) -> None:
    """Raise DataError unless there are two classes, and images of each in every split."""
    counts = Counter((image.label, image.split) for image in images)
    names = classes(image.label for image in images)
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
                    "least one in each; add images, or change the shares or the seed in "
                    "params.yaml: split"
                )


def duplicates(images: list[Placed]) -> Iterator[dict[str, str]]:
    """Yield a row for each byte-identical image and each kind of trouble that its copies make."""
    copies = defaultdict(list)
    for image in images:
        copies[image.digest].append(image)
    for same in copies.values():
        kinds = ["label conflict"] if len({image.label for image in same}) > 1 else []
        kinds += ["across splits"] if len({image.split for image in same}) > 1 else []
        if len(same) > 1:
            for kind in kinds or ["duplicate"]:
                yield from (vars(image) | {"kind": kind} for image in same)


def show(images: list[Placed], data: Data) -> None:
    """Print a table of images per class and split; of many classes the largest and smallest."""
    counts = Counter((image.label, image.split) for image in images)
    totals = Counter(image.label for image in images)
    names = classes(totals, data.positive)
    table = Table("class", *SPLITS, "all", box=None, pad_edge=False)
    for name in names if len(names) <= ROWS_SHOWN else _ends(totals):
        table.add_row(name, *(f"{counts[name, split]}" for split in SPLITS), f"{totals[name]}")
    if len(names) > ROWS_SHOWN:
        table.add_row(f"(and {len(names) - ROWS_SHOWN} of sizes between)")
    sums = Counter(image.split for image in images)
    table.add_row("all", *(f"{sums[split]}" for split in SPLITS), f"{len(images)}")
    for column in table.columns[1:]:
        column.justify = "right"
    print(f"split: {data.path}: {len(images)} images of {len(names)} classes")
    # A class may be called [b] or :smile:, so neither means anything here.
    Console(markup=False, emoji=False, highlight=False).print(table)


def _ends(totals: Counter[str]) -> list[str]:
    ordered = [name for name, _ in totals.most_common()]
    return [*ordered[: ROWS_SHOWN // 2], *ordered[-ROWS_SHOWN // 2 :]]


def remarks(rows: list[dict[str, str]]) -> Iterator[str]:
    """Yield a line for each kind of duplicate, with how many and the first of them."""
    for kind, meaning in MEANINGS.items():
        found = [row for row in rows if row["kind"] == kind]
        if found:
            first = [row for row in found if row["digest"] == found[0]["digest"]]
            example = ", ".join(
                f"{row['id']} ({row['label']}, {row['split']})" for row in first[:3]
            )
            yield f"{len(found)} images {meaning}: {example}; see data/split/duplicates.csv"


def straddling(items: list[Item], images: list[Placed]) -> Iterator[str]:
    """Yield a warning when images of one group are in several splits, as the source gives them."""
    splits = defaultdict(set)
    for item, image in zip(items, images, strict=True):
        splits[item.group].add(image.split)
    torn = [group for group, found in splits.items() if group is not None and len(found) > 1]
    if torn:
        yield f"warning: groups in several splits as given: {len(torn)}, such as {torn[0]}"


def passed_over(names: list[str]) -> Iterator[str]:
    """Yield a line on the files that were skipped, with the first of them."""
    if names:
        shown = ", ".join(names[:3]) + (", ..." if len(names) > 3 else "")
        yield f"{len(names)} skipped, no pictures by name or in no class folder: {shown}"
