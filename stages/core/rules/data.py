"""Whether the images themselves can be trusted, and which of them to look at."""

from collections.abc import Iterator

from stages.core.rules.case import Case, Verdict
from stages.core.wording import number


def leak(case: Case) -> Iterator[Verdict]:
    """Speak where images of validation or test are in training, too, or nearly so."""
    same, alike = case.facts.copies.across_splits, case.facts.alike.judged_and_seen
    if same:
        yield Verdict(
            rule="leak",
            text=f"{number(same, 'image')} with identical copies {'is' if same == 1 else 'are'} in "
            "more than one split: what a run learned by heart counts as skill. Remove the copies, "
            "or let `split` place them.",
            evidence="data",
            runs=[],
            weight=0.97,
        )
    if alike:
        yield Verdict(
            rule="leak",
            text=f"{number(alike, 'image')} of validation and test "
            f"{'looks' if alike == 1 else 'look'} almost like one of training: results on "
            f"{'it' if alike == 1 else 'them'} may be memory. Look at the pairs.",
            evidence="data",
            runs=[],
            weight=0.7,
        )


def label_conflict(case: Case) -> Iterator[Verdict]:
    """Speak where identical images carry different labels."""
    count = case.facts.copies.label_conflicts
    if count:
        yield Verdict(
            rule="label_conflict",
            text=f"{number(count, 'image')} {'has' if count == 1 else 'have'} an identical copy "
            "with another label: one of the two must be wrong. data/split/duplicates.csv names "
            "them.",
            evidence="data",
            runs=[],
            weight=0.72,
        )
