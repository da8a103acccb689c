"""Whether the images themselves can be trusted, and which of them to look at."""

from collections.abc import Iterator

from stages.core.rules.case import Case, Verdict
from stages.core.rules.wording import number, percent

SEVERAL = 3  # runs; that two are wrong together is no surprise
SURE = 0.75  # probability from which a mistake that all make casts doubt on the label
OFTEN = 0.1  # of all mistakes: the share from which one pair of classes is told


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


def wrong_everywhere(case: Case) -> Iterator[Verdict]:
    """Speak of images that several runs, without exception, are sure about and wrong."""
    found = case.comparison.mistakes
    suspects = [i for i in found.wrong_everywhere if (i.confidence or 0.0) >= SURE]
    if len(case.results) < SEVERAL or not suspects:
        return
    surest, count = suspects[0], found.wrong_everywhere_count
    yield Verdict(
        rule="wrong_everywhere",
        text=f"{number(count, 'test image')} {'is' if count == 1 else 'are'} answered wrong by all "
        f"{len(case.results)} runs, most surely {surest.id}: labelled “{surest.true}”, called "
        f"“{surest.predicted}” with {percent(surest.confidence)}. Check their labels.",
        evidence="mistakes",
        runs=[],
        weight=0.5,
    )


def confused(case: Case) -> Iterator[Verdict]:
    """Speak of the two classes, of many, that make a good part of the best method's mistakes."""
    pairs = case.comparison.mistakes.confused[case.best]
    total = round((1 - (case.reaches(case.best, "accuracy").value or 0.0)) * case.images)
    if len(case.facts.classes) > 2 and pairs and pairs[0].count > max(OFTEN * total, 1):
        yield Verdict(
            rule="confused",
            text=f"{case.best} most often takes “{pairs[0].true}” for “{pairs[0].predicted}”: "
            f"{pairs[0].count:,} of its {number(total, 'mistake')} on test.",
            evidence="confusion",
            runs=[case.best],
            weight=0.42,
        )
