"""Whether the images themselves can be trusted, and which of them to look at."""

from collections.abc import Iterator

from secondlook.artifacts.dataset_card import FAINT_LEVELS
from secondlook.evaluation.comparison_artifacts import Verdict
from secondlook.evaluation.confusion import MisclassifiedImage
from secondlook.evaluation.formatting import format_count, format_percent
from secondlook.verdicts.case import Case

MIN_RUNS = 3  # runs; that two are wrong together is no surprise
MIN_CONFIDENCE = 0.75  # probability from which a mistake that all make casts doubt on the label
MIN_WITNESS_RECALL = 2 / 3  # of a class: who finds no more of it is no witness of its labels
# Of test images: more are no wrong labels. Ten well-known test sets have 3.3 % of these (Northcutt,
# Athalye and Mueller 2021, "Pervasive Label Errors in Test Sets").
MAX_LABEL_ERRORS = 0.05
MIN_SHIFT = 0.05  # of all images: by how much the share of a class may differ between splits
MAX_SHIFT_P = 0.001  # of differing as much by chance
MIN_CONFUSED_SHARE = 0.1  # of all mistakes: the share from which one pair of classes is told


def judge_leak(case: Case) -> Iterator[Verdict]:
    """Speak where images of validation or test are in training, too, or nearly so."""
    same, alike = case.facts.copies.across_splits, case.facts.alike.judged_and_seen
    if same:
        yield Verdict(
            rule="leak",
            text=f"{format_count(same, 'image')} with identical copies "
            f"{'is' if same == 1 else 'are'} in "
            "more than one split: what a run learned by heart counts as skill. Remove the copies, "
            "or let `split` place them.",
            evidence="data",
            runs=[],
            weight=0.97,
        )
    if alike:
        yield Verdict(
            rule="leak",
            text=f"{format_count(alike, 'image')} of validation and test "
            f"{'looks' if alike == 1 else 'look'} almost like one of training: results on "
            f"{'it' if alike == 1 else 'them'} may be memory. Look at the pairs.",
            evidence="data",
            runs=[],
            weight=0.7,
        )


def judge_label_conflict(case: Case) -> Iterator[Verdict]:
    """Speak where identical images carry different labels."""
    count = case.facts.copies.label_conflicts
    if count:
        yield Verdict(
            rule="label_conflict",
            text=f"{format_count(count, 'image')} {'has' if count == 1 else 'have'} an "
            "identical copy "
            "with another label: one of the two must be wrong. data/split/duplicates.csv names "
            "them.",
            evidence="data",
            runs=[],
            weight=0.72,
        )


def judge_faint(case: Case) -> Iterator[Verdict]:
    """Speak where all training images together use hardly any of the 256 levels."""
    used = [level for level, count in enumerate(case.facts.pixels.histogram) if count]
    if used and used[-1] - used[0] < FAINT_LEVELS:
        yield Verdict(
            rule="faint",
            text=f"All training images lie between the levels {used[0]} and {used[-1]} of 0 to "
            "255: little of them is left to learn from. If they hold 8 to 12 bits in files of 16, "
            "`preprocess.contrast: stretch` keeps them.",
            evidence="data",
            runs=[],
            weight=0.76,
        )


def judge_shifted(case: Case) -> Iterator[Verdict]:
    """Speak where a class is certainly rarer or commoner in test than in training.

    By the chi-squared test of homogeneity (Pearson, 1900): shares that differ are more than chance.
    """
    seen, judged = (_compute_class_shares(case, split) for split in ("train", "test"))
    name = max(seen, key=lambda name: abs(judged[name] - seen[name]))
    if abs(judged[name] - seen[name]) < MIN_SHIFT or _compute_shift_p_value(case) > MAX_SHIFT_P:
        return
    yield Verdict(
        rule="shifted",
        text=f"Test is not like training: “{name}” is {format_percent(judged[name])} of its "
        "images, of "
        f"those of training {format_percent(seen[name])}. Numbers on test hold for its own "
        "mixture of "
        "classes; recall class by class is what carries over.",
        evidence="data",
        runs=[],
        weight=0.68,
    )


def _compute_class_shares(case: Case, split: str) -> dict[str, float]:
    counts = case.facts.counts[split]
    return {name: count / sum(counts.values()) for name, count in counts.items()}


def _compute_shift_p_value(case: Case) -> float:
    """Return how likely chance alone draws classes as different in training and in test."""
    from scipy.stats import chi2_contingency

    counts = (case.facts.counts[split].values() for split in ("train", "test"))
    return float(chi2_contingency([list(row) for row in counts]).pvalue)


def judge_wrong_everywhere(case: Case) -> Iterator[Verdict]:
    """Speak of images that several runs, without exception, are sure about and wrong."""
    found = case.comparison.mistakes
    suspects = [i for i in found.wrong_everywhere if (i.confidence or 0.0) >= MIN_CONFIDENCE]
    if not suspects or _count_witnesses(case, suspects[0].true) < MIN_RUNS:
        return
    surest, count = suspects[0], found.wrong_everywhere_count
    advice = "Check its label." if count == 1 else "Check their labels."
    if count > max(MAX_LABEL_ERRORS * case.image_count, 1):
        advice = "So many are hardly wrong labels: look at what sets them apart from training."
    yield Verdict(
        rule="wrong_everywhere",
        text=f"{format_count(count, 'test image')} {'is' if count == 1 else 'are'} answered "
        "wrong by all "
        f"{len(case.results)} runs, most surely {surest.id}: labelled “{surest.true}”, called "
        f"“{surest.predicted}” {_describe_sureness(case, surest)}. {advice}",
        evidence="mistakes",
        runs=[],
        weight=0.5,
    )


def _count_witnesses(case: Case, label: str) -> int:
    """Return how many runs can tell something of a label: they find its class, and more than it."""
    return sum(
        (case.find_test_details(run.name).per_class[label].recall or 0.0) > MIN_WITNESS_RECALL
        for name in case.names
        if case.is_sound(name) and not case.comparison.find_method(name).gain["accuracy"].down
        for run in case.list_runs(name)
    )


def _describe_sureness(case: Case, image: MisclassifiedImage) -> str:
    """Return how sure all runs are of an image; of many classes they may not name the same."""
    sure = format_percent(image.confidence)
    return f"with {sure}" if len(case.facts.classes) == 2 else f"by most; they are {sure} sure"


def judge_confused(case: Case) -> Iterator[Verdict]:
    """Speak of the two classes, of many, that make a good part of the best method's mistakes."""
    pairs = case.comparison.mistakes.confused[case.best]
    accuracy = case.find_run(case.best).metrics["test"].accuracy or 0.0
    total = round((1 - accuracy) * case.image_count)
    if (
        case.is_sound(case.best)
        and len(case.facts.classes) > 2
        and pairs
        and pairs[0].count > max(MIN_CONFUSED_SHARE * total, 1)
    ):
        yield Verdict(
            rule="confused",
            text=f"{case.best} most often takes “{pairs[0].true}” for “{pairs[0].predicted}”: "
            f"{pairs[0].count:,} of its {format_count(total, 'mistake')} on test.",
            evidence="confusion",
            runs=[case.best],
            weight=0.42,
        )
