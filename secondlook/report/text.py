"""What the report says in sentences: of the data, of each run, and how to read its parts.

Numbers in them are written by evaluation/formatting.py.
"""

from markupsafe import Markup

from secondlook.artifacts.dataset_card import DatasetCard, DuplicateCounts, NearDuplicateCounts
from secondlook.artifacts.manifest import SPLITS
from secondlook.evaluation.calibration import Calibration, LossDistribution
from secondlook.evaluation.formatting import format_rounded_percent, format_whole_percent
from secondlook.evaluation.operating_point import OperatingPoint
from secondlook.evaluation.overfitting import FitDiagnosis
from secondlook.evaluation.run_artifacts import RunResult, Study


def format_question(facts: DatasetCard) -> str:
    """Return the question that the runs answer."""
    if facts.positive is not None:
        return f"Is it “{facts.positive}”, or not?"
    return f"Which of {len(facts.classes)} classes is it?"


def describe_lazy_baseline(study: Study) -> str:
    """Return what the lazy baseline reaches: what every accuracy has to be held against."""
    facts = study.facts
    lazy = study.results[0].details["test"].lazy.accuracy or 0.0
    return (
        f"Always answering “{facts.lazy_class}” is right for {format_rounded_percent(lazy)} "
        "of the test images, "
        "without looking at one. What do the runs know beyond that?"
    )


def describe_selection(shown: int, total: int) -> str:
    """Return which runs of many have charts of their own on the page; nothing where all have."""
    if shown == total:
        return ""
    return (
        f"Of {total} runs, the best by F1 on validation and the reference are shown first, and "
        f"only these {shown} have charts and tables of their own here. The numbers of the others "
        "are folded away below the tables; all that is known of them is in MLflow (`make ui`), "
        "their pictures also in `data/report/runs`."
    )


def describe_images(facts: DatasetCard) -> str:
    """Return how many images there are, of what size and kind."""
    total = sum(sum(counts.values()) for counts in facts.counts.values())
    height, width, channels = facts.shape
    kind = "grey" if channels == 1 else "colour"
    rejected = f" {facts.rejected:,} could not be read and were left out." * bool(facts.rejected)
    return f"{total:,} images of {height} by {width} pixels, {kind}.{rejected}"


def describe_averaging(facts: DatasetCard) -> str:
    """Return whose precision and recall are meant."""
    if facts.positive is not None:
        return f"Precision, recall, F1 and the areas are those of “{facts.positive}”."
    return "Precision, recall, F1 and the areas are unweighted means over the classes."


def describe_threshold_curves(facts: DatasetCard) -> str:
    """Return how to read the precision-recall and ROC curves."""
    if facts.positive is not None:
        return (
            "What every threshold would give on test; the mark is where the run stands, saying "
            f"“{facts.positive}” from a probability of one half on. Dotted: answering at random."
        )
    return (
        "What every threshold would give on test, each pair of image and class taken as one "
        "question (the micro average). Dotted: answering at random."
    )


def format_code(text: str) -> Markup:
    """Return a sentence for the page: what stands between backticks is code."""
    code = Markup("<code>{}</code>")
    parts = enumerate(text.split("`"))
    return Markup("").join(code.format(part) if i % 2 else part for i, part in parts)


def describe_training(result: RunResult) -> str:
    """Return how long each phase was, where there are two, and what the curves say."""
    switched, last = result.training.fine_tuned_after, result.training.epochs
    if switched is None:
        return describe_fit(result.fitting)
    phases = (
        f"{_format_epochs(1, switched)} trained the head alone, "
        f"{_format_epochs(switched + 1, last).lower()} the network below it as well."
    )
    if result.fitting.kind == "diverged":  # at the end of both, whichever was kept
        return f"{phases} {describe_fit(result.fitting)}"
    judged = "fine-tuning" if result.fitting.first > switched else "the head alone"
    return f"{phases} Of {judged}, which was kept: {describe_fit(result.fitting)}"


def _format_epochs(first: int, last: int) -> str:
    return f"Epoch {first}" if first == last else f"Epochs {first} to {last}"


def describe_fit(found: FitDiagnosis) -> str:
    """Return whether training went on for too long, or not long enough, and what was kept."""
    told = {
        "overfitting": (
            f"Overfitting: validation loss was lowest around epoch {found.turned} and had risen "
            f"by {format_whole_percent(found.rise)} at the end."
        ),
        "underfitting": (
            f"Still learning: validation loss fell {format_whole_percent(found.fall)} over "
            "the last quarter; "
            "more epochs may help."
        ),
        "settled": "Settled: at the end validation loss neither rose nor fell beyond its noise.",
        "too short": "Too few epochs to tell over- from underfitting.",
        "diverged": "Diverged: the last epoch has no finite loss.",
    }
    return f"{told[found.kind]}{_describe_gap(found)} {_describe_kept_epoch(found)}"


