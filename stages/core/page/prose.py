"""Numbers as sentences for people, in percent."""

from markupsafe import Markup

from stages.core.outputs.facts import Facts
from stages.core.outputs.findings import Calibration, Fitting, Losses, OperatingPoint
from stages.core.outputs.study import Study


def percent(share: float) -> str:
    """Return a share in 0..1 as people read it."""
    return f"{100 * share:.1f} %"


def question(facts: Facts) -> str:
    """Return the question that the runs answer."""
    if facts.positive is not None:
        return f"Is it “{facts.positive}”, or not?"
    return f"Which of {len(facts.classes)} classes is it?"


def summary(study: Study) -> str:
    """Return what the lazy baseline reaches: what every accuracy has to be held against."""
    facts = study.facts
    lazy = study.results[0].details["test"].lazy.accuracy or 0.0
    return (
        f"Always answering “{facts.lazy_class}” is right for {percent(lazy)} of the test images, "
        "without looking at one. What do the runs know beyond that?"
    )


def described(facts: Facts) -> str:
    """Return how many images there are, of what size and kind."""
    total = sum(sum(counts.values()) for counts in facts.counts.values())
    height, width, channels = facts.shape
    kind = "grey" if channels == 1 else "colour"
    rejected = f" {facts.rejected:,} could not be read and were left out." * bool(facts.rejected)
    return f"{total:,} images of {height} by {width} pixels, {kind}.{rejected}"


def averaged(facts: Facts) -> str:
    """Return whose precision and recall are meant."""
    if facts.positive is not None:
        return f"Precision, recall, F1 and the areas are those of “{facts.positive}”."
    return "Precision, recall, F1 and the areas are unweighted means over the classes."


def curves(facts: Facts) -> str:
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


def whole(share: float | None) -> str:
    """Return a share as a whole percentage: 0.318 is "32 %"; 99.5 % and more keep a digit."""
    if share is None:
        return "an unknown share"
    return percent(share) if 0.995 <= share < 1 else f"{100 * share:.0f} %"


def coded(text: str) -> Markup:
    """Return a sentence for the page: what stands between backticks is code."""
    code = Markup("<code>{}</code>")
    parts = enumerate(text.split("`"))
    return Markup("").join(code.format(part) if i % 2 else part for i, part in parts)


def short(number: float) -> str:
    """Return a number with three digits and no zero before the point, where space is dear."""
    return f"{number:.3f}".removeprefix("0")


def compact(count: int) -> str:
    """Return a count in at most four letters: 872, 12k, 3M."""
    if count < 1000:
        return str(count)
    return f"{count / 1e3:.0f}k" if count < 999_500 else f"{count / 1e6:.0f}M"


def fitted(found: Fitting) -> str:
    """Return whether training went on for too long, or not long enough, and what was kept."""
    told = {
        "overfitting": (
            f"Overfitting: validation loss was lowest around epoch {found.turned} and had risen "
            f"by {whole(found.rise)} at the end."
        ),
        "underfitting": (
            f"Still learning: validation loss fell {whole(found.fall)} over the last quarter; "
            "more epochs may help."
        ),
        "settled": "Settled: at the end validation loss neither rose nor fell beyond its noise.",
        "too short": "Too few epochs to tell over- from underfitting.",
        "diverged": "Diverged: the last epoch has no finite loss.",
    }
    return f"{told[found.kind]}{_gap(found)} {_kept(found)}"


def _gap(found: Fitting) -> str:
    """Return how far the curves are apart, which is what learning by heart looks like."""
    if found.kind != "overfitting" or found.gap is None:
        return ""
    return f" It ended {found.gap:.3f} nats above training loss."


def _kept(found: Fitting) -> str:
    kept = f"The weights of epoch {found.kept} of {found.epochs} were kept."
    if found.saved is None:
        return kept
    if found.saved == 0:
        return f"{kept} Early stopping was on, but never stopped it."
    return f"{kept} Early stopping saved {found.saved} of {found.allowed} epochs."


def calibrated(found: Calibration) -> str:
    """Return how often a run is right when it says what it usually says."""
    typical, right = found.typical, found.typical.accuracy.value
    if right is None or typical.confidence is None:
        return "It has given no answer to judge."
    verdict = "about as often as it says"
    if typical.misjudged:
        verdict = "too sure" if typical.confidence > right else "it could be surer"
    return (
        f"When it says {percent(typical.confidence)}, it is right {percent(right)} of the time: "
        f"{verdict} ({typical.count:,} images)."
    )


def spread(found: Losses) -> str:
    """Return whether few confident mistakes or many small doubts make the log loss."""
    images = "one image carries" if found.half == 1 else f"{found.half:,} images carry"
    told = (
        f"The worst 1 % of images carry {whole(found.worst_share)} of the loss; {images} half of it"
    )
    if found.confidence_wrong is None:
        return f"{told}. It was never wrong."
    return f"{told}. When wrong, it is still {whole(found.confidence_wrong)} sure on average."


def operating(found: OperatingPoint) -> str:
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
