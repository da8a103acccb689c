"""Today's images: what is new in them, what is gone, and whether they may be trained on.

Held against the champion's, before any training. What is new is also shown to the champion, which
has never seen it: where it suddenly finds one class to be something else than the labels say,
labels are wrong, or the world changed.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Self

import numpy as np

from secondlook.artifacts import dataset_card, manifest
from secondlook.artifacts.dataset_card import DatasetCard
from secondlook.artifacts.manifest import SEEN_SPLITS, ManifestRow
from secondlook.artifacts.retraining_history import ConditionCheck, DataChange
from secondlook.config.errors import DataError
from secondlook.config.retraining import DataLimits
from secondlook.evaluation.metrics import Labels, Probabilities, compute_wilson_interval
from secondlook.tracking.provenance import ImageDigests, shorten_digest

LabelledPredictions = tuple[Labels, Probabilities]  # labels (N,) and the champion's answers (N, K)
MAX_NAMED_IMAGES = 5  # images that an error names


@dataclass(frozen=True)
class CurrentData:
    """The images that `preprocess` made arrays of, in their order, and what they are like."""

    rows: list[ManifestRow]
    facts: DatasetCard

    @classmethod
    def load(cls) -> Self:
        """Read what stands in data/preprocess; DataError where it has not run."""
        found = dataset_card.load_dataset_card()
        return cls(list(manifest.load_prepared_rows()), found)

    @cached_property
    def test_rows(self) -> list[ManifestRow]:
        """Return the test images, in the order of their array."""
        return [row for row in self.rows if row.split == "test"]

    def encode_labels(self, rows: Sequence[ManifestRow]) -> Labels:
        """Return each image's class (N,) as an index into the classes."""
        index = {name: number for number, name in enumerate(self.facts.classes)}
        return np.array([index[row.label] for row in rows], np.int64)

    def find_new_rows(self, held: ImageDigests) -> list[ManifestRow]:
        """Return the images that the champion's data did not hold."""
        known = _merge_splits(held)
        return [row for row in self.rows if shorten_digest(row.digest) not in known]

    def count_changes(self, held: ImageDigests | None) -> DataChange:
        """Return how many images there are, and how many are new and gone since the champion's."""
        digest, images = self.facts.digest, len(self.rows)
        if held is None:
            return DataChange(digest=digest, images=images)
        gone = _merge_splits(held) - {shorten_digest(row.digest) for row in self.rows}
        new = len(self.find_new_rows(held))
        return DataChange(digest=digest, images=images, added=new, removed=len(gone))


def _merge_splits(held: ImageDigests) -> set[int]:
    return set[int]().union(*held.values())


def check_unseen(tested: Sequence[ManifestRow], held: ImageDigests) -> None:
    """Raise DataError where the champion was trained on, or chosen by, one of these images."""
    seen = set[int]().union(*(held[split] for split in SEEN_SPLITS))
    leaked = [row.id for row in tested if shorten_digest(row.digest) in seen]
    if leaked:
        named = ", ".join(leaked[:MAX_NAMED_IMAGES]) + (
            " ..." if len(leaked) > MAX_NAMED_IMAGES else ""
        )
        raise DataError(
            f"data: {len(leaked)} of today's {len(tested)} test images were in the champion's "
            f"training or validation: {named}; no fair comparison: put `split` in params.yaml and "
            "the images back, or `secondlook promote` a run by hand"
        )


def check_data(
    then: DatasetCard, now: DatasetCard, found: DataChange, limits: DataLimits
) -> Iterator[ConditionCheck]:
    """Yield what can be told without asking the champion, limit by limit."""
    yield from _check_class_shares(then, now, limits.class_share)
    yield from _check_rejected(then, now, found, limits.rejected)
    yield from _check_removed(found, limits.removed)
    for name in ("duplicates", "label_conflicts"):
        yield from _check_copies(name, then, now, getattr(limits, name))
    if then.shape == now.shape:  # else their pixels say nothing of each other
        for name in ("mean", "std"):
            yield from _check_pixels(name, then, now, getattr(limits, f"pixel_{name}"))


