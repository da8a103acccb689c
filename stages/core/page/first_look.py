"""What people should know of the data before they look at a model."""

from stages.core.outputs.facts import Alike, Copies, Facts
from stages.core.page.tables import SPLITS

JUDGING = "of validation and test looks", "of validation and test look"


def notes(facts: Facts) -> list[str]:
    """Return what is wrong, or might be, with the images; what is in order goes without saying."""
    found = [*_rejected(facts), *_copies(facts.copies), *_alike(facts.alike)]
    return found or ["No image was left out, none is there twice, and no two look the same."]


def _rejected(facts: Facts) -> list[str]:
    reasons = ", ".join(f"{reason} ({count:,})" for reason, count in facts.reasons.items())
    return [f"Left out, by reason: {reasons}."] if reasons else []


def _copies(copies: Copies) -> list[str]:
    told = [
        (copies.duplicates, "byte-identical copies in the same class and split"),
        (copies.label_conflicts, "byte-identical copies with another label: one must be wrong"),
        (copies.across_splits, "byte-identical copies in another split: seen, then judged"),
    ]
    return [f"{_images(count, 'has', 'have')} {words}." for count, words in told if count]


def _alike(alike: Alike) -> list[str]:
    """Return how many images look like others, in the words of core/data/lookalikes.py."""
    if not alike.pairs:
        return []
    least = "" if alike.complete else "at least "
    told = (
        f"{least}{alike.pairs:,} pairs of images look the same without being byte-identical "
        f"(a perceptual hash, distance up to {alike.bound:.2g}): {alike.across_splits:,} across "
        f"splits, {alike.label_conflicts:,} with different labels. "
        f"{_images(alike.judged_and_seen, *JUDGING)} like one of training."
    )
    return [told[0].upper() + told[1:]]


def _images(count: int, singular: str, plural: str) -> str:
    return f"One image {singular}" if count == 1 else f"{count:,} images {plural}"


def levels(facts: Facts) -> str:
    """Return mean and standard deviation of the pixels of each split: they should be alike."""
    told = ", ".join(
        f"{facts.levels[split].mean:.0f} ± {facts.levels[split].std:.0f} in {split}"
        for split in SPLITS
    )
    return f"Pixels, from 0 (black) to 255, mean and standard deviation: {told}."