def _describe_gap(found: FitDiagnosis) -> str:
    """Return how far the curves are apart, which is what learning by heart looks like."""
    if found.kind != "overfitting" or found.gap is None:
        return ""
    return f" It ended {found.gap:.3f} nats above training loss."


def _describe_kept_epoch(found: FitDiagnosis) -> str:
    kept = f"The weights of epoch {found.kept} of {found.epochs} were kept."
    if found.saved is None:
        return kept
    if found.saved == 0:
        return f"{kept} Early stopping was on, but never stopped it."
    return f"{kept} Early stopping saved {found.saved} of {found.allowed} epochs."


def describe_calibration(found: Calibration) -> str:
    """Return how often a run is right when it says what it usually says."""
    typical, right = found.typical, found.typical.accuracy.value
    if right is None or typical.confidence is None:
        return "It has given no answer to judge."
    verdict = "about as often as it says"
    if typical.misjudged:
        verdict = "too sure" if typical.confidence > right else "it could be surer"
    return (
        f"When it says {format_rounded_percent(typical.confidence)}, it is right "
        f"{format_rounded_percent(right)} of the time: "
        f"{verdict} ({typical.count:,} images)."
    )


def describe_loss_spread(found: LossDistribution) -> str:
    """Return whether few confident mistakes or many small doubts make the log loss."""
    if found.mean is None:
        return "Its log loss is not defined: some of its probabilities are not numbers."
    images = "one image carries" if found.half == 1 else f"{found.half:,} images carry"
    told = (
        f"The worst 1 % of images carry {format_whole_percent(found.worst_share)} of the "
        f"loss; {images} half of it"
    )
    if found.confidence_wrong is None:
        return f"{told}. It was never wrong."
    return (
        f"{told}. When wrong, it is still {format_whole_percent(found.confidence_wrong)} "
        "sure on average."
    )


def describe_operating_rule(found: OperatingPoint) -> str:
    """Return how the threshold was chosen, by validation alone, for all runs alike."""
    rules = {
        "default": "the more probable answer, as in all tables above",
        "best_f1": "the threshold with the best F1 on validation",
        "recall": f"the best precision with a recall of at least {found.target} on validation",
        "precision": f"the best recall with a precision of at least {found.target} on validation",
    }
    return (
        f"A run says “{found.name}” from some probability on: {rules[found.rule]}. Test had no say "
        "in it, and shows what comes of it."
    )


LOOK_LIKE_VERBS = "of validation and test looks", "of validation and test look"


def describe_data_quality(facts: DatasetCard) -> list[str]:
    """Return what is wrong, or might be, with the images; what is in order goes without saying."""
    found = [
        *_describe_rejected(facts),
        *_describe_copies(facts.copies),
        *_describe_near_duplicates(facts.alike),
    ]
    return found or ["No image was left out, none is there twice, and no two look the same."]


def _describe_rejected(facts: DatasetCard) -> list[str]:
    reasons = ", ".join(f"{reason} ({count:,})" for reason, count in facts.reasons.items())
    return [f"Left out, by reason: {reasons}."] if reasons else []


def _describe_copies(copies: DuplicateCounts) -> list[str]:
    told = [
        (copies.duplicates, "byte-identical copies in the same class and split"),
        (copies.label_conflicts, "byte-identical copies with another label: one must be wrong"),
        (copies.across_splits, "byte-identical copies in another split: seen, then judged"),
    ]
    return [
        f"{_format_image_count(count, 'has', 'have')} {words}." for count, words in told if count
    ]


def _describe_near_duplicates(alike: NearDuplicateCounts) -> list[str]:
    """Return how many images look like others, in the words of data/near_duplicates.py."""
    if not alike.pairs:
        return []
    least = "" if alike.complete else "at least "
    told = (
        f"{least}{alike.pairs:,} pairs of images look the same without being byte-identical "
        f"(a perceptual hash, distance up to {alike.bound:.2g}): {alike.across_splits:,} across "
        f"splits, {alike.label_conflicts:,} with different labels. "
        f"{_format_image_count(alike.judged_and_seen, *LOOK_LIKE_VERBS)} like one of training."
    )
    return [told[0].upper() + told[1:]]


def _format_image_count(count: int, singular: str, plural: str) -> str:
    return f"One image {singular}" if count == 1 else f"{count:,} images {plural}"


def describe_levels(facts: DatasetCard) -> str:
    """Return mean and standard deviation of the pixels of each split: they should be alike."""
    told = ", ".join(
        f"{facts.levels[split].mean:.0f} ± {facts.levels[split].std:.0f} in {split}"
        for split in SPLITS
    )
    return f"Pixels, from 0 (black) to 255, mean and standard deviation: {told}."
