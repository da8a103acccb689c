"""Numbers as sentences for people, in percent."""

from stages.core.facts import Facts
from stages.core.study import Study


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