def _check_class_shares(
    then: DatasetCard, now: DatasetCard, limit: float | None
) -> Iterator[ConditionCheck]:
    """Look at the class whose share of all images moved most."""
    old, new = _compute_class_shares(then), _compute_class_shares(now)
    name = max(now.classes, key=lambda each: abs(new[each] - old.get(each, 0.0)))
    was, found = old.get(name, 0.0), new[name]
    told = f"{name} is {found:.1%} of all images, was {was:.1%}"
    yield from _check_change("class_share", was, found, limit, told)


def _compute_class_shares(facts: DatasetCard) -> dict[str, float]:
    return {
        name: sum(counts[name] for counts in facts.counts.values()) / facts.image_count
        for name in facts.classes
    }


def _check_rejected(
    then: DatasetCard, now: DatasetCard, found: DataChange, limit: float | None
) -> Iterator[ConditionCheck]:
    """Look at the unreadable share of what is new, beyond what chance makes of few images."""
    new = max(0, now.rejected - then.rejected)
    total = new + (found.added or 0)
    if limit is not None and total:
        share, low, high = compute_wilson_interval(new, total).floats
        told = f"{new} of {total} new files cannot be read"
        ends = {"low": low, "high": high, "limit": limit}
        yield ConditionCheck(name="rejected", found=share, **ends, passed=low <= limit, told=told)


def _check_removed(found: DataChange, limit: float | None) -> Iterator[ConditionCheck]:
    """Look at how many of the champion's images are gone."""
    gone = found.removed or 0
    before = found.images - (found.added or 0) + gone
    told = f"{gone} of the champion's {before} images are gone"
    yield from _check_change("removed", 0.0, gone / max(1, before), limit, told)


def _check_copies(
    name: str, then: DatasetCard, now: DatasetCard, limit: float | None
) -> Iterator[ConditionCheck]:
    """Look at the share of images that have copies; fewer are no harm."""
    was, found = (getattr(facts.copies, name) / facts.image_count for facts in (then, now))
    told = f"{name.replace('_', ' ')}: {found:.1%} of all images, were {was:.1%}"
    yield from _check_change(name, was, max(was, found), limit, told)


def _check_pixels(
    name: str, then: DatasetCard, now: DatasetCard, limit: float | None
) -> Iterator[ConditionCheck]:
    was, found = (getattr(facts.pixels, name) for facts in (then, now))
    told = f"{name} of the pixels of training is {found:.1f}, was {was:.1f}"
    yield from _check_change(f"pixel_{name}", was, found, limit, told)


def _check_change(
    name: str, was: float, found: float, limit: float | None, told: str
) -> Iterator[ConditionCheck]:
    if limit is not None:
        passed = abs(found - was) <= limit
        yield ConditionCheck(
            name=name, champion=was, found=found, limit=limit, passed=passed, told=told
        )


def check_label_agreement(
    old: LabelledPredictions, new: LabelledPredictions, names: list[str], limit: float
) -> Iterator[ConditionCheck]:
    """Yield, class by class, how often the champion finds images to be what they are labelled.

    `old` are images of its data that it was not trained on, `new` those it never saw. A class
    fails where even the lower end of the 95 % interval of the drop is above the limit (two
    proportions, method 10 of Newcombe, 1998).
    """
    then, now = _count_agreements(old), _count_agreements(new)
    for k, name in enumerate(names):
        if k in then and k in now:
            was, was_low, was_high = compute_wilson_interval(*then[k]).floats
            found, found_low, found_high = compute_wilson_interval(*now[k]).floats
            drop = was - found
            low = drop - math.hypot(was - was_low, found_high - found)
            high = drop + math.hypot(was_high - was, found - found_low)
            yield ConditionCheck(
                name=f"label_agreement of {name}",
                champion=was,
                found=found,
                low=low,
                high=high,
                limit=limit,
                passed=low <= limit,
                told=f"of {now[k][1]} new images labelled {name} the champion finds "
                f"{found:.1%} to be so, of {then[k][1]} earlier ones {was:.1%}",
            )


def _count_agreements(asked: LabelledPredictions) -> Mapping[int, tuple[int, int]]:
    """Return for each class that occurs how many of its images were found, and how many it has."""
    labels, right = asked[0], asked[1].argmax(axis=1) == asked[0]
    return {
        int(k): (int(right[labels == k].sum()), int((labels == k).sum())) for k in np.unique(labels)
    }
